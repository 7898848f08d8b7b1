//! Paths that scripts and configurations for other servers expect.
use crate::support::{
    app::{TestApp, basic},
    client_credentials::ask,
};
use keyward::config::Config;
use serde_json::json;
use std::collections::HashMap;

#[tokio::test]
async fn scripts_that_do_not_discover_find_endpoints_below_oauth_where_the_operator_wants_that() {
    let t = TestApp::with(&format!("legacy_paths = true\n{}", crate::support::client_credentials::SETTINGS)).await;
    keyward::clients::configured::write(&t.app).await.unwrap();
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    for (member, path) in [("token_endpoint", "/token"), ("introspection_endpoint", "/introspect")] {
        assert!(
            metadata[member].as_str().unwrap().ends_with(path) && !metadata[member].to_string().contains("/oauth/")
        );
    }
    assert_eq!(t.get("/oauth/jwks").await.json(), t.get("/jwks").await.json());
    let form = [("grant_type", "client_credentials")];
    let authorization = basic("worker", "0123456789abcdef0123456789abcdef");
    let tokens = t.post_with("/oauth/token", &form, &[("authorization", &authorization)]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let authorization = basic("notes-server", "notes-server-secret");
    let seen = t.post_with("/oauth/validate", &[("token", token)], &[("authorization", &authorization)]).await.json();
    assert_eq!(seen["active"], true);
    assert_eq!(
        t.get("/oauth/authorize?client_id=a&state=b%20c").await.location(),
        "/authorize?client_id=a&state=b%20c"
    );
    // What is wrong is told there as everywhere.
    t.post("/oauth/token", &form).await.refused(401, "invalid_client");

    let t = TestApp::start().await;
    for path in ["/oauth/token", "/oauth/jwks", "/oauth/register", "/oauth/validate", "/oauth/authorize"] {
        assert_eq!(t.get(path).await.status, 404, "{path}");
    }
}

#[test]
fn secrets_may_be_short_in_the_demo_only() {
    let base = "issuer = 'http://127.0.0.1:8999'\n";
    for short in [
        "[clients.a]\nsecret = 'short'",
        "[registration]\ninitial_access_token = 'short'",
        "[debug]\nadmin_token = 'short'",
        "[resources.r]\nidentifier = 'https://mcp.example'\nintrospection = { id = 'r', secret = 'short' }",
    ] {
        let settings = format!("{base}{short}");
        let refused = Config::load(&settings, None, HashMap::new()).unwrap_err().to_string();
        assert!(refused.contains("at least") && refused.contains("characters"), "{refused}");
        assert!(Config::load_for_demo(&settings, None, HashMap::new()).is_ok(), "{short}");
    }
    // All else is as wrong as ever.
    let stray = format!("{base}[clients.a]\nprevious_secret = 'short'");
    assert!(Config::load_for_demo(&stray, None, HashMap::new()).is_err());
}

#[tokio::test]
async fn who_registers_for_client_credentials_in_the_demo_acts_for_itself() {
    let t = TestApp::with("registration.client_credentials = true").await;
    let body = json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"});
    let client = t.register(&body).await.json();
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let tokens = ask(&t, id, secret, &[("scope", "mcp:tools:echo")]).await.json();
    assert_eq!(tokens["scope"], "mcp:tools:echo");
    ask(&t, id, secret, &[("scope", "mcp:write")]).await.refused(400, "invalid_scope");
}
