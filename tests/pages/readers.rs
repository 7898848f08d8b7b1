//! HTML for people and JSON for programs, at every path.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, TestApp, authorize_path},
    browser::{borrowed, hidden},
};
use axum::{
    body::Body,
    http::{Method, Request},
};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn call(t: &TestApp, method: &str, path: &str, accept: &str) -> Answer {
    let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    t.send(request.header("accept", accept).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn errors_are_pages_for_browsers_and_json_for_programs_at_every_path() {
    let t = TestApp::start().await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("POST", "/nowhere", 404),
        ("GET", "/static/nothing", 404),
        ("GET", "/.well-known/nothing", 404),
        ("GET", "/token", 405),
        ("GET", "/consent", 405),
        ("GET", "/device/decision", 405),
        ("PUT", "/jwks", 405),
        ("DELETE", "/", 405),
        ("GET", "/userinfo", 401),
        ("GET", "/authorize", 400),
        ("GET", "/setup", 400),
        ("GET", "/logos/none", 404),
    ] {
        let page = call(&t, method, path, BROWSER).await;
        page.page(status);
        assert!(!super::text(&page, "h1").is_empty(), "{method} {path}: {page:?}");
        assert!(!super::text(&page, "main code").is_empty() && page.body.contains(page.header("x-request-id")));
        let plain = call(&t, method, path, "application/json").await;
        assert_eq!(plain.status, status, "{method} {path}");
        // Who sent no token did nothing wrong (RFC 6750 §3.1).
        let says_nothing = path == "/userinfo" && plain.body.is_empty();
        assert!(says_nothing || plain.json()["error"].is_string() && plain.json()["error_description"].is_string());
        for kept in ["allow", "www-authenticate", "cache-control"] {
            assert_eq!(page.header(kept), plain.header(kept), "{method} {path}");
        }
        // Who names neither gets what is usual there.
        assert_eq!(call(&t, method, path, "*/*").await.status, status);
    }
    call(&t, "GET", "/nowhere", "*/*").await.refused(404, "not_found");
    call(&t, "GET", "/authorize", "*/*").await.page(400);
}

#[tokio::test]
async fn forms_of_programs_are_answered_in_json_whatever_they_accept() {
    let t = TestApp::start().await;
    for path in ["/token", "/revoke", "/introspect", "/register", "/par"] {
        let answer = call(&t, "POST", path, BROWSER).await;
        assert!(answer.json()["error"].is_string(), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_root_tells_programs_of_this_server_and_people_what_it_is() {
    let t = TestApp::start().await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await;
    for accept in ["application/json", "*/*", ""] {
        let answer = call(&t, "GET", "/", accept).await;
        assert_eq!((answer.status.as_u16(), answer.header("vary")), (200, "accept"));
        assert_eq!(answer.json(), metadata.json());
    }
    let page = call(&t, "GET", "/", BROWSER).await;
    page.page(200);
    assert_eq!(page.header("vary"), "accept");
    assert_eq!(super::text(&page, "h1"), "You decide which apps get in");
}

#[tokio::test]
async fn after_a_redirect_to_an_apps_own_scheme_there_is_a_last_page_with_the_link() {
    let t = TestApp::start().await;
    let uri = "com.example.app:/cb";
    let client = t.stranger("c", &[uri, CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let path = authorize_path(&client, &[("redirect_uri", uri)]);
    for (said, heading, result) in
        [("allow", "Go on in “Client c”", "code="), ("deny", "Nothing was allowed", "error=access_denied")]
    {
        let page = alice.get(&path).await;
        let mut form = hidden(&page, "/consent");
        form.push(("decision".into(), said.into()));
        // In a browser, twice the same.
        for _ in 0..2 {
            let last = alice.post("/consent", &borrowed(&form)).await;
            last.page(200);
            assert_eq!(super::text(&last, "h1"), heading);
            let html = scraper::Html::parse_document(&last.body);
            let link = scraper::Selector::parse("main a").unwrap();
            let href = html.select(&link).next().unwrap().value().attr("href").unwrap().to_owned();
            assert!(href.starts_with(&format!("{uri}?{result}")), "{href}");
            assert_eq!(last.header("refresh"), format!("0; url={href}"));
        }
        // For a program a redirect.
        let cookies: Vec<_> = alice.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = [("cookie", &*cookies.join("; ")), ("origin", ISSUER), ("accept", "*/*")];
        let plain = t.post_with("/consent", &borrowed(&form), &headers).await;
        assert!(plain.location().starts_with(&format!("{uri}?{result}")), "{plain:?}");
        assert_eq!(plain.header("refresh"), "");
    }
}
