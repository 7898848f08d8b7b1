//! The guard in front of an MCP server of somebody else: what goes through, what does not, and what is said when the
//! server is not well.
mod identity;
mod legacy;
mod operator;
mod refusals;
mod sessions;

use crate::support::{ORIGIN, TestServer, bearer, call, initialize, request};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures_util::{StreamExt, stream};
use keyward_limits::connections::{Bounds, Connections};
use keyward_resource_server::{Settings, clock::Clock};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};
use tower::ServiceExt;

/// A server behind, on a port of its own.
async fn behind(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}")
}

/// A guard on a port of its own, as the program listens.
async fn listening(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new(Bounds::default(), Arc::default(), |_| ());
    tokio::spawn(async move { connections.serve(listener, router, std::future::pending()).await });
    address
}

/// What a server behind saw.
type Seen = Arc<Mutex<Vec<(Method, HeaderMap, Value)>>>;

async fn note(seen: &Seen, request: Request) -> (Method, Value) {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    seen.lock().unwrap().push((parts.method.clone(), parts.headers, body.clone()));
    (parts.method, body)
}

/// It answers whatever it is asked, in a session.
async fn answering() -> (String, Seen) {
    let seen = Seen::default();
    let answer = |State(seen): State<Seen>, request: Request| async move {
        let (method, body) = note(&seen, request).await;
        match (method.as_str(), body["method"].as_str()) {
            ("GET", _) => ([("content-type", "text/event-stream")], "data: {}\n\n").into_response(),
            ("POST", Some("initialize")) => {
                let result = json!({"jsonrpc": "2.0", "id": body["id"], "result": {"protocolVersion": "2025-11-25"}});
                ([("mcp-session-id", "of-upstream"), ("set-cookie", "a=b")], Json(result)).into_response()
            }
            ("POST", Some(_)) if body.get("id").is_some() => {
                Json(json!({"jsonrpc": "2.0", "id": body["id"], "result": {}})).into_response()
            }
            ("POST", _) => StatusCode::ACCEPTED.into_response(),
            _ => StatusCode::NO_CONTENT.into_response(),
        }
    };
    let url = behind(Router::new().route("/mcp", any(answer)).with_state(Arc::clone(&seen))).await;
    (format!("{url}/mcp"), seen)
}

/// A server that answers all with this.
async fn saying(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> String {
    format!("{}/mcp", behind(Router::new().route("/mcp", any(move || async move { answer() }))).await)
}

/// The guard in front of it, an OAuth surface.
async fn guard(upstream: &str, more: &str) -> TestServer {
    let t = TestServer::start().await;
    let text = format!("[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\nupstream = \"{upstream}\"\n{more}");
    let settings = Settings::parse(&text).unwrap();
    let settings = Settings { issuer: t.issuer.uri(), ..settings };
    t.with(settings)
}

const RULES: &str = "tool_scopes = { delete = \"mcp:tools:admin\" }\n\
                     [[surface.rule]]\ntool = \"write_note\"\nparameter = \"key\"\npattern = \"[a-z]+\"";

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 5, "method": "tools/list"})
}

/// The answer's head and its stream, not yet read.
async fn open(t: &TestServer, request: Request) -> Response {
    t.router.clone().oneshot(request).await.unwrap()
}

async fn read(body: &mut axum::body::BodyDataStream) -> String {
    String::from_utf8(body.next().await.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn an_event_arrives_while_the_server_behind_still_holds_the_next() {
    let (sender, receiver) = mpsc::channel::<String>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let url = saying(move || {
        let receiver = receiver.lock().unwrap().take().unwrap();
        let events = stream::unfold(receiver, |mut receiver| async move {
            Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
        });
        ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
    })
    .await;
    let t = guard(&url, "").await;
    sender.send("data: 1\n\n".to_owned()).await.unwrap();
    let sent = bearer(&t.token("mcp:read")).body(Body::from(call("slow", json!({})).to_string())).unwrap();
    let response = open(&t, sent).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let mut body = response.into_body().into_data_stream();
    assert_eq!(read(&mut body).await, "data: 1\n\n");
    sender.send("data: 2\n\n".to_owned()).await.unwrap();
    assert_eq!(read(&mut body).await, "data: 2\n\n");
    drop(sender);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn an_answer_of_64_mebibytes_flows_through_and_is_not_held() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 1024;
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let url = saying(move || {
        let counted = Arc::clone(&counted);
        let pieces = stream::iter(0..PIECES).map(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(Bytes::from(vec![b' '; PIECE]))
        });
        ([("content-type", "application/json")], Body::from_stream(pieces)).into_response()
    })
    .await;
    let t = guard(&url, "").await;
    let sent = bearer(&t.token("mcp:read")).body(Body::from(call("large", json!({})).to_string())).unwrap();
    let mut body = open(&t, sent).await.into_body().into_data_stream();
    let mut length = body.next().await.unwrap().unwrap().len();
    assert!(made.load(Ordering::SeqCst) < PIECES / 2, "the guard read ahead of its client");
    while let Some(piece) = body.next().await {
        length += piece.unwrap().len();
    }
    assert_eq!(length, PIECE * PIECES);
}

#[tokio::test]
async fn when_the_client_goes_the_request_to_the_server_behind_is_dropped() {
    struct Gone(Option<oneshot::Sender<()>>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.take().map(|sender| sender.send(()));
        }
    }
    for answers in [false, true] {
        let (gone, has_gone) = oneshot::channel();
        let (come, has_come) = oneshot::channel();
        let once = Arc::new(Mutex::new(Some((Gone(Some(gone)), come))));
        let handler = move || {
            let (gone, come) = once.lock().unwrap().take().unwrap();
            async move {
                come.send(()).unwrap();
                if !answers {
                    let _held = gone;
                    return std::future::pending::<Response>().await;
                }
                let first = stream::once(async { Ok::<_, Infallible>("data: 1\n\n") });
                let events = first.chain(stream::pending()).map(move |event| {
                    let _held = &gone;
                    event
                });
                ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
            }
        };
        let t = guard(&format!("{}/mcp", behind(Router::new().route("/mcp", any(handler))).await), "").await;
        let mut client = TcpStream::connect(listening(t.router.clone()).await).await.unwrap();
        let (token, body) = (t.token("mcp:read"), call("slow", json!({})).to_string());
        let head = "POST /mcp/oauth HTTP/1.1\r\nhost: 127.0.0.1:8990\r\ncontent-type: application/json";
        let request =
            format!("{head}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        client.write_all(request.as_bytes()).await.unwrap();
        has_come.await.unwrap();
        if answers {
            client.read_u8().await.unwrap();
        }
        // As the kernel finds out of whoever went without a word.
        client.set_zero_linger().unwrap();
        drop(client);
        has_gone.await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_a_client_opened_ends_with_its_token() {
    for path in ["mcp", "sse"] {
        let clock = Arc::new(OnceLock::<Clock>::new());
        let moved = Arc::clone(&clock);
        // The server takes longer to begin than the token lives.
        let listen = move || async move {
            moved.get().unwrap().advance(time::Duration::seconds(700));
            let events = stream::pending::<Result<Bytes, Infallible>>();
            ([("content-type", "text/event-stream")], Body::from_stream(events))
        };
        let greet = async || ([("mcp-session-id", "of-upstream")], Json(json!({"protocolVersion": "2025-11-25"})));
        let url = behind(Router::new().route(&format!("/{path}"), get(listen).post(greet))).await;
        let t = guard(&format!("{url}/{path}"), "").await;
        clock.set(t.clock.clone()).unwrap();
        let token = t.token_with(json!({"aud": format!("{ORIGIN}/{path}/oauth")}));
        let mut sent = request("GET", &format!("/{path}/oauth")).header("authorization", format!("Bearer {token}"));
        if path == "mcp" {
            let opened = t.post(&token, &initialize("2025-11-25")).await;
            sent = sent.header("mcp-session-id", opened.header("mcp-session-id").unwrap());
        }
        let response = open(&t, sent.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        let mut body = response.into_body().into_data_stream();
        while body.next().await.is_some() {}
    }
}
