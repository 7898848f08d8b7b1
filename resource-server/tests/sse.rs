//! The transport of HTTP with SSE (2024-11-05), over a real connection, for streams never end by themselves.
use crate::{
    support::{TestServer, call, initialize},
    surfaces::{SURFACES, credential},
};
use axum::http::HeaderMap;
use futures_util::StreamExt;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tower::ServiceExt;

struct Site {
    t: TestServer,
    address: SocketAddr,
    http: Client,
}

/// An open stream, and where its messages go.
struct Stream {
    response: Response,
    buffer: String,
    endpoint: String,
}

impl Site {
    async fn start() -> Self {
        Self::of(TestServer::start().await).await
    }

    async fn of(t: TestServer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = t.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { t, address, http: Client::builder().no_proxy().build().unwrap() }
    }

    async fn get(&self, surface: &str, headers: HeaderMap) -> Response {
        self.http.get(format!("http://{}/sse/{surface}", self.address)).headers(headers).send().await.unwrap()
    }

    async fn open(&self, surface: &str, headers: HeaderMap) -> Stream {
        let response = self.get(surface, headers).await;
        assert_eq!(response.status(), 200, "{surface}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(!response.headers().contains_key("mcp-session-id"));
        let mut stream = Stream { response, buffer: String::new(), endpoint: String::new() };
        let (event, endpoint) = stream.next().await;
        assert_eq!(event, "endpoint");
        assert!(endpoint.starts_with(&format!("/messages/{surface}?session_id=")), "{endpoint}");
        assert_eq!(endpoint.rsplit_once('=').unwrap().1.len(), 32);
        stream.endpoint = endpoint;
        stream
    }

    async fn post(&self, endpoint: &str, headers: HeaderMap, message: &Value) -> Response {
        let request = self.http.post(format!("http://{}{endpoint}", self.address)).headers(headers);
        request.json(message).send().await.unwrap()
    }
}

impl Stream {
    /// The next event's name and data.
    async fn next(&mut self) -> (String, String) {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
                let found = (field("event:").to_owned(), field("data:").to_owned());
                let read = self.buffer.len() - rest.len();
                self.buffer.drain(..read);
                return found;
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream ended");
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn answer(&mut self) -> Value {
        let (event, data) = self.next().await;
        assert_eq!(event, "message");
        serde_json::from_str(&data).unwrap()
    }
}

#[tokio::test]
async fn each_surface_answers_on_its_stream_whoever_it_lets_in() {
    let site = Site::start().await;
    for surface in SURFACES {
        let credential = || credential(&site.t, surface);
        let mut stream = site.open(surface, credential()).await;
        let posted = site.post(&stream.endpoint, credential(), &initialize("2024-11-05")).await;
        assert_eq!(posted.status(), 202, "{surface}");
        let answer = stream.answer().await;
        assert_eq!(answer["result"]["protocolVersion"], "2024-11-05");
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(site.post(&stream.endpoint, credential(), &initialized).await.status(), 202);
        let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
        assert_eq!(site.post(&stream.endpoint, credential(), &list).await.status(), 202);
        let answer = stream.answer().await;
        assert_eq!(answer["id"], 2, "{answer}");
        assert!(!answer["result"]["tools"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn both_requests_need_the_credential_and_it_must_be_the_same_principals() {
    let site = Site::start().await;
    for of in SURFACES {
        let refused = site.get("oauth", credential(&site.t, of)).await;
        assert_eq!(refused.status(), if of == "oauth" { 200 } else { 401 }, "{of}");
    }
    let nobody = site.get("oauth", HeaderMap::new()).await;
    let challenge = nobody.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains("/.well-known/oauth-protected-resource/sse/oauth\""), "{challenge}");
    let mut stream = site.open("oauth", credential(&site.t, "oauth")).await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(site.post(&stream.endpoint, HeaderMap::new(), &ping).await.status(), 401);
    let bob = format!("Bearer {}", site.t.token_with(json!({"sub": "bob"})));
    let of_bob = crate::surfaces::headers(&[("authorization", &bob)]);
    assert_eq!(site.post(&stream.endpoint, of_bob, &ping).await.status(), 404);
    for endpoint in ["/messages/oauth?session_id=made-up", "/messages/oauth?session_id="] {
        assert_eq!(site.post(endpoint, credential(&site.t, "oauth"), &ping).await.status(), 404, "{endpoint}");
    }
    assert_eq!(site.post("/messages/oauth", credential(&site.t, "oauth"), &ping).await.status(), 400);
    // Nothing of all that reached the stream.
    let last = json!({"jsonrpc": "2.0", "id": "last", "method": "ping"});
    assert_eq!(site.post(&stream.endpoint, credential(&site.t, "oauth"), &last).await.status(), 202);
    assert_eq!(stream.answer().await, json!({"jsonrpc": "2.0", "id": "last", "result": {}}));
}

#[tokio::test]
async fn refusals_of_a_credential_are_http_and_refusals_of_a_call_are_messages() {
    let site = Site::start().await;
    let reader = || {
        let token = format!("Bearer {}", site.t.token("mcp:read"));
        crate::surfaces::headers(&[("authorization", &token)])
    };
    let mut stream = site.open("oauth", reader()).await;
    let refused = site.post(&stream.endpoint, reader(), &call("get_secret", json!({"key": "x"}))).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("insufficient_scope"));
    assert_eq!(site.post(&stream.endpoint, reader(), &call("no-such", json!({}))).await.status(), 202);
    assert_eq!(stream.answer().await["error"]["code"], -32602);
    assert_eq!(site.post(&stream.endpoint, reader(), &call("echo", json!({}))).await.status(), 202);
    assert_eq!(stream.answer().await["result"]["isError"], true);
}

#[tokio::test]
async fn whoever_logs_in_on_a_stream_is_known_on_that_stream_only() {
    let router = crate::session::Site::start().router;
    let site = Site::of(TestServer { router, ..TestServer::start().await }).await;
    let mut streams = [site.open("session", HeaderMap::new()).await, site.open("session", HeaderMap::new()).await];
    let login = call("authenticate_user", json!({"username": "alice", "password": "password123"}));
    let profile = call("get_user_profile", json!({}));
    for (message, on, member, expected) in [
        (&login, 0, "success", json!(true)),
        (&profile, 0, "username", json!("alice")),
        (&profile, 1, "error", json!("Authentication required")),
    ] {
        assert_eq!(site.post(&streams[on].endpoint, HeaderMap::new(), message).await.status(), 202);
        assert_eq!(streams[on].answer().await["result"]["structuredContent"][member], expected);
    }
}

/// Time is a hand that goes on by itself when there is nothing else to do.
#[tokio::test(start_paused = true)]
async fn a_stream_on_which_nothing_happens_shows_every_fifteen_seconds_that_it_lives() {
    let router = crate::session::Site::start().router;
    let request = crate::support::request("GET", "/sse/no-auth").body(axum::body::Body::empty()).unwrap();
    let mut stream = router.oneshot(request).await.unwrap().into_body().into_data_stream();
    let endpoint = stream.next().await.unwrap().unwrap();
    assert!(endpoint.starts_with(b"event: endpoint\n"), "{endpoint:?}");
    let opened = tokio::time::Instant::now();
    for beat in 1..=3 {
        assert_eq!(stream.next().await.unwrap().unwrap(), &b": alive\n\n"[..]);
        assert_eq!(opened.elapsed().as_secs(), beat * 15);
    }
}

#[tokio::test]
async fn it_is_for_messages_of_its_time_only() {
    let site = Site::start().await;
    let stream = site.open("no-auth", HeaderMap::new()).await;
    let modern = || crate::surfaces::headers(&[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")]);
    let params = json!({"_meta": crate::support::meta()});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params});
    assert_eq!(site.post(&stream.endpoint, modern(), &message).await.status(), 400);
    assert_eq!(site.get("no-auth", modern()).await.status(), 405);
    for (method, path, status) in
        [("POST", "/sse/no-auth", 415), ("DELETE", "/sse/no-auth", 405), ("GET", stream.endpoint.as_str(), 405)]
    {
        let url = format!("http://{}{path}", site.address);
        let answer = site.http.request(method.parse().unwrap(), url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn a_stream_that_was_closed_takes_no_more_messages() {
    let site = Site::start().await;
    let stream = site.open("no-auth", HeaderMap::new()).await;
    let endpoint = stream.endpoint.clone();
    drop(stream);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    // The server learns of it when it next writes.
    loop {
        let status = site.post(&endpoint, HeaderMap::new(), &ping).await.status();
        if status == 404 {
            return;
        }
        assert_eq!(status, 202);
        tokio::task::yield_now().await;
    }
}
