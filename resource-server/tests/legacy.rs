//! Clients that open with `initialize`, of every revision that has it, at the same endpoint.
use crate::support::{Answer, TestServer, bearer, call, initialize, request};
use axum::body::Body;
use serde_json::{Value, json};
use time::Duration;

async fn in_session(t: &TestServer, token: &str, session: &str, message: &Value) -> Answer {
    let request = bearer(token).header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
    t.send(request.body(Body::from(message.to_string())).unwrap()).await
}

async fn open(t: &TestServer, token: &str) -> String {
    let answer = t.post(token, &initialize("2025-11-25")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("mcp-session-id").unwrap().to_owned()
}

fn of_bob(t: &TestServer) -> String {
    t.token_with(json!({"sub": "bob"}))
}

fn of_another_client(t: &TestServer) -> String {
    t.token_with(json!({"client_id": "c2"}))
}

async fn without_message(t: &TestServer, method: &str, token: &str, session: Option<&str>) -> u16 {
    let mut request = request(method, "/mcp/oauth")
        .header("authorization", format!("Bearer {token}"))
        .header("accept", "text/event-stream");
    if let Some(session) = session {
        request = request.header("mcp-session-id", session);
    }
    // Not `send`: a stream would be read to its end.
    let request = request.body(Body::empty()).unwrap();
    tower::ServiceExt::oneshot(t.router.clone(), request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn initialize_agrees_on_the_requested_revision() {
    let t = TestServer::start().await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let answer = t.post(&t.token("mcp:read"), &initialize(version)).await;
        assert_eq!(answer.status, 200);
        let result = &answer.json()["result"];
        assert_eq!(result["protocolVersion"], version);
        assert_eq!(result["serverInfo"]["name"], "keyward-resource-server");
        assert_eq!(answer.header("mcp-session-id").is_some(), version != "2024-11-05", "{version}");
    }
    for version in ["2099-01-01", "2026-07-28"] {
        let answer = t.post(&t.token("mcp:read"), &initialize(version)).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25", "{answer:?}");
    }
}

#[tokio::test]
async fn initialize_may_say_nothing() {
    let t = TestServer::start().await;
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}),
    ] {
        let answer = t.post(&t.token("mcp:read"), &message).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25", "{answer:?}");
    }
}

#[tokio::test]
async fn a_session_runs_from_greeting_to_farewell() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let session = open(&t, &token).await;
    assert!(session.len() == 32 && session.bytes().all(|byte| byte.is_ascii_hexdigit()), "{session}");
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = in_session(&t, &token, &session, &initialized).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (202, 0));
    let answer = in_session(&t, &token, &session, &call("echo", json!({"message": "hi"}))).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let result = &answer.json()["result"];
    assert_eq!(result["structuredContent"]["message"], "hi");
    assert_eq!(result.get("resultType"), None);
    assert_eq!(without_message(&t, "GET", &token, Some(&session)).await, 200);
    assert_eq!(without_message(&t, "DELETE", &token, Some(&session)).await, 204);
    assert_eq!(in_session(&t, &token, &session, &call("ping", json!({}))).await.status, 404);
    assert_eq!(without_message(&t, "DELETE", &token, Some(&session)).await, 404);
}

#[tokio::test]
async fn a_session_is_of_no_use_to_anybody_else() {
    let t = TestServer::start().await;
    let session = open(&t, &t.token("mcp:read")).await;
    for token in [of_bob(&t), of_another_client(&t)] {
        let answer = in_session(&t, &token, &session, &call("ping", json!({}))).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json()["error"], "session_not_found");
        assert_eq!(without_message(&t, "GET", &token, Some(&session)).await, 404);
        assert_eq!(without_message(&t, "DELETE", &token, Some(&session)).await, 404);
    }
    let refreshed = t.token_with(json!({"jti": "t2", "scope": "mcp:write"}));
    assert_eq!(in_session(&t, &refreshed, &session, &call("ping", json!({}))).await.status, 200);
}

#[tokio::test]
async fn a_session_needs_a_good_token_each_time() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let session = open(&t, &token).await;
    t.clock.advance(Duration::minutes(10));
    assert_eq!(in_session(&t, &token, &session, &call("ping", json!({}))).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour_of_silence() {
    let t = TestServer::start().await;
    let session = open(&t, &t.token("mcp:read")).await;
    t.clock.advance(Duration::minutes(29));
    assert_eq!(in_session(&t, &t.token("mcp:read"), &session, &call("ping", json!({}))).await.status, 200);
    t.clock.advance(Duration::minutes(30));
    assert_eq!(in_session(&t, &t.token("mcp:read"), &session, &call("ping", json!({}))).await.status, 404);
}

#[tokio::test]
async fn a_made_up_session_is_not_found() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    assert_eq!(in_session(&t, &token, "made-up", &call("ping", json!({}))).await.status, 404);
    assert_eq!(without_message(&t, "GET", &token, Some("made-up")).await, 404);
}

#[tokio::test]
async fn without_a_session_there_is_neither_stream_nor_farewell() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    for method in ["GET", "DELETE", "PUT", "PATCH", "HEAD"] {
        assert_eq!(without_message(&t, method, &token, None).await, 405, "{method}");
    }
}

#[tokio::test]
async fn calls_work_without_initialize_and_without_a_session() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let answer = t.post(&token, &list).await;
    assert_eq!(answer.json()["result"]["tools"].as_array().unwrap().len(), 5);
    assert_eq!(answer.json()["result"].get("resultType"), None);
    assert_eq!(t.post(&token, &call("ping", json!({}))).await.json()["result"]["structuredContent"]["pong"], true);
    assert_eq!(
        t.post(&token, &json!({"jsonrpc": "2.0", "id": "a", "method": "ping"})).await.json()["result"],
        json!({})
    );
}

#[tokio::test]
async fn errors_of_json_rpc_are_answers_like_any_other() {
    let t = TestServer::start().await;
    let token = t.token("mcp:admin");
    let cases = [
        (json!({"jsonrpc": "2.0", "id": 1, "method": "no/such"}), -32601),
        (call("no-such-tool", json!({})), -32602),
        (json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 5}}), -32602),
        (json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call"}), -32602),
    ];
    for (message, code) in cases {
        let answer = t.post(&token, &message).await;
        assert_eq!(answer.status, 200, "{message}");
        assert_eq!(answer.json()["error"]["code"], code, "{message}");
    }
}

#[tokio::test]
async fn what_is_not_a_message_is_refused_and_nothing_breaks() {
    let t = TestServer::start().await;
    let batch = json!([initialize("2025-03-26"), call("ping", json!({}))]).to_string();
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], i64); 14] = [
        (batch.as_bytes(), -32600),
        (b"[]", -32600),
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe{}", -32700),
        (deep.as_bytes(), -32700),
        (b"7", -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, -32600),
    ];
    for (body, code) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = t.send(bearer(&t.token("mcp:read")).body(Body::from(body.to_vec())).unwrap()).await;
        assert_eq!(answer.status, 400, "{shown}");
        assert_eq!(answer.json()["error"]["code"], code, "{shown}");
    }
}

#[tokio::test]
async fn a_response_nobody_asked_for_is_refused_in_json() {
    let t = TestServer::start().await;
    let answer = t.post(&t.token("mcp:read"), &json!({"jsonrpc": "2.0", "id": 1, "result": {}})).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["code"], -32600);
}

#[tokio::test]
async fn the_answers_type_is_what_the_client_accepts() {
    let t = TestServer::start().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let cases = [
        (None, 200, "application/json"),
        (Some("*/*"), 200, "application/json"),
        (Some("application/json"), 200, "application/json"),
        (Some("text/event-stream, application/json;q=0.1"), 200, "application/json"),
        (Some("text/event-stream"), 200, "text/event-stream"),
        (Some("application/json;q=0, text/event-stream"), 200, "text/event-stream"),
        (Some("text/html"), 406, "application/json"),
    ];
    for (accept, status, content_type) in cases {
        let mut request = bearer(&t.token("mcp:read"));
        request.headers_mut().unwrap().remove("accept");
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let answer = t.send(request.body(Body::from(ping.clone())).unwrap()).await;
        assert_eq!(answer.status, status, "{accept:?}");
        assert!(answer.header("content-type").unwrap().starts_with(content_type), "{accept:?} {answer:?}");
    }
}

#[tokio::test]
async fn a_greeting_as_a_stream_opens_a_session_too() {
    let t = TestServer::start().await;
    let mut request = bearer(&t.token("mcp:read"));
    request.headers_mut().unwrap().insert("accept", "text/event-stream".parse().unwrap());
    let answer = t.send(request.body(Body::from(initialize("2025-06-18").to_string())).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("mcp-session-id").is_some(), "{answer:?}");
}
