//! A platform whose word about its workloads the server trusts (RFC 7523 §2.1).
use super::{
    app::{Answer, ISSUER, TestApp},
    client_key::{ClientKey, with},
};
use keyward::{clients::configured, model::grant_type::JWT_BEARER};
use serde_json::{Value, json};

pub const PLATFORM: &str = "https://ci.example";
pub const RULES: &str = r#"
[trusted_issuers.ci.workloads.deploy]
claims = { repository = "acme/app", ref = "refs/heads/*" }
client = "deployer"
scope = "mcp:read mcp:admin"
[trusted_issuers.ci.workloads.nightly]
claims = { sub = "system:serviceaccount:jobs:nightly" }
resources = ["https://other.example/mcp", "https://mcp.example/mcp"]
"#;

/// A server that trusts a platform about two workloads.
pub struct Platform {
    pub t: TestApp,
    pub key: ClientKey,
}

impl Platform {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With these settings of the issuer.
    pub async fn with(more: &str) -> Self {
        let key = ClientKey::rs256("k");
        let jwks = key.jwks();
        let settings = format!("[trusted_issuers.ci]\nissuer = '{PLATFORM}'\njwks = '{jwks}'\n{more}\n{RULES}");
        let t = TestApp::with(&settings).await;
        configured::write(&t.app).await.unwrap();
        Self { t, key }
    }

    /// The claims of a job on a branch of acme/app, with these over them; `null` leaves one out.
    pub fn claims(&self, changes: &Value) -> Value {
        let now = self.t.app.clock.now().unix_timestamp();
        let good = json!({
            "iss": PLATFORM, "sub": "repo:acme/app:ref:refs/heads/main", "aud": ISSUER, "repository": "acme/app",
            "ref": "refs/heads/main", "jti": keyward::secrets::random(), "iat": now, "nbf": now, "exp": now + 3_600,
        });
        with(good, changes)
    }

    pub fn token(&self, changes: &Value) -> String {
        self.key.sign(&self.key.header(), &self.claims(changes))
    }

    pub async fn ask(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let form = [&[("grant_type", JWT_BEARER), ("assertion", token)], more].concat();
        self.t.post("/token", &form).await
    }
}
