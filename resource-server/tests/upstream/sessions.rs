//! Sessions of the server behind, as its clients know them: sealed for their owner, and known again by every guard that
//! has the same key.
use super::answering;
use crate::support::{Answer, ENDPOINT, TestServer, call, initialize, request};
use axum::{
    Router,
    body::{Body, to_bytes},
};
use keyward_resource_server::{Settings, router};
use serde_json::{Value, json};
use time::Duration;
use tower::ServiceExt;

const KEY: &str = "session_key = \"a-key-that-all-guards-have\"";

/// One more guard in front of the same server.
fn another(t: &TestServer, upstream: &str, server: &str, id: &str) -> Router {
    let text = format!(
        "{server}\n[[surface]]\nid = \"{id}\"\nkind = \"oauth\"\npath = \"{ENDPOINT}\"\nupstream = \"{upstream}\""
    );
    let settings = Settings { clock: t.clock.clone(), issuer: t.issuer.uri(), ..Settings::parse(&text).unwrap() };
    router(&settings).unwrap()
}

async fn send(guard: &Router, method: &str, token: &str, session: Option<&str>, message: Option<Value>) -> Answer {
    let sent = request(method, ENDPOINT).header("authorization", format!("Bearer {token}"));
    let sent = sent.header("content-type", "application/json");
    let sent = session.iter().fold(sent, |sent, session| sent.header("mcp-session-id", *session));
    let body = message.map_or_else(Body::empty, |message| Body::from(message.to_string()));
    let (parts, body) = guard.clone().oneshot(sent.body(body).unwrap()).await.unwrap().into_parts();
    Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap() }
}

async fn opened(guard: &Router, token: &str) -> String {
    let opened = send(guard, "POST", token, None, Some(initialize("2025-11-25"))).await;
    opened.header("mcp-session-id").unwrap().to_owned()
}

async fn called(guard: &Router, token: &str, session: &str) -> u16 {
    let answer = send(guard, "POST", token, Some(session), Some(call("any", json!({})))).await;
    if answer.status != 200 {
        assert_eq!(answer.json()["error"], "session_not_found");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn attack_131_a_session_goes_on_at_another_guard_for_its_owner_and_for_nobody_else() {
    let (url, seen) = answering().await;
    let t = TestServer::start().await;
    let (alice, bob) = (t.token("mcp:read"), t.token_with(json!({"sub": "bob"})));
    let other_client = t.token_with(json!({"client_id": "c2"}));
    let first = another(&t, &url, KEY, "notes");
    let session = opened(&first, &alice).await;
    seen.lock().unwrap().clear();
    // Guards that have not seen the session: as after a restart, and as beside the first.
    for number in 0..3 {
        let second = another(&t, &url, KEY, "notes");
        for thief in [&bob, &other_client] {
            assert_eq!(called(&second, thief, &session).await, 404);
            for method in ["GET", "DELETE"] {
                assert_eq!(send(&second, method, thief, Some(&session), None).await.status, 404, "{method}");
            }
        }
        assert_eq!(called(&second, &alice, &session).await, 200);
        assert_eq!(send(&second, "GET", &alice, Some(&session), None).await.status, 200);
        assert_eq!(called(&second, &bob, &session).await, 404);
        assert_eq!(seen.lock().unwrap().len(), 2 * (number + 1), "something reached the server behind");
    }
    assert!(seen.lock().unwrap().iter().all(|(_, headers, _)| headers["mcp-session-id"] == "of-upstream"));
    seen.lock().unwrap().clear();
    // Another key, another surface, the server's own id, and what was bent.
    let another_key = another(&t, &url, "session_key = \"a-key-that-only-this-one-has\"", "notes");
    let another_surface = another(&t, &url, KEY, "mail");
    let keyless = another(&t, &url, "", "notes");
    for guard in [&another_key, &another_surface, &keyless] {
        assert_eq!(called(guard, &alice, &session).await, 404);
    }
    let bent = format!("{}{}", if session.starts_with('A') { 'B' } else { 'A' }, &session[1..]);
    for wrong in ["of-upstream", &bent, &session[..session.len() - 1], &format!("{session}A"), "AAAA"] {
        assert_eq!(called(&another(&t, &url, KEY, "notes"), &alice, wrong).await, 404, "{wrong}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_session_ends_where_it_was_ended_and_is_known_again_for_a_day() {
    let (url, _) = answering().await;
    let t = TestServer::start().await;
    let first = another(&t, &url, KEY, "notes");
    let session = opened(&first, &t.token("mcp:read")).await;
    assert_eq!(send(&first, "DELETE", &t.token("mcp:read"), Some(&session), None).await.status, 204);
    assert_eq!(called(&first, &t.token("mcp:read"), &session).await, 404);
    let session = opened(&first, &t.token("mcp:read")).await;
    t.clock.advance(Duration::hours(23));
    assert_eq!(called(&another(&t, &url, KEY, "notes"), &t.token("mcp:read"), &session).await, 200);
    assert_eq!(called(&first, &t.token("mcp:read"), &session).await, 404, "it idled here");
    t.clock.advance(Duration::hours(1));
    assert_eq!(called(&another(&t, &url, KEY, "notes"), &t.token("mcp:read"), &session).await, 404);
}

#[tokio::test]
async fn without_a_key_of_its_own_the_stores_is_used_and_without_a_store_nothing_outlives_the_process() {
    let (url, _) = answering().await;
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let folder = tempfile::tempdir().unwrap();
    let stored = format!("store = {:?}", folder.path().join("store.db").display().to_string());
    let session = opened(&another(&t, &url, &stored, "notes"), &token).await;
    assert_eq!(called(&another(&t, &url, &stored, "notes"), &token, &session).await, 200);
    let session = opened(&another(&t, &url, "", "notes"), &token).await;
    assert_eq!(called(&another(&t, &url, "", "notes"), &token, &session).await, 404);
}

#[tokio::test]
async fn many_sessions_of_somebody_end_no_other_and_not_even_their_own() {
    let (url, _) = answering().await;
    let t = TestServer::start().await;
    let guard = another(&t, &url, "", "notes");
    let (alice, bob) = (t.token("mcp:read"), t.token_with(json!({"sub": "bob"})));
    let bobs = opened(&guard, &bob).await;
    let first = opened(&guard, &alice).await;
    for _ in 0..70 {
        opened(&guard, &alice).await;
    }
    assert_eq!((called(&guard, &bob, &bobs).await, called(&guard, &alice, &first).await), (200, 200));
}
