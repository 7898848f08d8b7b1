//! Pushed authorization requests (RFC 9126), as a client and a user send them.
use crate::support::{
    app::{CALLBACK, CHALLENGE, ISSUER, MCP, TestApp, VERIFIER, authorize_path, basic},
    par::{push, short},
};
use keyward::{model::ClientId, secrets::Digest, storage::pushed_requests};
use serde_json::json;

#[tokio::test]
async fn a_confidential_client_pushes_and_the_browser_carries_only_a_reference() {
    let t = TestApp::start().await;
    t.confidential_client("c", "secret").await;
    let credentials = [("authorization", &*basic("c", "secret"))];
    let form = [
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "a b+c&d=\u{e4}"),
        ("resource", MCP),
        ("scope", "mcp:read mcp:write"),
    ];
    let pushed = t.post_with("/par", &form, &credentials).await;
    assert_eq!((pushed.status.as_u16(), pushed.header("cache-control")), (201, "no-store"), "{pushed:?}");
    assert_eq!(pushed.json()["expires_in"], 600);
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let random = request_uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap();
    assert_eq!(keyward::secrets::from_base64url(random).unwrap().len(), 32);

    let path = short("c", &pushed);
    let mut browser = t.browser();
    let login = browser.get(&path).await.location().to_owned();
    assert!(browser.get(&login).await.body.contains("Client c"));
    assert_eq!(browser.sign_in("alice", crate::support::app::PASSWORD, &path).await.location(), path);
    let done = browser.approve(&path).await;
    assert_eq!(done.returned("state").as_deref(), Some("a b+c&d=\u{e4}"));
    assert_eq!(done.returned("iss").as_deref(), Some(ISSUER));
    let code = done.returned("code").unwrap();
    let redeem = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    let tokens = t.post_with("/token", &redeem, &credentials).await.json();
    assert_eq!(tokens["scope"], "mcp:read mcp:write", "{tokens}");
}

#[tokio::test]
async fn credentials_are_not_kept_with_the_request() {
    let t = TestApp::start().await;
    let client = t.register(&json!({"redirect_uris": [CALLBACK]})).await.json();
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let pushed = push(&t, &ClientId::from(id), &[("client_secret", secret)]).await;
    let hash = Digest::of(pushed.json()["request_uri"].as_str().unwrap());
    let kept = pushed_requests::find(&t.db, &hash, &ClientId::from(id), t.app.clock.now()).await.unwrap().unwrap();
    assert!(!kept.query.contains("client_secret") && !kept.query.contains(secret), "{}", kept.query);
    assert!(kept.query.contains("code_challenge="));
}

#[tokio::test]
async fn prompt_login_is_satisfied_once_for_a_pushed_request_too() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let path = short("a", &push(&t, &client, &[("prompt", "login")]).await);
    let mut browser = t.signed_in("alice").await;
    assert!(browser.get(&path).await.location().starts_with("/login?"));
    browser.sign_in("alice", crate::support::app::PASSWORD, &path).await;
    assert!(browser.approve(&path).await.returned("code").is_some());
}

#[tokio::test]
async fn an_error_after_pushing_goes_to_the_pushed_redirect_uri_and_uses_nothing_up() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let path = short("a", &push(&t, &client, &[("prompt", "none")]).await);
    let mut browser = t.browser();
    for _ in 0..2 {
        let answer = browser.get(&path).await;
        assert!(answer.location().starts_with(CALLBACK));
        assert_eq!(answer.returned("error").as_deref(), Some("login_required"));
        assert_eq!(answer.returned("state").as_deref(), Some("af0ifjsldkj"));
    }
}

#[tokio::test]
async fn where_pushing_is_required_other_requests_are_sent_back_or_shown() {
    let t = TestApp::with("authorization.require_pushed_requests = true").await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["pushed_authorization_request_endpoint"], format!("{ISSUER}/par"));
    let mut browser = t.signed_in("alice").await;
    let refused = browser.get(&authorize_path(&client, &[])).await;
    assert_eq!(refused.returned("error").as_deref(), Some("invalid_request"));
    browser.get(&authorize_path(&client, &[("redirect_uri", "https://evil.example/")])).await.page(400);
    let by_reference = [("request_uri", "https://client.example/request.jwt")];
    let refused = browser.get(&authorize_path(&client, &by_reference)).await;
    assert_eq!(refused.returned("error").as_deref(), Some("invalid_request"));
    let path = short("a", &push(&t, &client, &[]).await);
    assert!(browser.approve(&path).await.returned("code").is_some());
}

#[tokio::test]
async fn a_client_may_bind_itself_to_pushing() {
    let t = TestApp::start().await;
    let asked = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "require_pushed_authorization_requests": true});
    let registered = t.register(&asked).await.json();
    assert_eq!(registered["require_pushed_authorization_requests"], true);
    let client = ClientId::from(registered["client_id"].as_str().unwrap());
    let mut browser = t.signed_in("alice").await;
    let refused = browser.get(&authorize_path(&client, &[])).await;
    assert_eq!(refused.returned("error").as_deref(), Some("invalid_request"));
    let path = short(client.as_str(), &push(&t, &client, &[]).await);
    assert!(browser.approve(&path).await.returned("code").is_some());
    let text = json!({"redirect_uris": [CALLBACK], "require_pushed_authorization_requests": "true"});
    t.register(&text).await.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn switched_off_it_is_neither_served_nor_advertised_nor_understood() {
    let t = TestApp::with("authorization.pushed_requests = false").await;
    let client = t.public_client("a", &[CALLBACK]).await;
    push(&t, &client, &[]).await.refused(404, "not_found");
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    for member in ["pushed_authorization_request_endpoint", "require_pushed_authorization_requests"] {
        assert!(metadata.get(member).is_none(), "{member}");
    }
    let reference = [("request_uri", "urn:ietf:params:oauth:request_uri:x")];
    let refused = t.signed_in("alice").await.get(&authorize_path(&client, &reference)).await;
    assert_eq!(refused.returned("error").as_deref(), Some("request_uri_not_supported"));
}
