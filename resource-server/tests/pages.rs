//! Pages for people: what they show, and that nothing runs in them.
use crate::{
    support::{Answer, ORIGIN, TestServer, request},
    surfaces::SURFACES,
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use base64ct::{Base64, Encoding};
use serde_json::json;

async fn page(t: &TestServer, path: &str) -> (Answer, String) {
    let asked = request("GET", path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let answer = t.send(asked.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    (answer, text)
}

#[tokio::test]
async fn nothing_runs_in_a_page_and_its_style_is_the_one_allowed() {
    let t = TestServer::start().await;
    for path in ["/", "/docs/oauth-callback?code=a"] {
        let (answer, text) = page(&t, path).await;
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = Base64::encode_string(digest(&SHA256, style.as_bytes()).as_ref());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        );
        assert_eq!(answer.header("content-security-policy"), Some(policy.as_str()), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("vary"), Some("Accept"));
        assert!(!text.contains("<script") && !text.contains("javascript:"), "{path}");
        assert!(style.contains("color-scheme:light dark") && text.contains("width=device-width"), "{path}");
    }
}

#[tokio::test]
async fn the_front_page_says_of_each_surface_where_it_is_and_how_to_try_it() {
    let t = TestServer::start().await;
    let (_, text) = page(&t, "/").await;
    for surface in SURFACES {
        assert!(text.contains(&format!("<a href=\"#{surface}\">")), "{surface}");
        let section =
            text.split_once(&format!("<section id=\"{surface}\">")).unwrap().1.split_once("</section>").unwrap().0;
        for part in ["/mcp/", "/sse/"] {
            assert!(section.contains(&format!("<code>{ORIGIN}{part}{surface}</code>")), "{surface} {section}");
        }
        let url = format!("{ORIGIN}/mcp/{surface}");
        assert!(section.contains(&format!("mcp-auth tools {url}\n")), "{section}");
        assert!(section.contains(&format!("curl {url} ")), "{section}");
        let needs_login = !["no-auth", "session"].contains(&surface);
        assert_eq!(section.contains(&format!("mcp-auth login {url}")), needs_login, "{section}");
        assert!(!section.contains("URL"), "{section}");
    }
    assert!(text.contains("<code>read_note</code>"), "{text}");
}

#[tokio::test]
async fn a_redirect_is_shown_as_it_came_and_is_not_kept() {
    let t = TestServer::start().await;
    let path = "/docs/oauth-callback?code=a%26b&state=%3Cscript%3Ealert(1)%3C/script%3E&iss=https://as.example\
        &%22%3E%3Cimg=%27x%27&state=twice";
    let (answer, text) = page(&t, path).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for shown in [
        "sent a code",
        "<dt>code<dd><code>a&amp;b</code>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<dt>&quot;&gt;&lt;img<dd><code>&#39;x&#39;</code>",
        "<dt>state<dd><code>twice</code>",
        "RFC 9207",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
    let (_, text) = page(&t, "/docs/oauth-callback?error=access_denied&error_description=no").await;
    assert!(text.contains("refused") && text.contains("access_denied"), "{text}");
    let (_, text) = page(&t, "/docs/oauth-callback").await;
    assert!(text.contains("Neither a code nor an error"), "{text}");
    let (_, again) = page(&t, "/docs/oauth-callback").await;
    assert_eq!(text, again);
}

#[tokio::test]
async fn a_program_reads_the_same_as_json() {
    let t = TestServer::start().await;
    let answer = t.get("/docs/oauth-callback?error=access_denied&state=%C3%A4+b").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.json(),
        json!({"outcome": "The authorization server refused.", "parameters": [
            {"name": "error", "value": "access_denied"}, {"name": "state", "value": "ä b"},
        ]})
    );
    let posted = t.send(request("POST", "/docs/oauth-callback").body(Body::empty()).unwrap()).await;
    assert_eq!((posted.status.as_u16(), posted.json()["error"].as_str().unwrap()), (405, "method_not_allowed"));
}
