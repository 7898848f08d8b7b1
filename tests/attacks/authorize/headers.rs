//! Attacks through other sites and proxies: framing, reading across origins, forged hosts.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, PASSWORD, TestApp, authorize_path},
    browser::{borrowed, hidden},
    grants::nothing_was_granted,
};
use axum::{body::Body, http::Request};

/// Whichever of the two a browser obeys.
#[track_caller]
fn cannot_be_framed(answer: &Answer) {
    assert_eq!(answer.header("x-frame-options"), "DENY", "{answer:?}");
    let policy = answer.header("content-security-policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.split("; ").any(|found| found.trim() == directive), "{directive} is not in {policy}");
    }
}

/// One of each: every page a browser can be brought to, good or bad.
async fn all_pages(t: &TestApp) -> Vec<(u16, Answer)> {
    let client = t.stranger("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let mut visitor = t.browser();
    let mut alice = t.signed_in("alice").await;
    let form = hidden(&alice.get(&path).await, "/consent");
    vec![
        (200, visitor.get("/").await),
        (200, visitor.get("/login").await),
        (403, visitor.sign_in("alice", "wrong", "/").await),
        (400, visitor.get("/login?return_to=https%3A%2F%2Fevil.example").await),
        (400, visitor.get("/setup?token=wrong").await),
        (400, visitor.get("/authorize").await),
        (400, visitor.get(&authorize_path(&client, &[("redirect_uri", "https://evil.example")])).await),
        (400, visitor.get(&authorize_path(&client, &[("scope", "mcp:nothing")])).await),
        (400, visitor.get("/authorize?client_id=%FF").await),
        (403, visitor.post_from("/login", &[], &[("origin", "https://evil.example")]).await),
        (200, alice.get("/").await),
        (200, alice.get(&path).await),
        (200, alice.get("/logout").await),
        (400, alice.post("/consent", &[]).await),
        (403, alice.post("/consent", &[&borrowed(&form[1..])[..], &[("decision", "allow")]].concat()).await),
        (405, alice.get("/consent").await),
        (303, visitor.get("/device").await),
        (200, alice.get("/device").await),
        (200, alice.get("/device?user_code=BBBB-BBBB").await),
        (403, alice.post("/device", &[("user_code", "BBBB-BBBB")]).await),
        (400, alice.get("/device/qr").await),
        (303, alice.approve(&path).await),
        (303, alice.get(&path).await),
    ]
}

#[tokio::test]
async fn attack_14_no_page_can_be_framed_whatever_its_status() {
    let t = TestApp::start().await;
    for (status, answer) in all_pages(&t).await {
        assert_eq!(answer.status, status, "{answer:?}");
        cannot_be_framed(&answer);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn attack_19_nothing_holds_the_answer_to_the_consent_form_back() {
    let t = TestApp::start().await;
    for (id, redirect_uri) in [
        ("loopback", "http://127.0.0.1:51004/cb"),
        ("ip6", "http://[::1]:51004/cb"),
        ("app", "cursor://anysphere.cursor-mcp/oauth/callback"),
        ("reversed", "com.example.app:/cb"),
        ("web", "https://stranger.example/cb"),
    ] {
        let client = t.stranger(id, &[redirect_uri]).await;
        let mut alice = t.signed_in("alice").await;
        let path = authorize_path(&client, &[]);
        let page = alice.get(&path).await;
        // Chromium and Safari apply form-action to the redirect that answers the form.
        assert!(!page.header("content-security-policy").contains("form-action"), "{page:?}");
        // With no-referrer they would send `Origin: null` with the form.
        assert_eq!(page.header("referrer-policy"), "same-origin");
        let done = alice.approve(&path).await;
        assert!(done.location().starts_with(&format!("{redirect_uri}?code=")), "{done:?}");
    }
}

#[tokio::test]
async fn attack_21_no_other_origin_may_read_a_page_with_cookies() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let paths = [
        authorize_path(&client, &[]),
        authorize_path(&client, &[("prompt", "none")]),
        "/authorize".into(),
        "/consent".into(),
        "/login".into(),
        "/logout".into(),
        "/setup?token=wrong".into(),
        "/".into(),
    ];
    for path in &paths {
        for method in ["GET", "OPTIONS", "POST"] {
            let request = Request::builder().method(method).uri(path).header("origin", "https://evil.example");
            let request = request
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "authorization");
            let answer = t.send(request.body(Body::empty()).unwrap()).await;
            let allows = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
            assert!(!allows, "{method} {path}: {answer:?}");
            assert!(method != "OPTIONS" || answer.status == 405, "{answer:?}");
        }
    }
    nothing_was_granted(&t).await;
}

#[tokio::test]
async fn attack_23_forged_hosts_change_nothing_we_say_about_ourselves() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "8080"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    // Even from a proxy that is believed about addresses.
    for peer in [[127, 0, 0, 1], [10, 0, 0, 1]] {
        let get = async |path: &str| {
            let peer = std::net::SocketAddr::from((peer, 40_000));
            let request = Request::get(path).extension(axum::extract::ConnectInfo(peer));
            let request = forged.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            t.send(request.body(Body::empty()).unwrap()).await
        };
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks"] {
            assert_eq!(get(path).await.body, t.get(path).await.body);
        }
        let to_login = get(&authorize_path(&client, &[])).await;
        assert!(to_login.location().starts_with("/login?return_to=%2Fauthorize%3F"), "{to_login:?}");
        let login = get(to_login.location()).await;
        assert!(login.header("set-cookie").contains("; Secure"), "{login:?}");
        assert!(login.header("strict-transport-security").contains("max-age="), "{login:?}");
        let refused = get(&authorize_path(&client, &[("prompt", "none")])).await;
        assert_eq!(refused.returned("iss").as_deref(), Some(ISSUER));
        for answer in [to_login, login, refused] {
            assert!(!format!("{answer:?}").contains("evil"), "{answer:?}");
        }
    }
    // The origin of our forms is configured too: a forged host doesn't make another one ours.
    let mut browser = t.browser();
    let mut form = hidden(&browser.get("/login").await, "/login");
    form.extend([("username".into(), "alice".into()), ("password".into(), PASSWORD.into())]);
    let headers = [&forged[..], &[("origin", "http://evil.example")]].concat();
    browser.post_from("/login", &borrowed(&form), &headers).await.page(403);
    let headers = [&forged[..], &[("origin", ISSUER)]].concat();
    let signed_in = browser.post_from("/login", &borrowed(&form), &headers).await;
    assert_eq!(signed_in.location(), "/");
    assert!(signed_in.header("set-cookie").contains("; Secure"), "{signed_in:?}");
}
