//! The demo: rmcp behind the guard, at one endpoint for clients of all revisions, with a health check and an index.
use crate::{
    challenge::{Refusal, RequestId},
    clock::Clock,
    guard::Guard,
    index::Index,
    request_id::{self, Id},
    tools::{SCOPES, Tools},
    verify::Access,
    whole,
    wire::{self, Message},
};
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::from_fn,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{any, get},
};
use futures_util::{StreamExt, stream};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// What open streams get to end by themselves when the server stops.
const GRACE: Duration = Duration::from_secs(2);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Bytes of an answer to `initialize`, which is ours.
const LONGEST_GREETING: usize = 64 * 1024;

/// What the demo needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The MCP endpoint's URL as clients are given it: the resource identifier, whatever the listener's address.
    pub resource: String,
    /// The authorization server's issuer identifier.
    pub issuer: String,
    /// A human name, shown in challenges and metadata.
    pub name: String,
    /// To ask the authorization server about tokens (RFC 7662); without, JWTs are verified here.
    pub introspection: Option<Credentials>,
    pub clock: Clock,
}

/// What a resource server authenticates with when it introspects (RFC 7662 §2.1).
#[derive(Clone)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?}, hidden)", self.id)
    }
}

impl Settings {
    #[must_use]
    pub fn new(resource: &str, issuer: &str) -> Self {
        let name = "Keyward demo server".to_owned();
        let (resource, issuer) = (resource.to_owned(), issuer.to_owned());
        Self { resource, issuer, name, introspection: None, clock: Clock::default() }
    }
}

/// The demo server.
pub fn router(settings: Settings) -> anyhow::Result<Router> {
    let mut guard =
        Guard::new(&settings.resource, &settings.issuer)?.name(&settings.name)?.clock(settings.clock.clone());
    if let Some(Credentials { id, secret }) = &settings.introspection {
        guard = guard.introspect(id, secret);
    }
    for (tool, scopes) in SCOPES {
        guard = guard.tool(tool, scopes);
    }
    // Unknown tools are for the server to refuse: no scope would help.
    let guard = guard.other_tools("");
    let metadata = guard.metadata();
    let index = Arc::new(Index::new(&settings, &metadata));
    let server = any(serve_mcp).with_state(Arc::new(Server::new(&Tools::new()?, settings.clock)));
    Ok(guard
        .protect(server)
        .route("/health", get(health))
        .route("/", get(move |headers: HeaderMap| async move { index.show(&headers) }))
        .fallback(|id: Id| async move { Refusal::not_found().into_response(&id.0) })
        .method_not_allowed_fallback(
            |id: Id| async move { Refusal::method_not_allowed("GET, HEAD").into_response(&id.0) },
        )
        .layer(CatchPanicLayer::custom(|_| server_error(&RequestId(HeaderValue::from_static("unknown")))))
        .layer(from_fn(whole::take))
        .layer(from_fn(request_id::attach)))
}

/// Serves the demo until `shutdown`, then lets answers finish.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, resource = settings.resource, issuer = settings.issuer, "resource server listens");
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    let server = axum::serve(listener, router(settings)?).with_graceful_shutdown(shutdown);
    tokio::select! {
        ended = server.into_future() => ended?,
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await } => {}
    }
    Ok(())
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

type Rmcp = StreamableHttpService<Tools, NeverSessionManager>;

/// rmcp twice: answering in JSON, and in a stream of one event. Sessions are ours, as they hold nothing here but
/// whose they are, which the guard remembers.
struct Server {
    json: Rmcp,
    stream: Rmcp,
    clock: Clock,
}

impl Server {
    fn new(tools: &Tools, clock: Clock) -> Self {
        let rmcp = |json| {
            let tools = tools.clone();
            // The guard has judged Host and Origin.
            let config = StreamableHttpServerConfig::default()
                .with_legacy_session_mode(false)
                .with_json_response(json)
                .disable_allowed_hosts()
                .disable_allowed_origins();
            StreamableHttpService::new(move || Ok(tools.clone()), Arc::default(), config)
        };
        Self { json: rmcp(true), stream: rmcp(false), clock }
    }

    async fn post(&self, mut parts: Parts, body: Body, id: &RequestId) -> Response {
        let Some(server) = self.chosen(&parts.headers) else {
            let text = "the Accept header allows neither application/json nor text/event-stream";
            return Refusal::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", text).into_response(id);
        };
        let Some(mut message) = parts.extensions.get::<Message>().cloned() else { return server_error(id) };
        let both = HeaderValue::from_static("application/json, text/event-stream");
        parts.headers.insert(header::ACCEPT, both);
        if message.method() != "initialize" {
            return settle(server.handle(Request::from_parts(parts, body)).await.map(Body::new), &message, id);
        }
        fill_in(&mut message.body, &parts.headers);
        let body = Body::from(message.body.to_string());
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

    /// The stream of a legacy session: nothing to say here but that it lives, as long as its token does.
    fn listen(&self, access: &Access) -> Response {
        let left = (access.expires_at - self.clock.now()).unsigned_abs();
        let silence = stream::pending::<Result<Event, Infallible>>().take_until(Box::pin(tokio::time::sleep(left)));
        let mut response = Sse::new(silence).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

async fn serve_mcp(State(server): State<Arc<Server>>, Id(id): Id, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match (&parts.method, parts.extensions.get::<Access>()) {
        (&Method::POST, Some(_)) => server.post(parts, body, &id).await,
        // The guard lets these two through only for a live session of the caller's.
        (&Method::GET, Some(access)) => server.listen(access),
        (&Method::DELETE, Some(_)) => StatusCode::NO_CONTENT.into_response(),
        _ => server_error(&id),
    }
}

/// Media ranges of `Accept` that are not excluded by a weight of zero (RFC 9110 §12.5.1).
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next()?.to_ascii_lowercase();
        let excluded = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
        };
        (!parts.any(excluded)).then_some(essence)
    })
}

/// A legacy client may leave out what `initialize` should say.
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

/// Gives a successful `initialize` of a revision that has sessions its `Mcp-Session-Id`.
async fn open_session(response: Response, message: &Message, id: &RequestId) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(greeting) = to_bytes(body, LONGEST_GREETING).await else { return server_error(id) };
    let first = message.body["params"]["protocolVersion"] == wire::LEGACY[0];
    let greeted = std::str::from_utf8(&greeting).is_ok_and(|text| text.contains("\"protocolVersion\""));
    if parts.status == StatusCode::OK && greeted && !first {
        match session_id() {
            Some(session) => parts.headers.insert(wire::SESSION_ID, session),
            None => return server_error(id),
        };
    }
    Response::from_parts(parts, Body::from(greeting))
}

/// 128 random bits, in hexadecimal.
fn session_id() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    HeaderValue::from_str(&format!("{:032x}", u128::from_be_bytes(bytes))).ok()
}

/// rmcp explains some refusals in plain text; clients want JSON.
fn settle(response: Response, message: &Message, id: &RequestId) -> Response {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if status.is_success() || content_type.is_some_and(|value| value == "application/json") {
        return response;
    }
    if status.is_client_error() {
        let text = "Invalid Request: the message is not one of MCP";
        return Refusal::json_rpc(StatusCode::BAD_REQUEST, message.id(), -32600, text, None).into_response(id);
    }
    server_error(id)
}

fn server_error(id: &RequestId) -> Response {
    let text = "the server could not complete the request";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text).into_response(id)
}
