//! Clients that the operator wrote down, asking for tokens of their own.
use super::app::{Answer, TestApp, basic};
use keyward::clients::configured;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const SETTINGS: &str = r#"
[clients.worker]
name = "Nightly job"
secret = "0123456789abcdef0123456789abcdef"
scope = "mcp:read mcp:write"

[clients.root]
id = "the-admin"
secret = "fedcba9876543210fedcba9876543210"
previous_secret = "an old secret that is still around"
scope = "mcp:admin other:read"
grant_types = ["client_credentials", "authorization_code"]
redirect_uris = ["https://client.example/cb"]
resource = "https://other.example/mcp"
"#;

/// With these clients; settings of sections come after top-level ones.
pub async fn start(more: &str) -> TestApp {
    let t = TestApp::with(&format!("{more}\n{SETTINGS}")).await;
    configured::write(&t.app).await.unwrap();
    t
}

/// As a client with a secret; `w` is short for the worker's.
pub async fn ask(t: &TestApp, id: &str, secret: &str, more: &[(&str, &str)]) -> Answer {
    let secret = if secret == "w" { SECRET } else { secret };
    let form = [&[("grant_type", "client_credentials")], more].concat();
    t.post_with("/token", &form, &[("authorization", &basic(id, secret))]).await
}
