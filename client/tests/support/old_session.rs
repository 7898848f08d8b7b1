//! An MCP server of revision 2025-06-18 that forgets its first session.
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use std::sync::{
    Mutex,
    mpsc::{Receiver, Sender, channel},
};

/// One request: its method, its session and its version.
pub struct RecordedRequest {
    pub method: String,
    pub session: String,
    pub version: String,
}

/// Starts the server: its address, and its requests as they come.
pub fn serve() -> (String, Receiver<RecordedRequest>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (seen, received) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let sessions = std::sync::Arc::new(Mutex::new(0));
            let server = move |method: Method, headers: HeaderMap, body: Bytes| {
                let answer = answer(&seen, &sessions, &method, &headers, &body);
                async { answer }
            };
            axum::serve(listener, Router::new().route("/mcp", any(server))).await.unwrap();
        });
    });
    (url, received)
}

fn answer(
    seen: &Sender<RecordedRequest>,
    sessions: &Mutex<u8>,
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let text = |name: &str| headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let asked = message["method"].as_str().unwrap_or(method.as_str()).to_owned();
    let (session, version) = (text("mcp-session-id"), text("mcp-protocol-version"));
    let result = |result: Value| axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
    let response = match (&*asked, &*session) {
        ("initialize", _) => {
            *sessions.lock().unwrap() += 1;
            let session = format!("s{}", sessions.lock().unwrap());
            let initialized =
                json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "old"}});
            ([("mcp-session-id", session)], result(initialized)).into_response()
        }
        ("tools/list", "s2") => result(json!({"tools": [{"name": "lasting"}]})).into_response(),
        ("tools/list", _) => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::ACCEPTED.into_response(),
    };
    seen.send(RecordedRequest { method: asked, session, version }).unwrap();
    response
}
