//! Attacks on clients acting for themselves (RFC 6749 §4.4).
use crate::support::{
    app::{CALLBACK, MCP, OTHER, TestApp, basic},
    client_credentials::{SETTINGS, ask, start},
};
use serde_json::json;

#[tokio::test]
async fn attack_61_a_public_client_has_nothing_for_itself() {
    let t = start("").await;
    t.public_client("public", &[CALLBACK]).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "public")];
    t.post("/token", &form).await.refused(400, "unauthorized_client");
    // Nor one that is confidential but was not given this grant, nor without the secret.
    t.confidential_client("people", "its-secret").await;
    ask(&t, "people", "its-secret", &[]).await.refused(400, "unauthorized_client");
    ask(&t, "worker", "a wrong secret", &[]).await.refused(401, "invalid_client");
    t.post("/token", &[("grant_type", "client_credentials"), ("client_id", "worker")])
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn attack_61_what_is_a_persons_or_beyond_the_ceiling_is_an_invalid_scope() {
    let t = start("").await;
    for scope in [
        "openid offline_access",
        "openid",
        "mcp:read offline_access",
        "profile",
        "email",
        "mcp:admin",
        "mcp:read mcp:admin",
        "other:read",
        "mcp:read  mcp:write",
        "unknown",
    ] {
        ask(&t, "worker", "w", &[("scope", scope)]).await.refused(400, "invalid_scope");
    }
    for resource in ["https://elsewhere.example/mcp", "https://auth.example", "/mcp", "https://mcp.example/mcp#x"] {
        ask(&t, "worker", "w", &[("resource", resource)]).await.refused(400, "invalid_target");
    }
    ask(&t, "worker", "w", &[("resource", MCP), ("resource", OTHER)]).await.refused(400, "invalid_target");
    // Nothing of its ceiling means anything there.
    ask(&t, "worker", "w", &[("resource", OTHER)]).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn attack_61_there_is_never_a_refresh_token_nor_an_id_token() {
    let t = start("").await;
    let tokens = ask(&t, "worker", "w", &[]).await.json();
    let members: Vec<_> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    let claims = TestApp::claims(&tokens["access_token"]);
    assert_eq!(claims["grant_type"], "client_credentials");
    for person in ["preferred_username", "auth_time", "grant_id"] {
        assert!(claims.get(person).is_none(), "{claims}");
    }
    // It is no token for userinfo either.
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    t.post_with("/userinfo", &[], &[("authorization", &bearer)]).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn attack_83_a_client_that_registers_itself_does_not_get_client_credentials() {
    let t = TestApp::with(SETTINGS).await;
    let alone = json!({"grant_types": ["client_credentials"], "client_name": "Bot"});
    t.register(&alone).await.refused(400, "invalid_client_metadata");
    let beside = json!({"grant_types": ["client_credentials", "authorization_code"], "redirect_uris": [CALLBACK]});
    let registered = t.register(&beside).await.json();
    assert_eq!(registered["grant_types"], json!(["authorization_code"]));
    let secret = |member: &str| registered[member].as_str().unwrap().to_owned();
    let answer = t
        .post_with(
            "/token",
            &[("grant_type", "client_credentials")],
            &[("authorization", &basic(&secret("client_id"), &secret("client_secret")))],
        )
        .await;
    answer.refused(400, "unauthorized_client");
}
