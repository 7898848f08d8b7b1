//! A server of HTTP with SSE behind the guard.
use super::{RULES, Seen, behind, guard, list, note, open, read};
use crate::support::{ORIGIN, call, request};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse,
    routing::any,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::sync::mpsc;

/// A server that speaks HTTP with SSE, and names `place` for messages; what is posted there comes back on the stream.
async fn legacy(place: &'static str) -> (String, Seen, mpsc::Sender<String>) {
    type Held = Arc<(Seen, mpsc::Sender<String>, Mutex<Option<mpsc::Receiver<String>>>)>;
    let (sender, receiver) = mpsc::channel(8);
    let seen = Seen::default();
    let held: Held = Arc::new((Arc::clone(&seen), sender.clone(), Mutex::new(Some(receiver))));
    let listen = move |State(held): State<Held>| async move {
        let receiver = held.2.lock().unwrap().take().unwrap();
        let first = stream::once(async move { format!("event: endpoint\r\ndata: {place}\r\n\r\n") });
        let events = first
            .chain(stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }));
        ([("content-type", "text/event-stream")], Body::from_stream(events.map(Ok::<_, Infallible>))).into_response()
    };
    let receive = |State(held): State<Held>, request: Request| async move {
        assert_eq!(request.uri().query(), Some("session=theirs"));
        let (_, body) = note(&held.0, request).await;
        held.1.send(format!("event: message\r\ndata: {body}\r\n\r\n")).await.unwrap();
        (StatusCode::ACCEPTED, "Accepted")
    };
    let router = Router::new().route("/old/sse", any(listen)).route("/old/in", any(receive)).with_state(held);
    (format!("{}/old/sse", behind(router).await), seen, sender)
}

#[tokio::test]
async fn a_server_of_http_with_sse_is_guarded_on_both_of_its_paths() {
    let (url, seen, stream) = legacy("in?session=theirs").await;
    let t = guard(&url, RULES).await;
    let of = |subject: &str| t.token_with(json!({"aud": format!("{ORIGIN}/sse/oauth"), "sub": subject}));
    let get = |token: &str| request("GET", "/sse/oauth").header("authorization", format!("Bearer {token}"));
    assert_eq!(t.send(request("GET", "/sse/oauth").body(Body::empty()).unwrap()).await.status, 401);
    let response = open(&t, get(&of("alice")).body(Body::empty()).unwrap()).await;
    assert!(!response.headers().contains_key("mcp-session-id"));
    let mut body = response.into_body().into_data_stream();
    let first = read(&mut body).await;
    let place = first.strip_prefix("event: endpoint\ndata: ").unwrap().trim().to_owned();
    assert!(place.starts_with("/messages/oauth?session_id="), "{first}");
    let send = async |token: &str, message: &Value| {
        let sent = request("POST", &place).header("authorization", format!("Bearer {token}"));
        let sent = sent.header("content-type", "application/json").header("x-auth-subject", "root");
        t.send(sent.body(Body::from(message.to_string())).unwrap()).await
    };
    assert_eq!(send(&of("bob"), &list()).await.status, 404);
    assert_eq!(send("bad", &list()).await.status, 401);
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(send(&of("alice"), &call("any", json!({}))).await.status, 202);
    assert_eq!(read(&mut body).await, format!("event: message\r\ndata: {}\r\n\r\n", call("any", json!({}))));
    let headers = seen.lock().unwrap().remove(0).1;
    assert_eq!(headers["x-auth-subject"], "alice");
    assert!(!headers.contains_key("authorization") && !headers.contains_key("mcp-session-id"));
    assert_eq!(send(&of("alice"), &call("write_note", json!({"key": "A"}))).await.status, 202);
    assert!(read(&mut body).await.contains("Policy denied"));
    assert!(seen.lock().unwrap().is_empty());
    drop(body);
    // The server behind is told that nobody listens any more.
    stream.closed().await;
    assert_eq!(send(&of("alice"), &list()).await.status, 404, "the stream has ended");
    assert_eq!(t.post(&t.token("mcp:read"), &list()).await.status, 404, "it has no Streamable HTTP");
}

#[tokio::test]
async fn what_it_asks_on_its_stream_is_answered_once_by_whose_stream_it_is() {
    let (url, seen, stream) = legacy("in?session=theirs").await;
    let t = guard(&url, RULES).await;
    let of = |subject: &str| t.token_with(json!({"aud": format!("{ORIGIN}/sse/oauth"), "sub": subject}));
    let get = request("GET", "/sse/oauth").header("authorization", format!("Bearer {}", of("alice")));
    let mut body = open(&t, get.body(Body::empty()).unwrap()).await.into_body().into_data_stream();
    let place = read(&mut body).await.split("data: ").nth(1).unwrap().trim().to_owned();
    let tools = json!({"jsonrpc": "2.0", "id": 5, "result": {"tools": [{"name": "delete"}, {"name": "read"}]}});
    for event in [json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}), tools] {
        stream.send(format!("event: message\r\ndata: {event}\r\n\r\n")).await.unwrap();
    }
    assert!(read(&mut body).await.contains("roots/list"));
    let list = read(&mut body).await;
    assert!(list.contains("\"read\"") && !list.contains("delete"), "{list}");
    for (subject, id, status) in [("alice", 2, 400), ("bob", 1, 404), ("alice", 1, 202), ("alice", 1, 400)] {
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": {"roots": []}}).to_string();
        let sent = request("POST", &place).header("authorization", format!("Bearer {}", of(subject)));
        let sent = sent.header("content-type", "application/json").body(Body::from(answer)).unwrap();
        assert_eq!(t.send(sent).await.status, status, "{subject} {id}");
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn messages_go_nowhere_but_to_the_server_that_was_named() {
    let (url, ..) = legacy("http://elsewhere.example/in").await;
    let t = guard(&url, "").await;
    let token = t.token_with(json!({"aud": format!("{ORIGIN}/sse/oauth")}));
    let sent = request("GET", "/sse/oauth").header("authorization", format!("Bearer {token}"));
    let response = open(&t, sent.body(Body::empty()).unwrap()).await;
    assert!(response.into_body().into_data_stream().next().await.unwrap().is_err());
}
