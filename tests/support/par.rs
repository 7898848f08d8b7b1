//! Pushing an authorization request, and opening it (RFC 9126).
use super::app::{Answer, CHALLENGE, TestApp, encode};
use keyward::model::ClientId;

/// A complete, good request of a public client; `more` replaces (an empty value removes).
pub async fn push(t: &TestApp, client: &ClientId, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("response_type", "code"),
        ("client_id", client.as_str()),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "af0ifjsldkj"),
    ];
    form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    t.post("/par", &form).await
}

/// The short URL of a pushed request.
pub fn short(client: &str, pushed: &Answer) -> String {
    let request_uri = pushed.json()["request_uri"].as_str().unwrap_or_else(|| panic!("{pushed:?}")).to_owned();
    format!("/authorize?{}", encode(&[("client_id", client), ("request_uri", &request_uri)]))
}
