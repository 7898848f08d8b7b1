//! Logging in on a connection: it counts there alone, and ends with it.
use super::{PROFILE, Site, With, authentication_required, none, session};
use crate::support::{call, initialize};
use serde_json::{Value, json};
use time::Duration;

/// As who is written down that nobody knows.
const ANYBODY: &str = "session anonymous";

#[tokio::test]
async fn a_login_counts_on_its_own_connection_only() {
    let site = Site::start();
    let (alices, bobs) = (site.open_session(&none()).await, site.open_session(&none()).await);
    site.login(&session(&alices), "alice", "password123").await;
    assert_eq!(site.good(&session(&alices), PROFILE, json!({})).await["username"], "alice");
    assert_eq!(site.read(&session(&alices), "user://profile").await["username"], "alice");
    assert_eq!(site.bad(&session(&bobs), PROFILE, json!({})).await, authentication_required());
    assert_eq!(site.bad(&none(), PROFILE, json!({})).await, authentication_required());
    site.login(&session(&bobs), "bob", "hunter2").await;
    assert_eq!(site.good(&session(&alices), PROFILE, json!({})).await["username"], "alice");
    site.good(&session(&alices), "logout", json!({})).await;
    assert_eq!(site.bad(&session(&alices), PROFILE, json!({})).await, authentication_required());
    assert_eq!(site.good(&session(&bobs), PROFILE, json!({})).await["username"], "bob");
    site.clock.advance(Duration::minutes(30));
    assert_eq!(site.send(&session(&bobs), &call(PROFILE, json!({}))).await.status, 404);
}

#[tokio::test]
async fn two_different_people_in_one_call_are_an_error() {
    let site = Site::start();
    let (alice, bob) = (site.token("alice", "password123").await, site.token("bob", "hunter2").await);
    let both = json!({"session_token": bob.bearer});
    let error = json!({"success": false, "error": "Two different identities"});
    assert_eq!(site.bad(&alice, PROFILE, both.clone()).await, error);
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    assert_eq!(site.bad(&session(&connection), PROFILE, both).await, error);
    let with = With { session: Some(connection), ..bob };
    assert_eq!(site.bad(&with, PROFILE, json!({})).await, error);
    let same = With { bearer: alice.bearer, ..with };
    assert_eq!(site.good(&same, PROFILE, json!({})).await["username"], "alice");
}

#[tokio::test]
async fn a_session_of_somebody_known_is_not_found_by_others() {
    let site = Site::start();
    let (alice, bob) = (site.token("alice", "password123").await, site.token("bob", "hunter2").await);
    let connection = Some(site.open_session(&alice).await);
    let of = |with: &With| With { session: connection.clone(), ..with.clone() };
    assert_eq!(site.send(&of(&alice), &call(PROFILE, json!({}))).await.status, 200);
    for other in [&bob, &none()] {
        assert_eq!(site.send(&of(other), &call(PROFILE, json!({}))).await.status, 404);
    }
}

#[tokio::test]
async fn a_modern_request_has_no_connection_to_be_logged_in_on() {
    let site = Site::start();
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    let meta = crate::support::meta();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": PROFILE, "arguments": {}, "_meta": meta}});
    let request = crate::support::request("POST", "/mcp/session")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", PROFILE)
        .header("mcp-session-id", connection);
    let answer = site.answer(request.body(message.to_string().into()).unwrap()).await;
    assert_eq!(answer.json()["result"]["structuredContent"], authentication_required(), "{answer:?}");
}

fn here(method: &str, path: &str) -> axum::http::request::Builder {
    let peer = axum::extract::ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    crate::support::request(method, path).extension(peer)
}

/// Those of late, the last one first.
async fn requests(site: &Site) -> Vec<Value> {
    let view = site.answer(here("GET", "/debug/requests").body(axum::body::Body::empty()).unwrap()).await.json();
    view["requests"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_login_ends_with_the_session_that_it_was_made_on() {
    let site = Site::start();
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    assert_eq!(site.good(&session(&connection), PROFILE, json!({})).await["username"], "alice");
    let end = here("DELETE", "/mcp/session").header("mcp-session-id", &connection);
    assert_eq!(site.answer(end.body(axum::body::Body::empty()).unwrap()).await.status, 204);
    assert_eq!(site.send(&session(&connection), &call(PROFILE, json!({}))).await.status, 404);
    // Nor is whoever brings its id taken for its owner where it is only written down.
    let requests = requests(&site).await;
    let told = requests[..3].iter();
    let told = told.map(|one| (one["status"].as_u64().unwrap(), one["principal"].as_str().unwrap() != ANYBODY));
    assert_eq!(told.collect::<Vec<_>>(), [(404, false), (204, true), (200, true)]);
}

#[tokio::test]
async fn a_login_does_not_count_for_a_modern_message_that_no_header_tells_of() {
    let site = Site::start();
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": PROFILE, "arguments": {}, "_meta": crate::support::meta()}});
    for version in [None, Some("2025-11-25")] {
        let request = crate::support::request("POST", "/mcp/session").header("content-type", "application/json");
        let request = request.header("mcp-session-id", &connection).header("mcp-name", PROFILE);
        let request = request.header("mcp-method", "tools/call");
        let request =
            version.into_iter().fold(request, |request, version| request.header("mcp-protocol-version", version));
        let answer = site.answer(request.body(message.to_string().into()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(-32020)), "{answer:?}");
    }
    // That its method is of the modern revision is told by the message alone.
    let request = here("POST", "/mcp/session").header("content-type", "application/json");
    let request = request.header("mcp-session-id", &connection).header("mcp-protocol-version", "2025-11-25");
    let request = request.header("mcp-method", "server/discover");
    let message = json!({"jsonrpc": "2.0", "method": "server/discover"});
    site.answer(request.body(message.to_string().into()).unwrap()).await;
    let told = requests(&site).await.swap_remove(0);
    assert_eq!((&told["method"], &told["principal"]), (&json!("server/discover"), &json!(ANYBODY)), "{told}");
    assert_eq!(site.good(&session(&connection), PROFILE, json!({})).await["username"], "alice");
}

#[tokio::test]
async fn every_legacy_revision_that_has_sessions_can_log_in_on_one() {
    let site = Site::start();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let opened = site.send(&none(), &initialize(version)).await;
        assert_eq!(opened.json()["result"]["protocolVersion"], version);
        // Of the oldest, sessions are streams: the tests of that transport log in on one.
        assert_eq!(opened.header("mcp-session-id").is_none(), version == "2024-11-05");
        let Some(connection) = opened.header("mcp-session-id").map(session) else { continue };
        site.login(&connection, "alice", "password123").await;
        assert_eq!(site.good(&connection, PROFILE, json!({})).await["username"], "alice");
    }
}
