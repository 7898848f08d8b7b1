//! The guard in front of an MCP server of somebody else: what goes through, what does not, and what is said when the
//! server is not well.
use crate::support::{Answer, ORIGIN, TestServer, bearer, call, initialize, request};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::{StreamExt, stream};
use keyward_resource_server::{InFront, Settings, router};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    net::TcpListener,
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
    let settings = Settings { clock: t.clock.clone(), issuer: t.issuer.uri(), ..settings };
    TestServer { router: router(&settings).unwrap(), ..t }
}

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
async fn the_server_behind_learns_who_calls_and_nobody_can_pretend() {
    let (url, seen) = answering().await;
    let t = guard(&url, "").await;
    let token = t.token_with(json!({"sub": "älice", "scope": "mcp:read mcp:write", "preferred_username": "alice"}));
    let mut sent = bearer(&token).header("connection", "x-hop").header("x-hop", "1");
    for forged in [
        "x-auth-subject",
        "X-AUTH-SUBJECT",
        "x_auth_subject",
        "X-Auth_Client-Id",
        "x-auth-scope",
        "x-auth-roles",
        "cookie",
        "proxy-authorization",
        "x-forwarded-user",
        "x-forwarded-for",
        "forwarded",
        "mcp-session_id",
        "dpop",
    ] {
        sent = sent.header(forged, "forged");
    }
    let sent = sent.header("mcp-param-region", "eu").header("origin", "http://localhost:1");
    let answer = t.send(sent.body(Body::from(call("any", json!({"a": 1})).to_string())).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (200, &json!(7)));
    let (_, headers, body) = seen.lock().unwrap().remove(0);
    assert_eq!(body, call("any", json!({"a": 1})));
    let id = answer.header("x-request-id").unwrap();
    let expected = [
        ("x-auth-subject", "%C3%A4lice"),
        ("x-auth-username", "alice"),
        ("x-auth-client-id", "c1"),
        ("x-auth-scope", "mcp:read mcp:write"),
        ("mcp-param-region", "eu"),
        ("x-request-id", id),
        ("host", url.trim_start_matches("http://").trim_end_matches("/mcp")),
    ];
    for (name, value) in expected {
        assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    let all = format!("{headers:?}");
    assert!(!all.contains("forged") && !all.contains(&token) && !all.contains("x-hop"), "{all}");
    assert!(!headers.contains_key("authorization") && !headers.contains_key("origin"));
}

#[tokio::test]
async fn where_anybody_may_call_the_server_behind_is_told_of_nobody() {
    let (url, seen) = answering().await;
    let text = format!("[[surface]]\nid = \"open\"\nkind = \"no-auth\"\nupstream = \"{url}\"");
    let t = TestServer { router: router(&Settings::parse(&text).unwrap()).unwrap(), ..TestServer::start().await };
    let sent = request("POST", "/mcp/open").header("content-type", "application/json").header("x-auth-subject", "root");
    let sent = sent.header("authorization", "Bearer something").body(Body::from(call("any", json!({})).to_string()));
    assert_eq!(t.send(sent.unwrap()).await.status, 200);
    let headers = seen.lock().unwrap().remove(0).1;
    assert!(!headers.keys().any(|name| name.as_str().starts_with("x-auth-") || name == "authorization"));
    assert_eq!(headers["accept"], "application/json, text/event-stream");
}

/// 502, which is no reason for a client to throw its token away.
fn assert_bad_gateway(answer: &Answer, reason: &str) {
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.header("location"), None);
    let body = answer.json();
    assert_eq!((&body["id"], &body["error"]["code"]), (&json!(7), &json!(-32603)));
    let data = &body["error"]["data"];
    assert_eq!(data["error"], "bad_gateway");
    assert!(data["detail"].as_str().unwrap().contains(reason), "{data}");
    assert_eq!(data["error_description"], data["detail"]);
    assert_eq!(data["request_id"], answer.header("x-request-id").unwrap());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_bad_gateway() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let t = guard(&format!("http://{closed}/mcp"), "").await;
    assert_bad_gateway(&t.post(&t.token("mcp:read"), &call("any", json!({}))).await, "cannot be reached");
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = t.post(&t.token("mcp:read"), &notification).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (502, &json!("bad_gateway")));
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id").unwrap());
    assert_eq!(t.post("bad", &call("any", json!({}))).await.status, 401, "the credential comes first");
}

type Says = fn() -> Response;

#[tokio::test]
async fn answers_that_would_confuse_clients_are_bad_gateways() {
    let challenge = [("www-authenticate", "Bearer resource_metadata=\"https://elsewhere.example\"")];
    let cases: [(Says, &str); 5] = [
        (|| StatusCode::UNAUTHORIZED.into_response(), "credentials of its own"),
        (|| (StatusCode::FORBIDDEN, [("www-authenticate", "Basic")]).into_response(), "credentials of its own"),
        (|| (StatusCode::TEMPORARY_REDIRECT, [("location", "http://a.example/")]).into_response(), "elsewhere"),
        (|| (StatusCode::OK, [("content-type", "text/html")], "<p>").into_response(), "did not answer as one"),
        (|| (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(), "did not answer as one"),
    ];
    for (answer, reason) in cases {
        let t = guard(&saying(answer).await, "").await;
        assert_bad_gateway(&t.post(&t.token("mcp:read"), &call("any", json!({}))).await, reason);
    }
    let url = saying(move || (StatusCode::UNAUTHORIZED, challenge).into_response()).await;
    let t = guard(&url, "").await;
    assert_bad_gateway(&t.post(&t.token("mcp:read"), &call("any", json!({}))).await, "credentials of its own");
    let url = saying(|| (StatusCode::BAD_REQUEST, Json(json!({"a": 1}))).into_response()).await;
    let t = guard(&url, "").await;
    let answer = t.post(&t.token("mcp:read"), &call("any", json!({}))).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (400, json!({"a": 1})));
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
        let url = format!("{}/mcp/oauth", behind(t.router.clone()).await);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = client.post(&url).bearer_auth(t.token("mcp:read")).json(&call("slow", json!({}))).send();
        let waiting = tokio::spawn(async move {
            let response = sent.await.unwrap();
            let _held = response;
            std::future::pending::<()>().await;
        });
        has_come.await.unwrap();
        waiting.abort();
        has_gone.await.unwrap();
    }
}

#[tokio::test]
async fn a_session_of_the_server_behind_is_its_principals_only() {
    let (url, seen) = answering().await;
    let t = guard(&url, "").await;
    let (alice, bob) = (t.token("mcp:read"), t.token_with(json!({"sub": "bob"})));
    let opened = t.post(&alice, &initialize("2025-11-25")).await;
    assert_eq!(opened.header("mcp-session-id"), Some("of-upstream"));
    assert_eq!(opened.header("set-cookie"), None);
    let send = async |method: &str, token: &str| {
        let sent = request(method, "/mcp/oauth").header("authorization", format!("Bearer {token}"));
        let sent = sent.header("content-type", "application/json").header("mcp-session-id", "of-upstream");
        let sent = sent.header("last-event-id", "9").header("mcp-protocol-version", "2025-11-25");
        let body = if method == "POST" { Body::from(call("any", json!({})).to_string()) } else { Body::empty() };
        t.send(sent.body(body).unwrap()).await
    };
    seen.lock().unwrap().clear();
    for method in ["POST", "GET", "DELETE"] {
        assert_eq!(send(method, &bob).await.status, 404, "{method}");
    }
    assert!(seen.lock().unwrap().is_empty(), "another's session reached the server behind");
    assert_eq!(send("POST", &alice).await.status, 200);
    let stream = send("GET", &alice).await;
    assert_eq!((stream.status.as_u16(), &stream.body[..]), (200, &b"data: {}\n\n"[..]));
    assert_eq!(send("DELETE", &alice).await.status, 204);
    assert_eq!(send("POST", &alice).await.status, 404, "it ended");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|(method, ..)| method.as_str()).collect::<Vec<_>>(), ["POST", "GET", "DELETE"]);
    for (_, headers, _) in seen.iter() {
        assert_eq!(headers["mcp-session-id"], "of-upstream");
        assert_eq!(headers["last-event-id"], "9");
        assert_eq!(headers["mcp-protocol-version"], "2025-11-25");
    }
}

const RULES: &str = "tool_scopes = { delete = \"mcp:tools:admin\" }\n\
                     [[surface.rule]]\ntool = \"write_note\"\nparameter = \"key\"\npattern = \"[a-z]+\"";

#[tokio::test]
async fn scopes_and_rules_are_judged_before_the_server_behind_is_asked() {
    let (url, seen) = answering().await;
    let t = guard(&url, RULES).await;
    let token = t.token("mcp:read");
    let refused = t.post(&token, &call("delete", json!({}))).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (403, &json!(-32001)));
    assert_eq!(refused.challenge("scope").as_deref(), Some("mcp:tools:admin mcp:read"));
    let denied = t.post(&token, &call("write_note", json!({"key": "A"}))).await;
    assert_eq!(denied.json()["error"]["code"], -32002);
    let narrow = t.token("mcp:tools:echo");
    for method in ["tools/call", "resources/read", "prompts/get"] {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "a", "uri": "a"}});
        assert_eq!(t.post(&narrow, &message).await.status, 403, "{method}");
    }
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(t.post(&token, &call("write_note", json!({"key": "a", "content": "rm -rf"}))).await.status, 200);
    assert_eq!(t.post(&t.token("mcp:admin"), &call("delete", json!({}))).await.status, 200);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn tools_that_the_token_may_not_call_are_not_listed() {
    let tools = || json!({"jsonrpc": "2.0", "id": 5, "result": {"tools": [{"name": "read"}, {"name": "delete"}]}});
    let as_json = saying(move || Json(tools()).into_response()).await;
    let as_stream = saying(move || {
        let body = format!(": hello\n\nid: 1\ndata: {}\n\n", tools());
        ([("content-type", "text/event-stream; charset=utf-8")], body).into_response()
    })
    .await;
    for (url, start) in [(as_json, ""), (as_stream, ": hello\n\nid: 1\ndata: ")] {
        let t = guard(&url, RULES).await;
        for (scope, names) in [("mcp:read", vec!["read"]), ("mcp:admin", vec!["read", "delete"])] {
            let answer = t.post(&t.token(scope), &list()).await;
            assert_eq!(answer.status, 200);
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let message: Value = serde_json::from_str(body.strip_prefix(start).unwrap().trim()).unwrap();
            let listed =
                message["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap());
            assert_eq!(listed.collect::<Vec<_>>(), names);
        }
    }
}

/// A server that speaks HTTP with SSE, and names `place` for messages; what is posted there comes back on the stream.
async fn legacy(place: &'static str) -> (String, Seen) {
    type Held = Arc<(Seen, mpsc::Sender<String>, Mutex<Option<mpsc::Receiver<String>>>)>;
    let (sender, receiver) = mpsc::channel(8);
    let seen = Seen::default();
    let held: Held = Arc::new((Arc::clone(&seen), sender, Mutex::new(Some(receiver))));
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
    (format!("{}/old/sse", behind(router).await), seen)
}

#[tokio::test]
async fn a_server_of_http_with_sse_is_guarded_on_both_of_its_paths() {
    let (url, seen) = legacy("in?session=theirs").await;
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
    assert_eq!(send(&of("alice"), &list()).await.status, 404, "the stream has ended");
    assert_eq!(t.post(&t.token("mcp:read"), &list()).await.status, 404, "it has no Streamable HTTP");
}

#[tokio::test]
async fn messages_go_nowhere_but_to_the_server_that_was_named() {
    let (url, _) = legacy("http://elsewhere.example/in").await;
    let t = guard(&url, "").await;
    let token = t.token_with(json!({"aud": format!("{ORIGIN}/sse/oauth")}));
    let sent = request("GET", "/sse/oauth").header("authorization", format!("Bearer {token}"));
    let response = open(&t, sent.body(Body::empty()).unwrap()).await;
    assert!(response.into_body().into_data_stream().next().await.unwrap().is_err());
}

#[tokio::test]
async fn no_file_is_needed() {
    let (url, seen) = answering().await;
    let t = TestServer::start().await;
    let in_front = |resource: Option<&str>| InFront {
        upstream: url.clone(),
        issuer: t.issuer.uri(),
        resource: resource.map(str::to_owned),
        listen: "127.0.0.1:8990".parse().unwrap(),
        name: Some("Notes".to_owned()),
        scopes: "notes".to_owned(),
        tools: [("delete".to_owned(), "notes notes:delete".to_owned())].into(),
    };
    let public = "https://notes.example/deep/mcp";
    for resource in [None, Some(public)] {
        let at = resource.unwrap_or("http://127.0.0.1:8990/mcp");
        let (origin, path) = at.split_at(at.match_indices('/').nth(2).unwrap().0);
        let router = router(&Settings::in_front(&in_front(resource)).unwrap()).unwrap();
        let ask = async |request: axum::http::request::Builder, body: Body| {
            let request = request.header("host", origin.split_once("//").unwrap().1);
            router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
        };
        let metadata = Request::builder().uri(format!("/.well-known/oauth-protected-resource{path}"));
        let metadata = ask(metadata, Body::empty()).await.into_body();
        let metadata: Value = serde_json::from_slice(&axum::body::to_bytes(metadata, 9999).await.unwrap()).unwrap();
        assert_eq!(metadata["resource"], at);
        assert_eq!(metadata["scopes_supported"], json!(["notes", "notes:delete"]));
        assert_eq!(metadata["resource_name"], "Notes");
        for (scope, message, status) in [
            ("notes", list(), 200),
            ("notes", call("delete", json!({})), 403),
            ("notes notes:delete", call("delete", json!({})), 200),
            ("other", list(), 403),
        ] {
            let token = t.token_with(json!({"aud": at, "scope": scope}));
            let post = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
            let post = post.header("content-type", "application/json");
            assert_eq!(ask(post, Body::from(message.to_string())).await.status(), status, "{scope} {message}");
        }
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
    for (resource, reason) in [
        ("http://notes.example/mcp", "must be an https URL"),
        ("https://notes.example/", "must have a path"),
        ("https://NOTES.example/mcp", "spelled canonically"),
        ("https://notes.example/mcp/", "must begin with /"),
    ] {
        let error = Settings::in_front(&in_front(Some(resource))).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn settings_of_an_upstream_that_cannot_work_are_refused() {
    let cases = [
        ("upstream = \"mcp\"", "not a URL"),
        ("upstream = \"ftp://a.example/mcp\"", "http or https"),
        ("upstream = \"http://a.example/mcp\"\ntools = [\"core\"]", "not both"),
        ("upstream = \"http://a.example/sse\"\naliases = [\"/a\"]", "one path only"),
        ("tool_scopes = { a = \"b\" }", "no upstream"),
        ("upstream = \"http://a.example/mcp\"\ntool_scopes = { a = \"b\\\\\" }", "a scope has a character"),
    ];
    for (text, reason) in cases {
        let text = format!("[[surface]]\nid = \"a\"\nkind = \"oauth\"\n{text}");
        let built = Settings::parse(&text).and_then(|settings| router(&settings));
        let error = format!("{:#}", built.unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
}
