//! MCP servers that exchange tokens for one another's (RFC 8693).
use super::{
    app::{Answer, CALLBACK, TestApp, basic},
    events::events,
    tokens::text,
};
use keyward::clients::configured;
use serde_json::Value;

pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
pub const THIRD: &str = "https://third.example/mcp";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The MCP server "notes" may call "other", and "other" may call "third" and come back.
const SETTINGS: &str = r#"
[clients.notes]
secret = "0123456789abcdef0123456789abcdef"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials"]
scope = "mcp:read"

[clients.other]
secret = "0123456789abcdef0123456789abcdef"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials"]

[clients.bystander]
secret = "0123456789abcdef0123456789abcdef"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials"]

[resources.other.scopes]
"other:write" = "Write elsewhere"
"other:admin" = { description = "Everything elsewhere", roles = ["admin"] }
[[resources.other.exchange]]
client = "notes"
from = "https://mcp.example/mcp"
scopes = { "mcp:read" = "other:read other:admin", "mcp:write" = "other:write" }

[resources.third]
identifier = "https://third.example/mcp"
scopes = { "other:read" = "The same word", "third:read" = "Read there" }
[[resources.third.exchange]]
client = "other"
from = "https://other.example/mcp"

[[resources.main.exchange]]
client = "other"
from = "https://third.example/mcp"
scopes = { "other:read" = "mcp:read" }
[[resources.main.exchange]]
client = "other"
from = "https://other.example/mcp"
scopes = { "other:read" = "mcp:read" }
"#;

pub async fn start(more: &str) -> TestApp {
    let t = TestApp::with(&format!("{more}\n{SETTINGS}")).await;
    configured::write(&t.app).await.unwrap();
    t
}

/// What alice allowed a client called `c`.
pub async fn allowed(t: &TestApp, scope: &str) -> String {
    let client = t.public_client("c", &[CALLBACK]).await;
    text(&t.tokens(&client, &[("scope", scope)]).await, "access_token").to_owned()
}

/// As a client with `SECRET`; `more` replaces parameters of the same name (an empty value removes).
pub async fn exchange(t: &TestApp, client: &str, subject_token: &str, more: &[(&str, &str)]) -> Answer {
    exchange_with(t, client, subject_token, more, &[]).await
}

pub async fn exchange_with(
    t: &TestApp,
    client: &str,
    subject_token: &str,
    more: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let whole = [("grant_type", GRANT_TYPE), ("subject_token", subject_token), ("subject_token_type", ACCESS_TOKEN)];
    let mut form = whole.to_vec();
    form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    let authorization = basic(client, SECRET);
    t.post_with("/token", &form, &[&[("authorization", authorization.as_str())], headers].concat()).await
}

#[track_caller]
pub fn exchanged(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json(), "access_token").to_owned()
}

/// At the server it was exchanged for.
pub async fn is_active_there(t: &TestApp, token: &str) -> bool {
    t.introspect_as("other-server", "other-server-secret", token).await.json()["active"] == true
}

/// The details of all exchanges, the newest first.
pub async fn exchanges(t: &TestApp) -> Vec<Value> {
    events(t, "token_exchanged").await.into_iter().map(|event| event.details).collect()
}
