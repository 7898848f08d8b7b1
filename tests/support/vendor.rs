//! A vendor of software whose statements the server trusts (RFC 7591 §2.3).
use super::{
    app::{Answer, CALLBACK, TestApp},
    client_key::{ClientKey, with},
};
use serde_json::{Value, json};

pub const VENDOR: &str = "https://vendor.example";

/// A server that trusts a vendor of software.
pub struct Vendor {
    pub t: TestApp,
    pub key: ClientKey,
}

impl Vendor {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With these top-level settings.
    pub async fn with(more: &str) -> Self {
        let key = ClientKey::es256("k");
        let t = TestApp::with(&settings(&key, more)).await;
        Self { t, key }
    }

    /// A good statement with these claims over it; `null` leaves one out.
    pub fn statement(&self, changes: &Value) -> String {
        let good = json!({
            "iss": VENDOR, "software_id": "notes-app", "client_name": "Notes", "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none",
        });
        self.key.sign(&self.key.header(), &with(good, changes))
    }

    pub async fn register(&self, statement: &str, own: &Value) -> Answer {
        self.t.register(&with(json!({"software_statement": statement}), own)).await
    }
}

/// With these top-level settings.
pub fn settings(key: &ClientKey, more: &str) -> String {
    let jwks = key.jwks();
    format!(
        "{more}\n[trusted_issuers.vendor]\nissuer = '{VENDOR}'\nname = 'Vendor Inc.'\njwks = '{jwks}'\n\
         software_statements = true"
    )
}
