//! Clients that the operator configured, and the access they get for themselves.
use crate::support::{
    app::{Answer, ISSUER, MCP, OTHER, TestApp, basic},
    client_credentials::{SECRET, SETTINGS, ask, start},
    db::fresh_db,
    tokens::access_token,
};
use keyward::{clients::configured, config::Config, model::ClientId};
use serde_json::json;

#[tokio::test]
async fn a_client_that_the_operator_wrote_down_gets_a_token_for_itself() {
    let t = start("").await;
    let tokens = ask(&t, "worker", "w", &[]).await;
    assert_eq!((tokens.status.as_u16(), tokens.header("cache-control")), (200, "no-store"), "{tokens:?}");
    let tokens = tokens.json();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("mcp:read mcp:write"), &json!(600)));
    let claims = TestApp::claims(&tokens["access_token"]);
    for (name, value) in [("sub", "worker"), ("client_id", "worker"), ("aud", MCP), ("iss", ISSUER)] {
        assert_eq!(claims[name], value);
    }
    let narrow = ask(&t, "worker", "w", &[("scope", "mcp:write"), ("resource", MCP)]).await.json();
    assert_eq!(TestApp::claims(&narrow["access_token"])["scope"], "mcp:write");
    // The other way of sending a secret will do.
    let form = [("grant_type", "client_credentials"), ("client_id", "worker"), ("client_secret", SECRET)];
    assert_eq!(t.post("/token", &form).await.status, 200);
}

#[tokio::test]
async fn its_token_is_introspected_revoked_and_ends_with_the_client() {
    let t = start("").await;
    let tokens = ask(&t, "worker", "w", &[]).await.json();
    let seen = t.introspect(access_token(&tokens)).await.json();
    assert_eq!((&seen["active"], &seen["sub"], &seen["client_id"]), (&json!(true), &json!("worker"), &json!("worker")));
    assert!(seen.get("username").is_none());
    let own = t.introspect_as("worker", SECRET, access_token(&tokens)).await.json();
    assert_eq!(own["active"], true);

    let authorization = basic("worker", SECRET);
    let revoke = [("token", access_token(&tokens))];
    assert_eq!(t.post_with("/revoke", &revoke, &[("authorization", &authorization)]).await.status, 200);
    assert_eq!(t.introspect(access_token(&tokens)).await.json(), json!({"active": false}));

    let tokens = ask(&t, "worker", "w", &[]).await.json();
    t.db.set_client_disabled(&ClientId::from("worker"), Some(t.app.clock.now())).await;
    t.app.clients.forget_all();
    assert_eq!(t.introspect(access_token(&tokens)).await.json(), json!({"active": false}));
    ask(&t, "worker", "w", &[]).await.refused(401, "invalid_client");
    // A restart enables nobody.
    configured::write(&t.app).await.unwrap();
    ask(&t, "worker", "w", &[]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn an_administrators_scope_is_had_by_whom_the_operator_gave_it_to_and_the_default_resource_is_its_own() {
    let t = start("").await;
    let secret = "fedcba9876543210fedcba9876543210";
    let there = ask(&t, "the-admin", secret, &[]).await.json();
    let claims = TestApp::claims(&there["access_token"]);
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(OTHER), &json!("other:read")));
    let here = ask(&t, "the-admin", secret, &[("resource", MCP)]).await.json();
    assert_eq!(here["scope"], "mcp:admin");
    // People are asked as ever.
    let code = t.code(&ClientId::from("the-admin"), &[("scope", "mcp:read")]).await;
    assert!(code.starts_with("kwc_"));
}

#[tokio::test]
async fn a_secret_is_changed_without_a_moment_in_which_neither_counts() {
    let t = start("").await;
    for secret in ["fedcba9876543210fedcba9876543210", "an old secret that is still around"] {
        assert_eq!(ask(&t, "the-admin", secret, &[]).await.status, 200, "{secret}");
    }
    ask(&t, "the-admin", "", &[]).await.refused(401, "invalid_client");
    let settings = SETTINGS.replace("previous_secret = \"an old secret that is still around\"\n", "");
    let t = TestApp::on(t.db, &settings).await;
    configured::write(&t.app).await.unwrap();
    assert_eq!(ask(&t, "the-admin", "fedcba9876543210fedcba9876543210", &[]).await.status, 200);
    ask(&t, "the-admin", "an old secret that is still around", &[]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn strangers_may_act_for_themselves_only_where_the_operator_lets_them_and_then_without_any_role() {
    let t = TestApp::with("registration.client_credentials = true").await;
    let body = json!({"grant_types": ["client_credentials"], "scope": "mcp:read mcp:write mcp:admin"});
    let registered = t.register(&body).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let registered = registered.json();
    assert_eq!(registered["grant_types"], json!(["client_credentials"]));
    let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    assert_eq!(ask(&t, id, secret, &[]).await.json()["scope"], "mcp:read mcp:write");
    ask(&t, id, secret, &[("scope", "mcp:admin")]).await.refused(400, "invalid_scope");
    let t = TestApp::on(t.db, "").await;
    ask(&t, id, secret, &[]).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn what_is_switched_off_is_neither_advertised_nor_done() {
    let t = start("").await;
    let metadata = |t: Answer| t.json()["grant_types_supported"].clone();
    let on = metadata(t.get("/.well-known/oauth-authorization-server").await);
    assert!(on.as_array().unwrap().contains(&json!("client_credentials")));
    let t = start("grants.off = ['client_credentials']").await;
    let off = metadata(t.get("/.well-known/oauth-authorization-server").await);
    assert!(!off.as_array().unwrap().contains(&json!("client_credentials")), "{off}");
    ask(&t, "worker", "w", &[]).await.refused(400, "unsupported_grant_type");
}

#[test]
fn what_an_operator_got_wrong_is_told_with_the_clients_name() {
    for (settings, told) in [
        ("scope = 'mcp:read'", "client_credentials needs a secret"),
        ("secret = '0123456789abcdef0123456789abcdef'\ngrant_types = ['magic']", "magic"),
        ("secret = '0123456789abcdef0123456789abcdef'\nresource = 'https://elsewhere.example'", "elsewhere"),
        ("redirect_uris = ['http://client.example/cb']", "127.0.0.1"),
        ("jwks_uri = 'http://client.example/jwks'", "https"),
        ("jwks = { keys = [{ kty = 'RSA', d = 'x' }] }", "private"),
    ] {
        let whole = format!("issuer = 'https://auth.example'\n[clients.mine]\n{settings}");
        let error = Config::load(&whole, None, [].into()).unwrap_err().to_string();
        assert!(error.contains("clients.mine") && error.contains(told), "{settings}: {error}");
    }
}

#[tokio::test]
async fn the_demo_has_clients_that_act_for_themselves() {
    let t = TestApp::on(fresh_db().await, keyward::demo::RESOURCE.replace(".demo", ".main").as_str()).await;
    keyward::demo::seed(&t.app).await.unwrap();
    for (id, secret, scope) in [
        ("dev-admin-client", "dev-admin-secret", "mcp:admin mcp:tools:admin mcp:read mcp:write"),
        ("dev-service-client", "dev-service-secret", "mcp:read mcp:write"),
        ("test-client-id", "test-client-secret", "mcp:tools:read mcp:tools:write"),
        (
            "dev-confidential-client",
            "dev-confidential-secret",
            "mcp:tools:list mcp:tools:echo mcp:tools:read mcp:tools:write",
        ),
    ] {
        let tokens = ask(&t, id, secret, &[]).await;
        assert_eq!(tokens.json()["scope"], scope, "{id}");
    }
    // Other servers' names for the same.
    for alias in ["read write", "mcp.read mcp.write", "read mcp:tools:write"] {
        let tokens = ask(&t, "dev-service-client", "dev-service-secret", &[("scope", alias)]).await;
        assert_eq!(tokens.json()["scope"], alias);
    }
    ask(&t, "demo_client", "demo_secret", &[]).await.refused(400, "unauthorized_client");
}
