//! A trusted issuer, and the assertions that it signs.
use super::{
    app::{Answer, ISSUER, MCP, TestApp, basic},
    client_key::{ClientKey, with},
};
use keyward::{clients::configured, model::grant_type::JWT_BEARER, oauth::id_jag, storage::Db};
use serde_json::{Value, json};

pub const IDP: &str = "https://idp.example";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
const CLIENTS: &str = r#"
[clients.agent]
secret = "0123456789abcdef0123456789abcdef"
grant_types = ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
[clients.second]
secret = "0123456789abcdef0123456789abcdef"
grant_types = ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
[clients.open]
grant_types = ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
[clients.other]
secret = "0123456789abcdef0123456789abcdef"
redirect_uris = ["https://client.example/cb"]
"#;

/// A server, and an identity provider it trusts.
pub struct Trusting {
    pub t: TestApp,
    pub key: ClientKey,
}

/// These settings of the issuer, with its key.
pub fn settings(key: &ClientKey, more: &str) -> String {
    let jwks = key.jwks();
    format!("{CLIENTS}\n[trusted_issuers.idp]\nissuer = '{IDP}'\njwks = '{jwks}'\nidentity_assertions = true\n{more}")
}

impl Trusting {
    /// Which finds people by their address.
    pub async fn start() -> Self {
        Self::with("link_by_email = ['people.example']").await
    }

    pub async fn with(more: &str) -> Self {
        Self::keyed(ClientKey::es256("k"), more).await
    }

    pub async fn keyed(key: ClientKey, more: &str) -> Self {
        let t = TestApp::with(&settings(&key, more)).await;
        configured::write(&t.app).await.unwrap();
        Self { t, key }
    }

    pub fn db(&self) -> &Db {
        &self.t.db
    }

    /// The claims of a good identity assertion about alice, with these over them; `null` leaves one out.
    pub fn claims(&self, changes: &Value) -> Value {
        let now = self.t.app.clock.now().unix_timestamp();
        let good = json!({
            "iss": IDP, "sub": "00u1", "aud": ISSUER, "client_id": "agent", "resource": MCP, "scope": "mcp:read",
            "jti": keyward::secrets::random(), "iat": now, "exp": now + 300, "email": "alice@people.example",
        });
        with(good, changes)
    }

    pub fn header(&self) -> Value {
        with(self.key.header(), &json!({"typ": id_jag::TYPE}))
    }

    pub fn assertion(&self, changes: &Value) -> String {
        self.key.sign(&self.header(), &self.claims(changes))
    }

    /// Redeems it as the client that it was issued to.
    pub async fn redeem(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        self.redeem_as("agent", assertion, more, &[]).await
    }

    pub async fn redeem_as(
        &self,
        client: &str,
        assertion: &str,
        more: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let form = [&[("grant_type", JWT_BEARER), ("assertion", assertion)], more].concat();
        let authorization = basic(client, SECRET);
        self.t.post_with("/token", &form, &[&[("authorization", authorization.as_str())], headers].concat()).await
    }
}
