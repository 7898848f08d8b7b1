//! How long a client's document is used, and what happens to pages and consents when it changes.
use super::{LOOPBACK, URL, claude_code, id, on_the_web, path, start, stored, tokens};
use crate::support::{
    app::CALLBACK,
    browser::{borrowed, yes},
    client_key::{ClientKey, revoke_nothing, with},
    internet::{Internet, json},
    tokens::text,
};
use keyward::{
    authorization::request::{ValidRequest, Visitor},
    clients::metadata_document::refresh_due,
};
use serde_json::{Value, json};
use time::Duration;
use wiremock::ResponseTemplate;

#[tokio::test]
async fn a_document_is_fetched_again_when_its_time_is_over_and_not_before() {
    for (said, fresh_for) in
        [("", 300), ("no-store", 300), ("max-age=10", 300), ("max-age=3600", 3_600), ("max-age=9999999", 86_400)]
    {
        let internet = Internet::new().await;
        internet.serve(URL, json(&claude_code()).insert_header("cache-control", said)).await;
        let t = start(&internet, "").await;
        let mut browser = t.signed_in("alice").await;
        assert_eq!(browser.get(&path(LOOPBACK)).await.status, 200);
        t.app.clock.advance(Duration::seconds(fresh_for - 60));
        assert_eq!(t.signed_in("alice").await.get(&path(LOOPBACK)).await.status, 200);
        assert_eq!(internet.requests().await, 1, "{said}");
        t.app.clock.advance(Duration::minutes(2));
        assert_eq!(t.signed_in("alice").await.get(&path(LOOPBACK)).await.status, 200);
        assert_eq!(internet.requests().await, 2, "{said}");
    }
}

#[tokio::test]
async fn another_node_uses_what_one_has_fetched() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    browser.get(&path(LOOPBACK)).await;
    // The other has the internet of real servers, where this document is not.
    let other = t.second_node().await;
    let alice = Visitor::Person(t.user_named("alice").await.id);
    let judged = |app| async move {
        let query = path(LOOPBACK).split_once('?').unwrap().1.to_owned();
        ValidRequest::parse(app, &query, alice).await.map(|judged| judged.client.id.clone()).ok()
    };
    assert_eq!(judged(&*other).await, Some(id()));
    // What the first fetched meanwhile is on record.
    t.app.clock.advance(Duration::minutes(6));
    t.signed_in("alice").await.get(&path(LOOPBACK)).await;
    assert_eq!(internet.requests().await, 2);
    assert_eq!(judged(&*other).await, Some(id()));
    assert_eq!(other.clients.find(URL).await.unwrap().unwrap().fresh_until, stored(&t).await.unwrap().fresh_until);
}

#[tokio::test]
async fn while_the_host_is_down_tokens_are_refreshed_and_for_a_day_the_last_document_serves() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let first = tokens(&t, &mut t.signed_in("alice").await, LOOPBACK).await;
    internet.serve(URL, ResponseTemplate::new(503)).await;
    t.app.clock.advance(Duration::hours(23));
    assert_eq!(t.signed_in("alice").await.get(&path(LOOPBACK)).await.status, 200);
    assert_eq!(internet.requests().await, 1);
    let refreshed = t.refresh(&id(), text(&first, "refresh_token")).await.json();
    t.app.clock.advance(Duration::hours(2));
    let refused = t.signed_in("alice").await.get(&path(LOOPBACK)).await;
    refused.page(400);
    assert!(refused.body.contains("missing or not valid"), "{refused:?}");
    t.app.clock.advance(Duration::days(20));
    assert_eq!(t.refresh(&id(), text(&refreshed, "refresh_token")).await.status, 200);
    // Back again.
    internet.publish(&claude_code()).await;
    assert_eq!(t.signed_in("alice").await.get(&path(LOOPBACK)).await.status, 200);
}

#[tokio::test]
async fn a_document_that_was_withdrawn_or_spoilt_does_not_live_on() {
    let mut other = claude_code();
    other["client_id"] = json!("https://claude.ai/oauth/other");
    for now_answered in [ResponseTemplate::new(404), json(&other), json(&json!([]))] {
        let internet = Internet::new().await;
        internet.publish(&claude_code()).await;
        let t = start(&internet, "").await;
        let mut browser = t.signed_in("alice").await;
        assert_eq!(browser.get(&path(LOOPBACK)).await.status, 200);
        internet.serve(URL, now_answered).await;
        t.app.clock.advance(Duration::minutes(6));
        browser.get(&path(LOOPBACK)).await.page(400);
    }
}

#[tokio::test]
async fn attack_89_a_redirect_uri_that_was_dropped_is_refused_and_the_remembered_consent_void() {
    let internet = Internet::new().await;
    internet.publish(&on_the_web()).await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    browser.approve(&path(CALLBACK)).await.returned("code").unwrap();
    // Behind https and unchanged: not asked twice.
    assert!(browser.get(&path(CALLBACK)).await.returned("code").is_some());
    let mut changed = on_the_web();
    changed["redirect_uris"] = json!([CALLBACK]);
    internet.publish(&changed).await;
    assert!(browser.get(&path(CALLBACK)).await.returned("code").is_some());
    t.app.clock.advance(Duration::minutes(6));
    browser.get(&path("https://other.example/cb")).await.page(400);
    let asked = browser.get(&path(CALLBACK)).await;
    assert_eq!(asked.status, 200);
    assert!(asked.body.contains("changed since you last allowed it"), "{asked:?}");
}

#[tokio::test]
async fn attack_89_whatever_a_document_changes_the_page_tells_what_and_asks_anew() {
    let keys = |kid: &str| json!({"keys": [ClientKey::es256(kid).jwk]});
    let with_keys =
        |jwks: Value| with(on_the_web(), &json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}));
    let published = |uri: &str| {
        let by_address = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri});
        with(on_the_web(), &by_address)
    };
    let web = |members: Value| with(on_the_web(), &members);
    for (before, after, told) in [
        (on_the_web(), web(json!({"client_name": "Claude <b>Kode</b>"})), "It called itself “Claude Code”."),
        (
            on_the_web(),
            web(json!({"redirect_uris": [CALLBACK, "https://evil.example/cb"]})),
            "It may now send you to evil.example, too.",
        ),
        (
            on_the_web(),
            web(json!({"redirect_uris": [CALLBACK, "https://other.example/new"]})),
            "It now sends you back to other addresses at the same places.",
        ),
        (on_the_web(), with_keys(keys("a")), "It proves its identity in another way"),
        (with_keys(keys("a")), on_the_web(), "It no longer proves"),
        (with_keys(keys("a")), with_keys(keys("b")), "The keys that prove its identity"),
        (with_keys(keys("a")), published("https://claude.ai/jwks"), "The keys that prove its identity"),
        (published("https://claude.ai/jwks"), published("https://claude.ai/keys"), "The keys that prove its identity"),
    ] {
        let internet = Internet::new().await;
        internet.publish(&before).await;
        let t = start(&internet, "").await;
        let mut browser = t.signed_in("alice").await;
        browser.approve(&path(CALLBACK)).await.returned("code").unwrap();
        t.app.clock.advance(Duration::minutes(6));
        assert!(browser.get(&path(CALLBACK)).await.returned("code").is_some(), "{told}: fetched anew, but the same");
        internet.publish(&after).await;
        t.app.clock.advance(Duration::minutes(6));
        let asked = browser.get(&path(CALLBACK)).await;
        assert_eq!(asked.status, 200, "{told}");
        assert!(
            asked.body.contains("changed since you last allowed it") && asked.body.contains(told),
            "{told}: {asked:?}"
        );
        assert!(!asked.body.contains("<b>Kode"));
        // Once it was allowed again, it is remembered again.
        browser.approve(&path(CALLBACK)).await.returned("code").unwrap();
        assert!(browser.get(&path(CALLBACK)).await.returned("code").is_some(), "{told}");
    }
}

#[tokio::test]
async fn documents_nobody_was_granted_anything_through_are_forgotten_in_time() {
    let internet = Internet::new().await;
    internet.publish(&claude_code()).await;
    let t = start(&internet, "").await;
    let mut browser = t.signed_in("alice").await;
    browser.get(&path(LOOPBACK)).await;
    t.app.clock.advance(Duration::days(29));
    keyward::jobs::sweep(&t.app).await.unwrap();
    assert!(stored(&t).await.is_some());
    t.app.clock.advance(Duration::days(2));
    keyward::jobs::sweep(&t.app).await.unwrap();
    assert!(stored(&t).await.is_none());
    tokens(&t, &mut t.signed_in("alice").await, LOOPBACK).await;
    t.app.clock.advance(Duration::days(25));
    keyward::jobs::sweep(&t.app).await.unwrap();
    assert!(stored(&t).await.is_some());
}

#[tokio::test]
async fn attack_105_a_decision_fetches_nothing_and_is_about_the_document_that_was_shown() {
    let internet = Internet::new().await;
    internet.publish(&on_the_web()).await;
    let t = start(&internet, "").await;
    let (mut alice, mut bob) = (t.signed_in("alice").await, t.signed_in("bob").await);
    let mut changed = on_the_web();
    changed["redirect_uris"] = json!([CALLBACK, "https://evil.example/cb"]);
    changed["logo_uri"] = json!("https://evil.example/logo.png");
    let page = alice.get(&path(CALLBACK)).await;
    internet.publish(&changed).await;
    t.app.clock.advance(Duration::minutes(6));
    // Past its freshness, and another where it is published: what was shown is on record, and is granted.
    assert!(alice.post("/consent", &borrowed(&yes(&page, "/consent"))).await.returned("code").is_some());
    assert_eq!(internet.requests().await, 0);
    let asked = alice.get(&path(CALLBACK)).await;
    assert!(asked.body.contains("It may now send you to evil.example, too."), "{asked:?}");

    // Where somebody else's page made another of it meanwhile, nothing is granted.
    let page = bob.get(&path(CALLBACK)).await;
    changed["client_name"] = json!("Other");
    internet.publish(&changed).await;
    t.app.clock.advance(Duration::minutes(6));
    alice.get(&path(CALLBACK)).await.page(200);
    let before = internet.requests().await;
    let again = bob.post("/consent", &borrowed(&yes(&page, "/consent"))).await;
    again.page(409);
    assert!(again.body.contains("“<bdi>Other</bdi>”") && again.body.contains("something else of itself"), "{again:?}");
    assert_eq!(internet.requests().await, before);
}

#[tokio::test]
async fn attack_105_a_document_too_old_to_believe_decides_nothing() {
    let internet = Internet::new().await;
    internet.publish(&on_the_web()).await;
    let t = start(&internet, "").await;
    let mut alice = t.signed_in("alice").await;
    alice.get(&path(CALLBACK)).await.page(200);
    internet.serve(URL, ResponseTemplate::new(503)).await;
    t.app.clock.advance(Duration::hours(23) + Duration::minutes(50));
    let page = alice.get(&path(CALLBACK)).await;
    page.page(200);
    t.app.clock.advance(Duration::minutes(15));
    let before = internet.requests().await;
    let anew = alice.post("/consent", &borrowed(&yes(&page, "/consent"))).await;
    assert_eq!(anew.location(), path(CALLBACK));
    assert_eq!(internet.requests().await, before);
    assert!(keyward::storage::grants::find_by_user(&t.db, t.user_named("alice").await.id).await.unwrap().is_empty());
    alice.get(&path(CALLBACK)).await.page(400);
}

#[tokio::test]
async fn attack_184_keys_of_a_document_are_refreshed_unasked_and_worth_nothing_after_a_day() {
    let internet = Internet::new().await;
    let [old, new] = ["a", "b"].map(ClientKey::es256);
    let described = |key: &ClientKey| {
        with(on_the_web(), &json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()}))
    };
    internet.publish(&described(&old)).await;
    let t = start(&internet, "").await;
    assert_eq!(t.signed_in("alice").await.get(&path(CALLBACK)).await.status, 200);
    internet.publish(&described(&new)).await;
    let prove = async |key: &ClientKey| revoke_nothing(&t, &key.assertion(&t, URL)).await;
    assert_eq!(prove(&old).await.status, 200);
    refresh_due(&t.app).await;
    assert_eq!(internet.requests().await, 0, "it is fresh");
    // Past that nobody waits, and the next one meets the new keys.
    t.app.clock.advance(Duration::minutes(6));
    assert_eq!(prove(&old).await.status, 200);
    assert_eq!(internet.requests().await, 0);
    refresh_due(&t.app).await;
    assert_eq!(internet.requests().await, 1);
    prove(&old).await.refused(401, "invalid_client");
    assert_eq!(prove(&new).await.status, 200);
    // While the host is away they serve for a day, whoever asks.
    internet.serve(URL, ResponseTemplate::new(503)).await;
    for _ in 0..23 {
        t.app.clock.advance(Duration::hours(1));
        assert_eq!(prove(&new).await.status, 200);
        refresh_due(&t.app).await;
    }
    t.app.clock.advance(Duration::hours(2));
    prove(&new).await.refused(401, "invalid_client");
    internet.publish(&described(&new)).await;
    assert_eq!(prove(&new).await.status, 200);
}
