//! Which responses pages of other origins may read (OAuth 2.1 §3.1, §3.2; Fetch).
use super::{ENDPOINTS, PAGES, call};
use crate::support::app::{Answer, CALLBACK, TestApp, authorize_path};
use serde_json::json;

const ORIGIN: (&str, &str) = ("origin", "https://evil.example");

/// What a browser asks before it sends a request its page made.
async fn preflight(t: &TestApp, path: &str, method: &str) -> Answer {
    let asked = "authorization,content-type,mcp-protocol-version";
    let headers = [ORIGIN, ("access-control-request-method", method), ("access-control-request-headers", asked)];
    call(t, "OPTIONS", path, &headers).await
}

fn is_silent(answer: &Answer) -> bool {
    answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-"))
}

#[tokio::test]
async fn a_preflight_of_what_browsers_may_use_is_204_without_authentication() {
    let t = TestApp::start().await;
    for (path, methods, headers) in [
        ("/token", "POST", "authorization content-type dpop"),
        ("/par", "POST", "authorization content-type dpop"),
        ("/revoke", "POST", "authorization content-type dpop"),
        ("/register", "POST", "authorization content-type mcp-protocol-version"),
        ("/userinfo", "GET POST", "authorization dpop"),
        ("/jwks", "GET", "mcp-protocol-version"),
        ("/.well-known/oauth-authorization-server", "GET", "mcp-protocol-version"),
        ("/.well-known/openid-configuration", "GET", "mcp-protocol-version"),
    ] {
        for method in methods.split(' ') {
            let answer = preflight(&t, path, method).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert!(answer.header("access-control-allow-methods").split(',').any(|one| one == method), "{path}");
            let allowed = answer.header("access-control-allow-headers").to_lowercase();
            for header in headers.split(' ') {
                assert!(allowed.split(',').any(|one| one.trim() == header), "{path}: {header} is not in {allowed}");
            }
            // With a wildcard, never with cookies.
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
}

#[tokio::test]
async fn answers_and_refusals_alike_are_readable_where_browsers_may_ask() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "c"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let mut answers = vec![
        (200, t.post_with("/token", &refresh, &[ORIGIN]).await),
        (400, t.post_with("/token", &[("client_id", "c")], &[ORIGIN]).await),
        (401, t.post_with("/token", &[("client_id", "nobody")], &[ORIGIN]).await),
        (405, call(&t, "GET", "/token", &[ORIGIN]).await),
        (200, t.post_with("/revoke", &[("client_id", "c"), ("token", "x")], &[ORIGIN]).await),
        (401, t.post_with("/revoke", &[("token", "x")], &[ORIGIN]).await),
        (401, call(&t, "GET", "/userinfo", &[ORIGIN]).await),
        (400, call(&t, "POST", "/register", &[ORIGIN]).await),
        (200, call(&t, "GET", "/jwks", &[ORIGIN]).await),
        (200, call(&t, "GET", "/.well-known/oauth-authorization-server", &[ORIGIN]).await),
    ];
    t.db.close().await.unwrap();
    answers.push((503, t.post_with("/token", &refresh, &[ORIGIN]).await));
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{answer:?}");
        assert!(answer.header("access-control-expose-headers").to_lowercase().contains("www-authenticate"));
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn pages_and_introspection_never_speak_to_other_origins() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let silent = PAGES.iter().chain(&ENDPOINTS).map(|(path, _)| *path);
    let silent = silent.filter(|path| path.starts_with("/introspect") || PAGES.iter().any(|(page, _)| page == path));
    for path in silent.chain(["/health", "/nowhere"]) {
        for method in ["GET", "POST", "OPTIONS", "PUT"] {
            let answer = call(&t, method, path, &[ORIGIN]).await;
            assert!(is_silent(&answer), "{method} {path}: {answer:?}");
        }
        let asked = preflight(&t, path, "POST").await;
        assert!(is_silent(&asked) && asked.status.is_client_error(), "{path}: {asked:?}");
    }
    for more in [&[][..], &[("response_type", "token")], &[("redirect_uri", "https://evil.example/")]] {
        assert!(is_silent(&call(&t, "GET", &authorize_path(&client, more), &[ORIGIN]).await));
    }
    let mut browser = t.signed_in("alice").await;
    let page = browser.post_from("/consent", &[("decision", "allow")], &[ORIGIN]).await;
    page.page(403);
    assert!(is_silent(&page));
    let introspected = t.post_with("/introspect", &[("token", "x")], &[ORIGIN]).await;
    introspected.refused(401, "invalid_client");
    assert!(is_silent(&introspected));
}

#[tokio::test]
async fn a_browser_without_help_of_a_server_registers_and_refreshes() {
    let t = TestApp::start().await;
    let request = axum::http::Request::post("/register").header("content-type", "application/json");
    let request = request.header(ORIGIN.0, ORIGIN.1).header("mcp-protocol-version", "2025-11-25");
    let body = json!({"redirect_uris": ["http://localhost:6274/cb"], "token_endpoint_auth_method": "none"});
    let answer = t.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (201, "*"));
}
