//! Buffers that only many requests can fill: they stay within their bounds, and honest requests are still answered.
use crate::support::{
    app::{Answer, CALLBACK, TestApp, encode},
    client_key::{ClientKey, Party, revoke_nothing},
    device::device_client,
    internet::Internet,
    peers::from,
};
use axum::{body::Body, http::Request};
use keyward::{
    audit::{Event, chain},
    events::EventType,
    jobs,
    model::{AuthMethod, Client, ClientId, ClientSource},
    storage::{clients, device_codes},
};
use serde_json::json;
use time::Duration;

async fn post_from(t: &TestApp, address: [u8; 4], path: &str, kind: &str, body: String) -> Answer {
    let request = Request::post(path).header("content-type", kind).body(Body::from(body)).unwrap();
    t.send(from(address, request)).await
}

/// A client with a document that was fresh until an hour ago.
async fn documented(t: &TestApp, like: &Client, key: &ClientKey, n: usize) -> ClientId {
    let (mut client, now) = (like.clone(), t.app.clock.now());
    client.id = ClientId::from(&*format!("https://app.example/{n}"));
    client.source = ClientSource::Cimd;
    client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    client.metadata.jwks = Some(key.jwks());
    (client.created_at, client.seen_at) = (now, now - Duration::hours(2));
    client.fresh_until = Some(now - Duration::hours(1));
    clients::put_document(&t.db, &client, "app.example").await.unwrap();
    client.id
}

#[tokio::test]
async fn documents_wait_for_their_refreshing_up_to_a_thousand_and_their_clients_are_let_in_all_the_same() {
    let t = TestApp::start().await;
    let like = t.public_client("like", &[CALLBACK]).await;
    let like = clients::find(&t.db, &like).await.unwrap().unwrap();
    let key = ClientKey::es256("k");
    let mut last = None;
    for n in 0..1_005 {
        let id = documented(&t, &like, &key, n).await;
        assert_eq!(revoke_nothing(&t, &key.assertion(&t, id.as_str())).await.status, 200, "{n}");
        assert_eq!(t.app.clients.due.count(), (n + 1).min(1_000));
        last = Some(id);
    }
    assert_eq!(revoke_nothing(&t, &key.assertion(&t, last.unwrap().as_str())).await.status, 200);
}

#[tokio::test]
async fn events_wait_for_the_disk_up_to_ten_thousand_and_none_is_lost() {
    let t = TestApp::start().await;
    let rows = async || t.db.number("SELECT count(*) FROM audit_events").await;
    let before = rows().await;
    for _ in 0..10_000 {
        Event::new(EventType::ServerStart).note(&t.app.audit).await;
    }
    assert_eq!(rows().await, before);
    for n in 1..=5 {
        Event::new(EventType::ServerStart).note(&t.app.audit).await;
        assert_eq!(rows().await, before + n, "who brings more waits for the disk");
    }
    chain::extend(&t.app.audit).await.unwrap();
    assert_eq!(rows().await, before + 10_005);
}

#[tokio::test]
async fn the_trace_keeps_a_thousand_decisions_and_no_more_than_identifiers_of_them() {
    let internet = Internet::new().await;
    let t = TestApp::reaching(internet.network(), "").await;
    let mut alice = t.signed_in("alice").await;
    for n in 0..400 {
        let id = format!("https://app.example/{n}/{}", "x".repeat(1_900));
        alice.get(&format!("/authorize?{}", encode(&[("client_id", &id), ("response_type", "code")]))).await;
        t.post("/token", &[("grant_type", "x".repeat(10_000).as_str()), ("client_id", &"y".repeat(30_000))]).await;
        t.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &"z".repeat(30_000))]).await;
    }
    let recent = t.app.trace.recent();
    assert_eq!(recent.len(), 1_000);
    let bytes: usize = recent.iter().map(|decision| serde_json::to_vec(decision).unwrap().len()).sum();
    assert!(bytes < 1_000 * 3 * 1_024, "{bytes}");
}

#[tokio::test]
async fn devices_that_wait_are_as_many_as_may_wait_whoever_asks_and_are_gone_in_time() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let form = encode(&[("client_id", tv.as_str())]);
    let kind = "application/x-www-form-urlencoded";
    let mut let_in = 0;
    for round in 0..3_u8 {
        for n in 0..400_u16 {
            let address = [192, 0, 2 + round, u8::try_from(n % 30).unwrap()];
            match post_from(&t, address, "/device_authorization", kind, form.clone()).await.status.as_u16() {
                200 => let_in += 1,
                other => assert_eq!(other, 429),
            }
        }
        t.app.clock.advance(Duration::minutes(1));
    }
    assert!(let_in >= 1_000, "{let_in}");
    let waiting = device_codes::count_of_client(&t.db, &tv, t.app.clock.now()).await.unwrap();
    assert_eq!(waiting, 1_000);
    let honest = post_from(&t, [203, 0, 113, 9], "/device_authorization", kind, form.clone()).await;
    assert_eq!(honest.status, 200, "{honest:?}");
    assert_eq!(device_codes::count_of_client(&t.db, &tv, t.app.clock.now()).await.unwrap(), 1_000);
    assert_eq!(t.db.number("SELECT count(*) FROM device_codes").await, let_in + 1);
    t.app.clock.advance(Duration::days(2));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(t.db.number("SELECT count(*) FROM device_codes").await, 0);
}

#[tokio::test]
async fn assertions_of_one_client_leave_so_many_rows_a_minute_and_none_when_they_are_over() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let rows = async || t.db.number("SELECT count(*) FROM used_assertions").await;
    let (mut let_in, begun) = (0, t.app.clock.now());
    let refused = loop {
        let answer = revoke_nothing(&t, &key.assertion(&t, &id)).await;
        if answer.status != 200 {
            break answer;
        }
        let_in += 1;
        assert!(let_in < 6_000);
    };
    refused.refused(429, "too_many_requests");
    assert!(!refused.header("retry-after").is_empty());
    let a_minute = 600 + 10 * ((t.app.clock.now() - begun).whole_seconds() + 1);
    assert!((600..=a_minute).contains(&let_in), "{let_in}");
    assert_eq!(rows().await, let_in, "what was refused left nothing");
    // Another client has its own.
    let other = crate::support::client_key::register_keys(&t, &json!({"jwks": ClientKey::es256("o").jwks()})).await;
    revoke_nothing(&t, &key.assertion(&t, &other)).await.refused(401, "invalid_client");
    t.app.clock.advance(Duration::hours(2));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn registrations_that_nobody_uses_are_never_more_than_the_operator_allows() {
    let t = TestApp::with("registration = { max_unused = 200, burst = 1000 }").await;
    let register = async |n: usize| {
        let address = [192, 0, 2, u8::try_from(n % 7).unwrap()];
        let body = json!({"client_name": format!("App {n}"), "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none"});
        post_from(&t, address, "/register", "application/json", body.to_string()).await
    };
    let mut most = 0;
    for n in 0..500 {
        assert_eq!(register(n).await.status, 201, "{n}");
        if n % 25 == 0 {
            t.app.clock.advance(Duration::seconds(1));
            most = most.max(clients::count_unused(&t.db).await.unwrap());
        }
    }
    assert!((190..=200).contains(&most), "{most}");
    assert!(clients::count_unused(&t.db).await.unwrap() <= 200);
    assert!(t.app.clients.bytes() < 16 * 1024 * 1024);
}
