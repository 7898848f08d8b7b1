//! An MCP endpoint behind its gate: rmcp, for clients of all revisions.
use crate::{
    answers::{accepted, server_error, session_id},
    mcp::Mcp,
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{StreamExt, stream};
use keyward_guard::{
    ErrorCode,
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    json,
    request_id::Id,
    rpc_code::RpcCode,
    wire::{self, Message},
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// Bytes of our own response to `initialize`.
const LONGEST_GREETING: usize = 64 * 1024;

type Rmcp = StreamableHttpService<Mcp, NeverSessionManager>;

/// Two instances of rmcp: one responds in JSON, one in a stream of one event. Sessions are managed by the guard and
/// hold only their owner.
pub(crate) struct Server {
    json: Rmcp,
    stream: Rmcp,
    pub heartbeat: Duration,
    clock: Clock,
}

impl Server {
    pub fn new(mcp: &Mcp, clock: Clock) -> Self {
        let rmcp = |json| {
            let mcp = mcp.clone();
            // The guard has checked Host and Origin.
            let config = StreamableHttpServerConfig::default()
                .with_legacy_session_mode(false)
                .with_json_response(json)
                // The guard has limited the body.
                .with_max_request_body_bytes(usize::MAX)
                .disable_allowed_hosts()
                .disable_allowed_origins();
            StreamableHttpService::new(move || Ok(mcp.clone()), Arc::default(), config)
        };
        Self { json: rmcp(true), stream: rmcp(false), heartbeat: mcp.0.heartbeat, clock }
    }

    pub async fn post(&self, mut parts: Parts, body: Body, id: &RequestId) -> Response {
        let Some(server) = self.chosen(&parts.headers) else {
            let text = "the Accept header allows neither application/json nor text/event-stream";
            return Refusal::new(ErrorCode::NotAcceptable, text).into_response(id);
        };
        let Some(message) = parts.extensions.get::<Message>().cloned() else { return server_error(id) };
        let both = HeaderValue::from_static("application/json, text/event-stream");
        parts.headers.insert(header::ACCEPT, both);
        if message.method() != "initialize" {
            return settle(server.handle(Request::from_parts(parts, body)).await.map(Body::new), &message, id);
        }
        let Ok(mut greeting) = serde_json::from_slice(&message.body) else { return not_of_mcp(&message, id) };
        fill_in(&mut greeting, &parts.headers);
        let body = Body::from(greeting.to_string());
        parts.headers.remove(header::CONTENT_LENGTH);
        let response = server.handle(Request::from_parts(parts, body)).await.map(Body::new);
        open_session(settle(response, &message, id), &message, id).await
    }

    fn chosen(&self, headers: &HeaderMap) -> Option<&Rmcp> {
        let accepts = |wanted: &[&str]| accepted(headers).any(|range| wanted.contains(&range.as_str()));
        if !headers.contains_key(header::ACCEPT) || accepts(&["application/json", "application/*", "*/*"]) {
            return Some(&self.json);
        }
        accepts(&["text/event-stream", "text/*"]).then_some(&self.stream)
    }

    /// The stream of a legacy session: it only shows that the session is alive, and ends with the caller's credential.
    fn listen(&self, caller: &Caller) -> Response {
        let end = Box::pin(tokio::time::sleep(caller.left(&self.clock)));
        let silence = stream::pending::<Result<Event, Infallible>>().take_until(end);
        let mut response = Sse::new(silence).keep_alive(KeepAlive::new().interval(self.heartbeat)).into_response();
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

pub(crate) async fn serve(State(server): State<Arc<Server>>, Id(id): Id, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match (&parts.method, parts.extensions.get::<Caller>()) {
        (&Method::POST, Some(_)) => server.post(parts, body, &id).await,
        // The guard lets these two pass only for a live session of the caller.
        (&Method::GET, Some(caller)) => server.listen(caller),
        (&Method::DELETE, Some(_)) => StatusCode::NO_CONTENT.into_response(),
        _ => server_error(&id),
    }
}

/// Adds members of `initialize` that a legacy client may omit.
fn fill_in(body: &mut Value, headers: &HeaderMap) {
    let Some(message) = body.as_object_mut() else { return };
    let params = message.entry("params").or_insert_with(|| json!({}));
    let Some(params) = params.as_object_mut() else { return };
    let newest = wire::LEGACY[wire::LEGACY.len() - 1];
    let named = wire::single(headers, &wire::PROTOCOL_VERSION).ok().flatten();
    params.entry("protocolVersion").or_insert_with(|| json!(named.unwrap_or(newest)));
    params.entry("capabilities").or_insert_with(|| json!({}));
    params.entry("clientInfo").or_insert_with(|| json!({"name": "unknown", "version": "0"}));
}

/// Adds a `Mcp-Session-Id` to a successful `initialize` of a revision with sessions.
async fn open_session(response: Response, message: &Message, id: &RequestId) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(greeting) = to_bytes(body, LONGEST_GREETING).await else { return server_error(id) };
    let first = message.param("protocolVersion").and_then(json::text).as_deref() == Some(wire::LEGACY[0]);
    let greeted = std::str::from_utf8(&greeting).is_ok_and(|text| text.contains("\"protocolVersion\""));
    if parts.status == StatusCode::OK && greeted && !first {
        match session_id() {
            Some(session) => parts.headers.insert(wire::SESSION_ID, session),
            None => return server_error(id),
        };
    }
    Response::from_parts(parts, Body::from(greeting))
}

/// Replaces rmcp's plain-text errors by JSON, which clients expect.
fn settle(response: Response, message: &Message, id: &RequestId) -> Response {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if status.is_success() || content_type.is_some_and(|value| value == "application/json") {
        return response;
    }
    if status.is_client_error() {
        return not_of_mcp(message, id);
    }
    server_error(id)
}

fn not_of_mcp(message: &Message, id: &RequestId) -> Response {
    let text = "Invalid Request: the message is not one of MCP";
    Refusal::malformed(message.id(), RpcCode::InvalidRequest, text).into_response(id)
}
