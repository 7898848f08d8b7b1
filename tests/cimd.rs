//! Clients whose identifier is the URL of their metadata document.
mod freshness;

use crate::support::{
    app::{Answer, CALLBACK, PASSWORD, TestApp, authorize_path},
    browser::Browser,
    db::fresh_db,
    internet::{Internet, LASTING_SESSIONS, json},
    tokens::text,
};
use keyward::{
    fetch::{Fetcher, Network},
    model::{ClientId, ClientSource},
    storage::clients,
};
use serde_json::{Value, json};
use time::Duration;
use wiremock::ResponseTemplate;

const URL: &str = "https://claude.ai/oauth/claude-code-client-metadata";
const LOOPBACK: &str = "http://localhost:51004/callback";

fn claude_code() -> Value {
    json!({
        "client_id": URL,
        "client_name": "Claude Code",
        "client_uri": "https://claude.ai",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

/// The same client, but on the web.
fn on_the_web() -> Value {
    let mut document = claude_code();
    document["redirect_uris"] = json!([CALLBACK, "https://other.example/cb"]);
    document
}

fn id() -> ClientId {
    ClientId::from(URL)
}

fn path(redirect_uri: &str) -> String {
    authorize_path(&id(), &[("redirect_uri", redirect_uri)])
}

async fn start(internet: &Internet, more: &str) -> TestApp {
    start_on(internet.network(), more).await
}

async fn start_on(network: Network, more: &str) -> TestApp {
    TestApp::reaching(network, &format!("{more}\n{LASTING_SESSIONS}")).await
}

async fn stored(t: &TestApp) -> Option<keyward::model::Client> {
    clients::find(&t.db, &id()).await.unwrap()
}

/// The tokens of one more approval.
async fn tokens(t: &TestApp, browser: &mut Browser<'_>, redirect_uri: &str) -> Value {
    let done = browser.approve(&path(redirect_uri)).await;
    let tokens = t.redeem(&id(), &done.returned("code").unwrap_or_else(|| panic!("{done:?}"))).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens.json()
}

#[tokio::test]
async fn a_client_nobody_registered_is_described_by_its_document_and_gets_tokens() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    assert!(metadata["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("none")));

    let mut browser = t.browser();
    let to_login = browser.get(&path(LOOPBACK)).await;
    assert!(to_login.location().starts_with("/login?return_to=%2Fauthorize%3F"), "{to_login:?}");
    browser.sign_in("alice", PASSWORD, &path(LOOPBACK)).await;
    let consent = browser.get(&path(LOOPBACK)).await;
    assert_eq!(consent.status, 200, "{consent:?}");
    for shown in ["Claude Code", "described by <bdi>claude.ai</bdi>", URL, "Any program on this computer can claim"] {
        assert!(consent.body.contains(shown), "{shown} is not on the page");
    }
    assert!(!consent.body.contains("unverified") && !consent.body.contains("verified</span>"));

    let tokens = tokens(&t, &mut browser, LOOPBACK).await;
    assert_eq!(TestApp::claims(&tokens["access_token"])["client_id"], URL);
    assert_eq!(t.refresh(&id(), text(&tokens, "refresh_token")).await.status, 200);
    // Anybody on this computer could be asking: asked again, and fetched once.
    assert_eq!(browser.get(&path(LOOPBACK)).await.status, 200);
    assert_eq!(internet.requests().await, 1);
    let client = stored(&t).await.unwrap();
    assert!(client.source == ClientSource::Cimd && !client.policy.any_secret_method);
}

#[tokio::test]
async fn a_visitor_who_is_not_signed_in_makes_us_fetch_nothing() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let mut browser = t.browser();
    let login = browser.get(&path(LOOPBACK)).await.location().to_owned();
    assert_eq!(browser.get(&login).await.status, 200);
    browser.get(&authorize_path(&id(), &[("redirect_uri", LOOPBACK), ("prompt", "none")])).await.page(400);
    assert_eq!((internet.requests().await, stored(&t).await.is_none()), (0, true));
}

#[tokio::test]
async fn other_endpoints_never_fetch_and_refuse_an_unknown_client() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    t.redeem(&id(), "code").await.refused(401, "invalid_client");
    t.refresh(&id(), "token").await.refused(401, "invalid_client");
    t.post("/revoke", &[("client_id", URL), ("token", "t")]).await.refused(401, "invalid_client");
    assert_eq!(internet.requests().await, 0);
}

#[tokio::test]
async fn attack_86_a_client_id_that_is_not_written_by_the_rules_is_refused_without_a_fetch() {
    let internet = Internet::new().await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    for id in [
        "http://app.example/c",
        "https://app.example",
        "https://app.example/",
        "https://app.example/a/../b",
        "https://app.example/%2e%2e/b",
        "https://app.example/c#x",
        "https://user@app.example/c",
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://APP.example/c",
    ] {
        browser.get(&authorize_path(&ClientId::from(id), &[("redirect_uri", CALLBACK)])).await.page(400);
        // Not even a sign-in is asked for.
        t.browser().get(&authorize_path(&ClientId::from(id), &[("redirect_uri", CALLBACK)])).await.page(400);
    }
    assert_eq!(internet.requests().await, 0);
    assert_eq!(internet.lookups.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn attack_87_what_is_no_valid_document_is_refused_until_it_is_one() {
    let mut secret = claude_code();
    secret["token_endpoint_auth_method"] = json!("client_secret_post");
    let mut insists = claude_code();
    insists["token_endpoint_auth_method"] = json!("private_key_jwt");
    for (answer, told) in [
        (json(&secret), "must not be one with a shared secret"),
        (json(&insists), "needs jwks or jwks_uri"),
        (json(&json!([claude_code()])), "missing or not valid"),
        (json(&claude_code()).insert_header("content-encoding", "gzip"), "missing or not valid"),
        (ResponseTemplate::new(301).insert_header("location", URL), "missing or not valid"),
        (ResponseTemplate::new(404), "missing or not valid"),
    ] {
        let internet = Internet::new().await;
        internet.serve(URL, answer).await;
        let t = start(&internet, "").await;
        let mut browser = t.signed_in("alice").await;
        let refused = browser.get(&path(LOOPBACK)).await;
        refused.page(400);
        assert!(refused.body.contains(told), "{refused:?}");
        assert!(stored(&t).await.is_none());
        internet.publish(&claude_code()).await;
        assert_eq!(browser.get(&path(LOOPBACK)).await.status, 200);
    }
}

/// What an error page says, without what is new each time.
fn told(answer: &Answer) -> Vec<String> {
    answer.page(400);
    let page = scraper::Html::parse_document(&answer.body);
    let sentence = scraper::Selector::parse("main h1, main p").unwrap();
    let sentences = page.select(&sentence).map(|part| part.text().collect::<String>());
    sentences.filter(|sentence| !sentence.contains("eference")).collect()
}

#[tokio::test]
async fn attack_88_a_name_that_leads_inside_is_never_connected_to_and_looks_like_any_failure() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let inside = internet.at("127.0.0.1");
    let t = start_on(internet.leading_to(move |_| vec![inside]), "").await;
    let blocked = t.signed_in("alice").await.get(&path(LOOPBACK)).await;
    assert_eq!(internet.requests().await, 0);
    // Nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = Network { allows: |_| true, ..internet.leading_to(move |_| vec![closed]) };
    let t = start_on(unreachable, "").await;
    let unreachable = t.signed_in("alice").await.get(&path(LOOPBACK)).await;
    assert_eq!(told(&blocked), told(&unreachable));
    assert!(blocked.body.contains("missing or not valid"));
}

#[tokio::test]
async fn attack_90_asking_for_ever_new_urls_ends_in_please_wait() {
    let internet = Internet::new().await;
    internet.serve(URL, ResponseTemplate::new(404)).await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    for number in 0..500 {
        let id = ClientId::from(&*format!("https://victim.example/{number}"));
        let answer = browser.get(&authorize_path(&id, &[("redirect_uri", CALLBACK)])).await;
        if answer.status != 400 {
            answer.page(429);
        }
    }
    // Twenty, and those whose time came again while we asked.
    assert!(internet.requests().await < 250);
    internet.publish(&claude_code()).await;
    assert_eq!(t.signed_in("bob").await.get(&path(LOOPBACK)).await.status, 200);
}

#[tokio::test]
async fn attack_90_an_open_port_and_a_closed_one_read_the_same() {
    let internet = Internet::new().await;
    let t = start(&internet, "").await;
    let mut alice = t.signed_in("alice").await;
    let html = ResponseTemplate::new(200).set_body_raw("<p>", "text/html");
    let moved = ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/");
    let mut open = Vec::new();
    for answer in [ResponseTemplate::new(404), ResponseTemplate::new(500), html, moved] {
        internet.serve(URL, answer).await;
        open.push(told(&alice.get(&path(LOOPBACK)).await));
    }
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = Network { allows: |_| true, ..internet.leading_to(move |_| vec![address]) };
    let t = start_on(closed, "").await;
    open.push(told(&t.signed_in("alice").await.get(&path(LOOPBACK)).await));
    open.dedup();
    assert_eq!(open.len(), 1, "{open:?}");
}

#[tokio::test]
async fn revoking_one_installation_leaves_the_others_that_share_the_url() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    let laptop = tokens(&t, &mut browser, LOOPBACK).await;
    let desktop = tokens(&t, &mut browser, "http://127.0.0.1:9/callback").await;
    t.post("/revoke", &[("client_id", URL), ("token", text(&laptop, "refresh_token"))]).await;
    t.refresh(&id(), text(&laptop, "refresh_token")).await.refused(400, "invalid_grant");
    let refreshed = t.refresh(&id(), text(&desktop, "refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    // Nor does theft at one end the other.
    let third = tokens(&t, &mut browser, LOOPBACK).await;
    t.refresh(&id(), text(&third, "refresh_token")).await;
    t.app.clock.advance(Duration::minutes(2));
    t.refresh(&id(), text(&third, "refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(t.refresh(&id(), text(&refreshed.json(), "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn the_operator_decides_which_hosts_may_describe_clients() {
    for (settings, let_in) in [
        ("client_metadata_documents.deny = ['claude.ai']", false),
        ("client_metadata_documents.deny = ['*.claude.ai']", true),
        ("client_metadata_documents.allow = ['app.example']", false),
        ("client_metadata_documents.allow = ['app.example', 'claude.ai']", true),
        ("client_metadata_documents.policy = 'off'", false),
        ("fetch.ports = [8443]", false),
    ] {
        let internet = Internet::new().await;
        internet.publish(&claude_code()).await;
        let t = TestApp::prepared(fresh_db().await, settings, |app| {
            let network = Network { ports: app.config.fetch.ports.clone(), ..internet.network() };
            app.fetch.fetcher = Fetcher::new(network).unwrap();
        })
        .await;
        let answer = t.signed_in("alice").await.get(&path(LOOPBACK)).await;
        assert_eq!(answer.status == 200, let_in, "{settings}: {answer:?}");
        assert_eq!(internet.requests().await, usize::from(let_in), "{settings}");
        let advertised = t.get("/.well-known/oauth-authorization-server").await.json();
        let off = settings.contains("off");
        assert_eq!(advertised.get("client_id_metadata_document_supported").is_none(), off);
    }
}

#[tokio::test]
async fn a_host_that_is_denied_later_takes_its_clients_along() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let tokens = tokens(&t, &mut t.signed_in("alice").await, LOOPBACK).await;
    let t = TestApp::on(t.db, "client_metadata_documents.deny = ['claude.ai']").await;
    t.refresh(&id(), text(&tokens, "refresh_token")).await.refused(401, "invalid_client");
    t.signed_in("alice").await.get(&path(LOOPBACK)).await.page(400);
}

#[tokio::test]
async fn a_disabled_client_stays_so_however_often_its_document_is_asked_for() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    assert_eq!(browser.get(&path(LOOPBACK)).await.status, 200);
    t.db.set_client_disabled(&id(), Some(t.app.clock.now())).await;
    t.app.clients.forget(&id());
    for _ in 0..2 {
        browser.get(&path(LOOPBACK)).await.page(400);
        t.app.clock.advance(Duration::minutes(6));
    }
    assert_eq!(internet.requests().await, 1);
    clients::put_document(&t.db, &stored(&t).await.unwrap(), "claude.ai").await.unwrap();
    assert!(stored(&t).await.unwrap().disabled_at.is_some());
}

#[tokio::test]
async fn a_client_that_the_operator_wrote_down_needs_no_document() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    t.public_client(URL, &["http://localhost/callback"]).await;
    let mut fetched = stored(&t).await.unwrap();
    (fetched.source, fetched.metadata.client_name) = (ClientSource::Cimd, Some("Other".into()));
    clients::put_document(&t.db, &fetched, "claude.ai").await.unwrap();
    let consent = t.signed_in("alice").await.get(&path(LOOPBACK)).await;
    assert!(consent.body.contains("verified</span>") && !consent.body.contains("Other"), "{consent:?}");
    assert_eq!(internet.requests().await, 0);
}
