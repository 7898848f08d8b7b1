//! What a server asks its client, who may answer it, and what may be said on whose stream.
use super::{ADMIN, Guarded};
use crate::support::{ORIGIN, TestServer, bearer, call, initialize, request};
use axum::{
    Router,
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::{StreamExt, stream};
use keyward_resource_server::{Guard, Settings, router};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tower::ServiceExt;

/// A server that opens sessions, each under the name that its client says it has, and asks on its streams what it is
/// told to.
fn asking() -> (Router, mpsc::Sender<String>, Arc<Mutex<Vec<Value>>>) {
    let (sender, receiver) = mpsc::channel::<String>(8);
    let (receiver, answers) = (Arc::new(tokio::sync::Mutex::new(receiver)), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&answers);
    let answer = move |request: Request| async move {
        if request.method() == "GET" {
            let events = stream::unfold(receiver, |receiver| async move {
                let event = receiver.lock().await.recv().await?;
                Some((Ok::<_, Infallible>(event), receiver))
            });
            return ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response();
        }
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        let message: Value = serde_json::from_slice(&body).unwrap();
        if message["method"] == "initialize" {
            let session = message["params"]["clientInfo"]["name"].as_str().unwrap().to_owned();
            let result = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-11-25"}});
            return ([("mcp-session-id", session)], axum::Json(result)).into_response();
        }
        noted.lock().unwrap().push(message);
        axum::http::StatusCode::ACCEPTED.into_response()
    };
    (Router::new().route("/mcp", any(answer)), sender, answers)
}

async fn open(t: &TestServer, token: &str, session: &str) -> String {
    let mut greeting = initialize("2025-11-25");
    greeting["params"]["clientInfo"]["name"] = session.into();
    let answer = t.post(token, &greeting).await;
    answer.header("mcp-session-id").unwrap().to_owned()
}

async fn listen(t: &TestServer, token: &str, session: &str) -> BodyDataStream {
    let sent = request("GET", "/mcp/oauth").header("authorization", format!("Bearer {token}"));
    let sent = sent.header("mcp-session-id", session).header("accept", "text/event-stream");
    let response = t.router.clone().oneshot(sent.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

async fn respond(t: &TestServer, token: &str, session: Option<&str>, id: Value) -> u16 {
    let mut sent = bearer(token);
    if let Some(session) = session {
        sent = sent.header("mcp-session-id", session);
    }
    let body = json!({"jsonrpc": "2.0", "id": id, "result": {"roots": []}}).to_string();
    let answer = t.send(sent.body(Body::from(body)).unwrap()).await;
    if answer.status == 400 {
        assert_eq!(answer.json()["error"]["code"], -32600);
    }
    answer.status.as_u16()
}

async fn read(stream: &mut BodyDataStream) -> String {
    String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn attack_116_a_response_that_nobody_waits_for() {
    for library in [false, true] {
        let (server, asks, answers) = asking();
        let t = TestServer::start().await;
        let router = if library {
            Guard::new(crate::support::RESOURCE, &t.issuer.uri()).unwrap().clock(t.clock.clone()).protect(
                tower::service_fn(move |mut request: Request| {
                    *request.uri_mut() = "/mcp".parse().unwrap();
                    server.clone().oneshot(request)
                }),
            )
        } else {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/mcp", listener.local_addr().unwrap());
            tokio::spawn(axum::serve(listener, server).into_future());
            let text = format!("[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\nupstream = \"{url}\"");
            let settings = Settings::parse(&text).unwrap();
            router(&Settings { clock: t.clock.clone(), issuer: t.issuer.uri(), ..settings }).unwrap()
        };
        let t = TestServer { router, ..t };
        let (alice, bob) = (t.token("mcp:read"), t.token_with(json!({"sub": "bob"})));
        let of_alice = open(&t, &alice, "of-alice").await;
        let of_bob = open(&t, &bob, "of-bob").await;
        let (of_alice, of_bob) = (of_alice.as_str(), of_bob.as_str());
        let mut stream = listen(&t, &alice, of_alice).await;
        assert_eq!(respond(&t, &alice, Some(of_alice), json!(1)).await, 400, "nothing was asked");
        asks.send("id: 1\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\n".to_owned()).await.unwrap();
        asks.send("data: \"method\":\"roots/list\"}\n\n".to_owned()).await.unwrap();
        asks.send("data: [{\"jsonrpc\":\"2.0\",\"id\":\"\\u0061\",\"method\":\"ping\"}]\n\n".to_owned()).await.unwrap();
        asks.send("data: {\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}\n\ndata: {}".to_owned()).await.unwrap();
        let mut seen = String::new();
        while !seen.contains("\"result\"") {
            seen += &read(&mut stream).await;
        }
        assert!(
            seen.starts_with("id: 1\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\ndata: \"method\":\"roots/list\"}\n\n"),
            "{seen}"
        );
        for (token, session, id, status) in [
            (&alice, Some(of_alice), json!(2), 400),
            (&alice, Some(of_alice), json!("1"), 400),
            (&alice, Some(of_alice), json!(5), 400),
            (&alice, None, json!(1), 400),
            (&bob, Some(of_bob), json!(1), 400),
            (&bob, Some(of_alice), json!(1), 404),
            (&alice, Some("made-up"), json!(1), 404),
            (&alice, Some(of_alice), json!(1), 202),
            (&alice, Some(of_alice), json!(1), 400),
            (&alice, Some(of_alice), json!("a"), 202),
        ] {
            assert_eq!(respond(&t, token, session, id.clone()).await, status, "{session:?} {id}");
        }
        assert_eq!(
            answers.lock().unwrap().iter().map(|answer| &answer["id"]).collect::<Vec<_>>(),
            [&json!(1), &json!("a")]
        );
        drop(asks);
        assert_eq!(read(&mut stream).await, "data: {}", "the end of a stream is passed on as it is");
    }
}

#[tokio::test]
async fn attack_117_an_error_for_somebody_elses_stream() {
    let t = TestServer::start().await;
    let of = |subject: &str| t.token_with(json!({"aud": format!("{ORIGIN}/sse/oauth"), "sub": subject}));
    let get = request("GET", "/sse/oauth").header("authorization", format!("Bearer {}", of("alice")));
    let response = t.router.clone().oneshot(get.body(Body::empty()).unwrap()).await.unwrap();
    let mut stream = response.into_body().into_data_stream();
    let first = read(&mut stream).await;
    let place = first.split("data: ").nth(1).unwrap().trim().to_owned();
    let post = async |token: &str, body: &str| {
        let sent = request("POST", &place).header("authorization", format!("Bearer {token}"));
        t.send(sent.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap()).await
    };
    let provoked = [
        r#"{"jsonrpc":"2.0","id":"bobs","method":"tools/call"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":"bobs","method":"tools/call","params":{"name":5}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":"bobs","method":"tools/call","params":{"name":"a","arguments":[]}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":"bobs","method":"ping""#.to_owned(),
        r#"{"jsonrpc":"2.0","id":"bobs","result":{}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":"bobs","method":"server/discover"}"#.to_owned(),
        call("echo", json!({})).to_string(),
        call("write_note", json!({"key": "a", "content": "rm -rf"})).to_string(),
        "[]".to_owned(),
    ];
    for body in &provoked {
        let answer = post(&of("bob"), body).await;
        assert!([200, 400, 404].contains(&answer.status.as_u16()), "{body}: {answer:?}");
    }
    // What is her own fault she hears of there, and of nothing else.
    assert_eq!(post(&of("alice"), &provoked[0].replace("bobs", "alices")).await.status, 202);
    let heard = read(&mut stream).await;
    assert!(heard.contains("alices") && heard.contains("-32602") && !heard.contains("bobs"), "{heard}");
}

#[tokio::test]
async fn attack_118_an_answer_before_the_answer() {
    for interim in [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-early: 1\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nset-cookie: a=b\r\nx-early: 1\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nx-early: 1\r\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await.unwrap();
            let last = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
            socket.write_all(format!("{interim}{last}").as_bytes()).await.unwrap();
            let _ = socket.read(&mut head).await;
        });
        let t = TestServer::start().await;
        let text = format!("[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\nupstream = \"{url}\"");
        let settings = Settings { issuer: t.issuer.uri(), ..Settings::parse(&text).unwrap() };
        let t = t.with(settings);
        // Over a connection, where an interim answer would be seen.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, t.router.clone()).into_future());
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let body = call("any", json!({})).to_string();
        let head = format!(
            "POST /mcp/oauth HTTP/1.1\r\nhost: 127.0.0.1:8990\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            t.token("mcp:read"),
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let status = if interim.contains(" 101 ") { "HTTP/1.1 502 " } else { "HTTP/1.1 200 " };
        assert!(answer.starts_with(status), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(!answer.contains("x-early"), "{answer}");
    }
}

/// A list of tools with numbers that no reader keeps, and one that is too dear.
const TOOLS: &str = r#"{"jsonrpc" : "2.0","id":7, "result":{"tools":[ {"name":"read","inputSchema":{"maximum":1e400,"minimum":-0}}, {"name":"\u0064elete"},{"name":"last","n":12345678901234567890.0}],"next":1.0}}"#;
const SHORTER: &str = r#"{"jsonrpc" : "2.0","id":7, "result":{"tools":[{"name":"read","inputSchema":{"maximum":1e400,"minimum":-0}},{"name":"last","n":12345678901234567890.0}],"next":1.0}}"#;

#[tokio::test]
async fn attack_119_a_list_heard_on_a_stream_that_was_resumed() {
    let answer = |request: Request| async move {
        let event = format!("id: 1\ndata: {TOOLS}\n\n");
        let (accept, is_get) = (request.headers().get("accept").cloned(), request.method() == "GET");
        let response: Response = if is_get || accept.is_some_and(|accept| accept == "text/event-stream") {
            ([("content-type", "text/event-stream")], event).into_response()
        } else {
            ([("content-type", "application/json")], Bytes::from(TOOLS)).into_response()
        };
        ([("mcp-session-id", "of-upstream")], response).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/mcp", any(answer))).into_future());
    let t = TestServer::start().await;
    let text = format!("[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\nupstream = \"{url}\"\n{ADMIN}");
    let settings = Settings { issuer: t.issuer.uri(), ..Settings::parse(&text).unwrap() };
    let t = t.with(settings);
    for (scope, expected) in [("mcp:read", SHORTER), ("mcp:admin", TOOLS)] {
        let token = t.token(scope);
        let list = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/list"});
        let opened = t.post(&token, &initialize("2025-11-25")).await;
        let session = opened.header("mcp-session-id").unwrap();
        let answer = t.post(&token, &list).await;
        assert_eq!(String::from_utf8_lossy(&answer.body), expected);
        for (method, body) in [("GET", Body::empty()), ("POST", Body::from(call("any", json!({})).to_string()))] {
            let sent = request(method, "/mcp/oauth").header("authorization", format!("Bearer {token}"));
            let sent = sent.header("content-type", "application/json").header("accept", "text/event-stream");
            let sent = sent.header("mcp-session-id", session).header("last-event-id", "0");
            let answer = t.send(sent.body(body).unwrap()).await;
            assert_eq!(String::from_utf8_lossy(&answer.body), format!("id: 1\ndata: {expected}\n\n"), "{method}");
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_nothing_is_answered_nothing() {
    let g = Guarded::start("").await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string();
    assert_eq!(g.post("mcp:read", &[], body).await.status, 400);
    g.assert_nothing_came("a response without a session");
}
