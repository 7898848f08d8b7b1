//! Asking for tokens that are bound to a key, and having them refreshed (RFC 9449).
use super::{
    app::{Answer, TestApp, VERIFIER},
    dpop::DpopKey,
};
use keyward::model::ClientId;
use serde_json::Value;

pub const TOKEN_URL: &str = "https://auth.example/token";
pub const USERINFO_URL: &str = "https://auth.example/userinfo";

impl DpopKey {
    /// For a request to the token endpoint.
    pub fn token_proof(&self, t: &TestApp) -> String {
        self.proof("POST", TOKEN_URL, t.app.clock.now())
    }
}

/// Redeems a code as a public client, with a proof.
pub async fn redeem(t: &TestApp, client: &ClientId, code: &str, proof: &str) -> Answer {
    let form = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", code)];
    t.post_with("/token", &[&form[..], &[("code_verifier", VERIFIER)]].concat(), &[("dpop", proof)]).await
}

/// Refreshes as a public client, with a proof by this key.
pub async fn refresh(t: &TestApp, client: &ClientId, token: &str, key: &DpopKey) -> Answer {
    let form = [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", token)];
    t.post_with("/token", &form, &[("dpop", &key.token_proof(t))]).await
}

/// Tokens of a public client that alice approved, bound to this key.
pub async fn bound(t: &TestApp, client: &ClientId, key: &DpopKey, more: &[(&str, &str)]) -> Value {
    let answer = redeem(t, client, &t.code(client, more).await, &key.token_proof(t)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}
