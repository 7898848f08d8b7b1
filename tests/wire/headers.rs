//! Headers that every response has.
use super::{ENDPOINTS, PAGES, call};
use crate::support::app::{CALLBACK, TestApp, authorize_path, basic};
use serde_json::json;

#[tokio::test]
async fn every_answer_forbids_sniffing_and_remembers_https() {
    let t = TestApp::start().await;
    let plain = TestApp::with("issuer = \"http://127.0.0.1:8999\"").await;
    for (path, _) in ENDPOINTS.iter().chain(&PAGES).chain(&[("/nowhere", ""), ("/static/nothing", "")]) {
        for method in ["GET", "POST", "OPTIONS", "DELETE"] {
            let answer = call(&t, method, path, &[]).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {path}");
            assert!(answer.header("strict-transport-security").starts_with("max-age="), "{method} {path}");
            assert_eq!(answer.header("server"), "");
            assert_eq!(answer.header("x-request-id").len(), 32);
            let unencrypted = call(&plain, method, path, &[]).await;
            assert_eq!(unencrypted.header("strict-transport-security"), "", "{method} {path}");
            assert_eq!(unencrypted.header("x-content-type-options"), "nosniff");
        }
    }
}

#[tokio::test]
async fn what_is_secret_or_personal_is_not_stored_by_caches() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    let page = browser.get(&authorize_path(&client, &[])).await;
    let redirect = browser.approve(&authorize_path(&client, &[])).await;
    let tokens = t.redeem(&client, &redirect.returned("code").unwrap()).await;
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {access}");
    let notes = basic("notes-server", "notes-server-secret");
    for answer in [
        page,
        redirect,
        tokens,
        t.introspect(&access).await,
        t.post("/revoke", &[("client_id", "c"), ("token", "x")]).await,
        t.post("/revoke", &[]).await,
        t.post("/token", &[]).await,
        t.post_with("/introspect", &[], &[("authorization", &notes)]).await,
        t.register(&json!({"redirect_uris": [CALLBACK]})).await,
        t.register(&json!({})).await,
        call(&t, "GET", "/userinfo", &[]).await,
        call(&t, "GET", "/userinfo", &[("authorization", &bearer)]).await,
        call(&t, "GET", "/login", &[]).await,
        call(&t, "GET", "/authorize", &[]).await,
        call(&t, "GET", &authorize_path(&client, &[]), &[]).await,
        call(&t, "GET", "/", &[]).await,
        call(&t, "GET", "/logout", &[]).await,
        call(&t, "GET", "/setup", &[]).await,
        call(&t, "GET", "/health", &[]).await,
        call(&t, "GET", "/nowhere", &[]).await,
    ] {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    }
}

#[tokio::test]
async fn every_page_also_an_error_is_kept_out_of_frames() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    browser.get(&authorize_path(&client, &[])).await.page(200);
    browser.post("/consent", &[]).await.page(400);
    t.get("/authorize").await.page(400);
    t.get("/login").await.page(200);
    t.post("/login", &[]).await.page(403);
    t.get("/login?return_to=https%3A%2F%2Fevil.example").await.page(400);
    for (path, _) in PAGES {
        for method in ["GET", "POST", "PUT", "OPTIONS"] {
            let answer = call(&t, method, path, &[]).await;
            assert_eq!(answer.header("x-frame-options"), "DENY", "{method} {path}");
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
            assert!(answer.header("content-security-policy").contains("default-src 'none'"));
            assert_eq!(answer.header("referrer-policy"), "same-origin");
        }
    }
}
