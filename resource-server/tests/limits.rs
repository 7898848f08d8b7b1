//! How often one may fail, and how often one may ask; and what the audit trail says of it.
use crate::{
    support::{TestServer, call, request, view},
    surfaces::{basic, headers, here, ping},
};
use axum::{body::Body, http::HeaderMap};
use keyward_resource_server::Settings;
use serde_json::{Value, json};
use time::Duration;

async fn send(t: &TestServer, surface: &str, authorization: Option<&str>, message: &Value) -> crate::support::Answer {
    let mut request = request("POST", &format!("/mcp/{surface}")).header("content-type", "application/json");
    let brought = authorization.map_or_else(HeaderMap::new, |value| headers(&[("authorization", value)]));
    request.headers_mut().unwrap().extend(brought);
    t.send(here(request.body(Body::from(message.to_string())).unwrap())).await
}

async fn audited(t: &TestServer) -> Vec<(String, String, bool)> {
    let events = view(t, "audit").await["audit_events"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = events.iter().map(|event| {
        assert_eq!(event["client_info"]["ip_address"], "127.0.0.1", "{event}");
        (text(&event["event_type"]), text(&event["level"]), event["success"] == true)
    });
    told.collect()
}

#[tokio::test]
async fn guessing_is_audited_when_the_lock_begins_and_every_attempt_on_it() {
    let t = TestServer::start().await;
    for _ in 0..5 {
        assert_eq!(send(&t, "basic", Some(&basic("testuser", "wrong")), &ping()).await.status, 401);
    }
    assert_eq!(send(&t, "basic", Some(&basic("testuser", "testpass123")), &ping()).await.status, 429);
    let denied = ("access_denied".to_owned(), "warning".to_owned(), false);
    let limited = ("rate_limit_exceeded".to_owned(), "warning".to_owned(), false);
    let guessed = ("brute_force_detected".to_owned(), "critical".to_owned(), false);
    // The first at once, the others of the minute in one.
    assert_eq!(audited(&t).await, [denied.clone(), limited, guessed, denied]);
    let events = view(&t, "audit?event_type=access_denied").await["audit_events"].clone();
    assert_eq!(events[0]["details"]["times"], 4);
}

#[tokio::test]
async fn attack_152_a_stranger_who_is_refused_for_hours_flushes_nothing_from_the_audit_trail() {
    let t = TestServer::start().await;
    let known =
        send(&t, "basic", Some(&basic("testuser", "testpass123")), &call("get_project_status", json!({}))).await;
    assert_eq!(known.status, 200);
    for _ in 0..3 {
        for _ in 0..200 {
            send(&t, "api-key", Some("Bearer wrong"), &ping()).await;
        }
        t.clock.advance(Duration::minutes(1));
    }
    let events = audited(&t).await;
    // A minute: what was refused first, and how often it was since, of two kinds.
    assert_eq!((events.len(), events.last().unwrap().0.as_str()), (13, "mcp_request"), "{events:?}");
    let sums = view(&t, "audit?event_type=access_denied").await["audit_events"].clone();
    assert_eq!(sums.as_array().unwrap().iter().filter(|event| event["details"]["times"].is_u64()).count(), 3);
}

/// Each caller three requests a minute, at two surfaces; at a third as many as they like.
async fn limited() -> TestServer {
    let t = TestServer::start().await;
    let text = "demo = true\n\
        [[surface]]\nid = \"basic\"\nkind = \"basic\"\ntools = [\"core\"]\nrequests_per_minute = 3\n\
        users = [{ username = \"alice\", password = \"a\" }, { username = \"bob\", password = \"b\" }]\n\
        [[surface]]\nid = \"open\"\nkind = \"no-auth\"\nrequests_per_minute = 3\n\
        [[surface]]\nid = \"free\"\nkind = \"no-auth\"";
    t.with(Settings::parse(text).unwrap())
}

#[tokio::test]
async fn each_caller_may_ask_as_often_as_the_surface_says_and_refusals_cost_nothing() {
    let t = limited().await;
    let (alice, bob) = (basic("alice", "a"), basic("bob", "b"));
    for _ in 0..4 {
        assert_eq!(send(&t, "basic", None, &ping()).await.status, 401);
    }
    for _ in 0..3 {
        assert_eq!(send(&t, "basic", Some(&alice), &ping()).await.status, 200);
    }
    t.clock.advance(Duration::seconds(5));
    let answer = send(&t, "basic", Some(&alice), &call("whoami", json!({}))).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("15")));
    assert_eq!(answer.json()["error"], "rate_limit_exceeded");
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(audited(&t).await, [("rate_limit_exceeded".to_owned(), "warning".to_owned(), false)]);
    assert_eq!(send(&t, "basic", Some(&bob), &ping()).await.status, 200);
    t.clock.advance(Duration::seconds(15));
    assert_eq!(send(&t, "basic", Some(&alice), &ping()).await.status, 200);
}

#[tokio::test]
async fn where_anybody_may_call_addresses_are_told_apart_and_without_a_limit_there_is_none() {
    let t = limited().await;
    for status in [200, 200, 200, 429] {
        assert_eq!(send(&t, "open", None, &ping()).await.status, status);
    }
    let elsewhere = request("POST", "/mcp/open").header("content-type", "application/json");
    let mut elsewhere = elsewhere.body(Body::from(ping().to_string())).unwrap();
    elsewhere.extensions_mut().insert(axum::extract::ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 1], 1))));
    assert_eq!(t.send(elsewhere).await.status, 200);
    for _ in 0..50 {
        assert_eq!(send(&t, "free", None, &ping()).await.status, 200);
    }
}
