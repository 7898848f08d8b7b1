//! Logos of clients: served from our own origin, or not shown.
use crate::support::{
    app::{Answer, CALLBACK, TestApp, authorize_path},
    browser::{Browser, borrowed, hidden},
    client_key::with,
    internet::{Internet, LASTING_SESSIONS, json},
};
use keyward::model::ClientId;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use time::Duration;
use wiremock::ResponseTemplate;

const ID: &str = "https://app.example/client.json";
const LOGO: &str = "https://cdn.example/logo.png";

fn document() -> Value {
    json!({"client_id": ID, "client_name": "Notes app", "redirect_uris": ["http://localhost/cb", CALLBACK], "logo_uri": LOGO})
}

/// A picture of this many pixels, as far as its header goes.
fn png(width: u32, height: u32) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0"].concat()
}

fn picture(bytes: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(bytes, "image/png")
}

async fn serve(internet: &Internet, document: &Value, logo: ResponseTemplate) {
    internet.serve(ID, json(document)).await;
    internet.serve_image(LOGO, logo).await;
}

async fn start(internet: &Internet, more: &str) -> TestApp {
    TestApp::reaching(internet.network(), &format!("{more}\n{LASTING_SESSIONS}")).await
}

/// The consent page, and where its logo is from.
async fn pictures(browser: &mut Browser<'_>, client: &str, redirect_uri: &str) -> (Answer, Vec<String>) {
    let page = browser.get(&authorize_path(&ClientId::from(client), &[("redirect_uri", redirect_uri)])).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-security-policy").contains("img-src 'self';"));
    let html = Html::parse_document(&page.body);
    let image = Selector::parse("img.logo").unwrap();
    let found = html.select(&image).map(|one| one.value().attr("src").unwrap().to_owned()).collect();
    (page, found)
}

async fn asked_for_logo(internet: &Internet) -> usize {
    let requests = internet.server.received_requests().await.unwrap();
    requests.iter().filter(|request| request.url.path() == "/logo.png").count()
}

#[tokio::test]
async fn a_logo_is_fetched_once_and_shown_from_our_own_origin() {
    let internet = Internet::new().await;
    serve(&internet, &document(), picture(png(64, 64))).await;
    let t = start(&internet, "").await;
    let mut alice = t.signed_in("alice").await;
    let (page, shown) = pictures(&mut alice, ID, "http://localhost:5/cb").await;
    assert!(page.body.contains(r#"alt="Logo of Notes app, by its own account""#), "{page:?}");
    assert!(!page.body.contains("cdn.example"), "the browser is never told of it: {page:?}");
    let [path] = &shown[..] else { panic!("{shown:?}") };
    assert!(path.starts_with("/logos/"), "{path}");

    let request = axum::http::Request::get(path.as_str()).body(axum::body::Body::empty()).unwrap();
    let (head, body) = t.send_for_bytes(request).await;
    let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!((head.status.as_u16(), body), (200, png(64, 64)));
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(header("set-cookie"), "");

    pictures(&mut alice, ID, "http://localhost:5/cb").await;
    pictures(&mut t.signed_in("bob").await, ID, "http://localhost:5/cb").await;
    assert_eq!(asked_for_logo(&internet).await, 1);
    for other in ["/logos/", "/logos/AAAA", "/logos/..", "/logos/%00", &format!("{path}A"), &path.to_lowercase()] {
        assert_eq!(t.get(other).await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn attack_91_what_is_no_small_raster_picture_leaves_the_initial_letter_and_is_served_nowhere() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let html = b"<!doctype html><script>alert(1)</script>";
    let mut long = png(64, 64);
    long.resize(257 * 1024, 0);
    let as_type = |body: &[u8], kind: &str| ResponseTemplate::new(200).set_body_raw(body.to_vec(), kind);
    for (what, answer) in [
        ("SVG", as_type(svg, "image/svg+xml")),
        ("SVG that says it is PNG", picture(svg.to_vec())),
        ("HTML", as_type(html, "text/html")),
        ("HTML that says it is PNG", picture(html.to_vec())),
        ("a picture that says it is HTML", as_type(&png(64, 64), "text/html")),
        ("too long", picture(long)),
        ("20 MB", picture(vec![0; 20_000_000])),
        ("too wide", picture(png(2049, 64))),
        ("a bomb", picture(png(60_000, 60_000))),
        ("nothing", picture(vec![])),
        ("elsewhere", ResponseTemplate::new(302).insert_header("location", "https://cdn.example/other.png")),
        ("gone", ResponseTemplate::new(404)),
        ("broken", ResponseTemplate::new(500)),
        ("compressed", picture(png(64, 64)).insert_header("content-encoding", "gzip")),
    ] {
        let internet = Internet::new().await;
        serve(&internet, &document(), answer).await;
        let t = start(&internet, "").await;
        let mut alice = t.signed_in("alice").await;
        let (page, shown) = pictures(&mut alice, ID, "http://localhost:5/cb").await;
        assert!(shown.is_empty() && page.body.contains(r#"<span class="logo" aria-hidden="true">N</span>"#), "{what}");
        let kept = keyward::storage::logos::find(&t.db, &ClientId::from(ID)).await.unwrap().unwrap();
        assert!(kept.hash.is_none(), "{what}");
        // A host that has nothing good is not asked with each page.
        pictures(&mut alice, ID, "http://localhost:5/cb").await;
        assert_eq!(asked_for_logo(&internet).await, 1, "{what}");
        serve(&internet, &document(), picture(png(64, 64))).await;
        t.app.clock.advance(Duration::hours(2));
        assert_eq!(pictures(&mut alice, ID, "http://localhost:5/cb").await.1.len(), 1, "{what}: mended");
    }
}

#[tokio::test]
async fn attack_91_a_logo_at_an_address_inside_is_not_fetched() {
    for uri in ["http://localhost:3000/logo.png", "https://127.0.0.1/logo.png", "https://cdn.example:8443/logo.png"] {
        let internet = Internet::new().await;
        internet.publish(&with(document(), &json!({"logo_uri": uri}))).await;
        let t = start(&internet, "").await;
        assert!(pictures(&mut t.signed_in("alice").await, ID, "http://localhost:5/cb").await.1.is_empty());
        assert_eq!(internet.requests().await, 1, "only the document: {uri}");
    }
}

#[tokio::test]
async fn attack_91_a_changed_logo_is_taken_only_when_the_document_was_fetched_again() {
    let internet = Internet::new().await;
    let day_long = |document: &Value| json(document).insert_header("cache-control", "max-age=999999");
    internet.serve(ID, day_long(&document())).await;
    internet.serve_image(LOGO, picture(png(64, 64))).await;
    let t = start(&internet, "").await;
    let mut alice = t.signed_in("alice").await;
    let first = pictures(&mut alice, ID, "http://localhost:5/cb").await.1;
    internet.serve(ID, day_long(&document())).await;
    internet.serve_image(LOGO, picture(png(32, 32))).await;
    t.app.clock.advance(Duration::hours(23));
    assert_eq!(pictures(&mut alice, ID, "http://localhost:5/cb").await.1, first);
    assert_eq!(internet.requests().await, 0);
    t.app.clock.advance(Duration::hours(2));
    let second = pictures(&mut alice, ID, "http://localhost:5/cb").await.1;
    assert_ne!(second, first);
    assert_eq!(t.get(&first[0]).await.status, 404, "nobody's logo any longer");
    // While its host is away the last one stays.
    internet.serve(ID, day_long(&document())).await;
    internet.serve_image(LOGO, ResponseTemplate::new(503)).await;
    t.app.clock.advance(Duration::hours(25));
    assert_eq!(pictures(&mut alice, ID, "http://localhost:5/cb").await.1, second);
    // Another address is another logo at once.
    internet.serve(ID, json(&with(document(), &json!({"logo_uri": "https://cdn.example/new.png"})))).await;
    internet.serve_image("https://cdn.example/new.png", picture(png(16, 16))).await;
    t.app.clock.advance(Duration::hours(25));
    assert!(![first, second].contains(&pictures(&mut alice, ID, "http://localhost:5/cb").await.1));
}

#[tokio::test]
async fn a_client_that_registered_has_its_logo_fetched_for_who_signed_in_and_not_before() {
    let internet = Internet::new().await;
    internet.serve_image(LOGO, picture(png(64, 64))).await;
    let t = start(&internet, "").await;
    let registered = t
        .register(&json!({"client_name": "Notes app", "redirect_uris": [CALLBACK], "logo_uri": LOGO,
        "token_endpoint_auth_method": "none"}))
        .await
        .json();
    let id = registered["client_id"].as_str().unwrap();
    t.browser().get(&authorize_path(&ClientId::from(id), &[])).await.location();
    assert_eq!(internet.requests().await, 0);
    let mut alice = t.signed_in("alice").await;
    let (_, shown) = pictures(&mut alice, id, CALLBACK).await;
    assert!(shown.len() == 1 && shown[0].starts_with("/logos/"), "{shown:?}");
    // It says no more who it is, so its picture stays, whatever is at that address now.
    internet.server.reset().await;
    internet.serve_image(LOGO, picture(png(32, 32))).await;
    t.app.clock.advance(Duration::days(3));
    assert_eq!(pictures(&mut alice, id, CALLBACK).await.1, shown);
    assert_eq!(internet.requests().await, 0);
}

#[tokio::test]
async fn no_logo_is_fetched_while_somebody_decides() {
    let internet = Internet::new().await;
    serve(&internet, &document(), ResponseTemplate::new(404)).await;
    let t = start(&internet, "").await;
    let mut alice = t.signed_in("alice").await;
    pictures(&mut alice, ID, CALLBACK).await;
    // A page from before the hour is over after which it would be asked for again, and a yes from after it.
    t.app.clock.advance(Duration::minutes(50));
    let (page, _) = pictures(&mut alice, ID, CALLBACK).await;
    t.app.clock.advance(Duration::minutes(15));
    let before = internet.requests().await;
    let mut yes = hidden(&page, "/consent");
    yes.push(("decision".into(), "allow".into()));
    assert!(alice.post("/consent", &borrowed(&yes)).await.returned("code").is_some());
    assert_eq!(internet.requests().await, before);
}

#[tokio::test]
async fn switched_off_nothing_is_fetched_shown_or_served() {
    let internet = Internet::new().await;
    serve(&internet, &document(), picture(png(64, 64))).await;
    let t = start(&internet, "").await;
    let (_, shown) = pictures(&mut t.signed_in("alice").await, ID, "http://localhost:5/cb").await;
    let off = TestApp::reaching(internet.network(), "logos.enabled = false").await;
    let (page, none) = pictures(&mut off.signed_in("alice").await, ID, "http://localhost:5/cb").await;
    assert!(none.is_empty() && page.body.contains(r#"<span class="logo""#));
    assert_eq!(asked_for_logo(&internet).await, 1);
    off.get(&shown[0]).await.refused(404, "not_found");
}
