//! An upstream MCP server behind a gate: judged requests are forwarded with the caller's identity, and responses are
//! passed on as they arrive.
mod headers;
mod heartbeat;
pub(crate) mod legacy;

use crate::{answers::server_error, settings::SurfaceSettings, surface::Surface};
use anyhow::{Context, ensure};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::StreamExt;
use keyward_guard::{
    ErrorCode,
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    events::essence,
    jwks::is_loopback,
    names::alike,
    request_id::Id,
    rpc_code::RpcCode,
    scopes::{Policy, words},
    tool_lists,
    wire::Message,
};
use serde::de::IgnoredAny;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Only connecting has a time limit, because streams and slow tools may take any time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a list of tools.
const LONGEST_LIST: usize = 16 * 1024 * 1024;
pub(crate) struct Upstream {
    url: Url,
    /// Headers for each request.
    headers: HeaderMap,
    client: reqwest::Client,
    surface: Arc<Surface>,
    clock: Clock,
}

/// The upstream URL, if the surface has one. If its last segment is `sse`, the server uses the older transport.
pub(crate) fn url(settings: &SurfaceSettings) -> anyhow::Result<Option<Url>> {
    let Some(text) = &settings.upstream else { return Ok(None) };
    let url = Url::parse(text).context("the upstream is not a URL")?;
    ensure!(["http", "https"].contains(&url.scheme()), "the upstream must be an http or https URL");
    ensure!(url.fragment().is_none(), "the upstream must have no fragment");
    ensure!(settings.tools.is_empty(), "a surface has tool sets or an upstream, not both");
    ensure!(!is_legacy(&url) || settings.aliases.is_empty(), "an upstream of HTTP with SSE has one path only");
    Ok(Some(url))
}

pub(crate) fn is_legacy(url: &Url) -> bool {
    url.path().trim_end_matches('/').rsplit('/').next() == Some("sse")
}

/// Tools without their own rule need the scopes of the first challenge, so that a client which obeyed it can begin.
pub(crate) fn policy(settings: &SurfaceSettings) -> Policy {
    let mut policy = Policy::default();
    let first = settings.scopes().0;
    for list in ["tools/list", "resources/list"] {
        if !policy.allows(&words(&first), policy.needed(list, None)) {
            policy.method(list, &first);
        }
    }
    policy.other_tools(&first);
    for (tool, scopes) in &settings.tool_scopes {
        policy.tool(tool, scopes);
    }
    policy
}

impl Upstream {
    pub fn new(url: Url, headers: HeaderMap, surface: Arc<Surface>, clock: Clock) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT);
        // A redirect could lead to a resource that was not judged.
        let client = client.redirect(reqwest::redirect::Policy::none());
        let client = if is_loopback(&url) { client.no_proxy() } else { client };
        Ok(Self { url, headers, client: client.build().context("cannot set up the HTTP client")?, surface, clock })
    }

    /// The response, once its head has arrived.
    async fn ask(&self, url: Url, parts: &Parts, caller: &Caller, body: Bytes) -> Result<Response, &'static str> {
        let mut headers = headers::onward(&parts.headers, caller, parts.extensions.get());
        // The operator's headers replace the client's.
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let request = self.client.request(parts.method.clone(), url).headers(headers).body(body);
        let response = request.send().await.map_err(|error| {
            let reason = if error.is_connect() {
                "the MCP server behind this one cannot be reached"
            } else {
                "the MCP server behind this one broke off"
            };
            tracing::warn!(surface = &*self.surface.id, error = ?error.without_url(), "{reason}");
            reason
        })?;
        Ok(axum::http::Response::<reqwest::Body>::from(response).map(Body::new))
    }

    /// As [`Self::ask`], but refuses responses that clients must not see.
    async fn send(&self, url: Url, parts: &Parts, caller: &Caller, body: Bytes) -> Result<Response, &'static str> {
        let mut response = self.ask(url, parts, caller, body).await?;
        let checked = check(&response, &parts.method);
        if let Err(reason) = checked {
            let (status, location) = (response.status().as_u16(), response.headers().get(header::LOCATION));
            tracing::warn!(surface = &*self.surface.id, status, ?location, "{reason}");
        }
        checked?;
        headers::back(response.headers_mut());
        Ok(response)
    }

    /// A list of tools without those that the caller may not call. In streams the gate shortens lists.
    async fn list(&self, response: Response, caller: &Caller) -> Result<Response, &'static str> {
        if essence(response.headers()).as_deref() != Some("application/json") {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let text = "the MCP server behind this one broke off, or lists too much";
        let body = to_bytes(body, LONGEST_LIST).await.map_err(|_| text)?;
        let message = str::from_utf8(&body).ok().filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        let message = message.ok_or("the MCP server behind this one sent no JSON")?;
        let body =
            tool_lists::shortened(&self.surface.policy, caller, message).map_or_else(|| body.clone(), Bytes::from);
        parts.headers.remove(header::CONTENT_LENGTH);
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

/// Whether the response may be passed on. A 401 asks for the guard's credentials at the server, which clients do not
/// have; they would discard their own.
fn check(response: &Response, method: &Method) -> Result<(), &'static str> {
    let status = response.status();
    let essence = essence(response.headers());
    // An empty response to a notification is fine.
    let speaks = essence.as_deref().is_none_or(|text| ["application/json", "text/event-stream"].contains(&text));
    let challenges = response.headers().contains_key(header::WWW_AUTHENTICATE);
    if challenges || [StatusCode::UNAUTHORIZED, StatusCode::PROXY_AUTHENTICATION_REQUIRED].contains(&status) {
        return Err("the MCP server behind this one wants credentials of its own");
    }
    if status.is_informational() {
        return Err("the MCP server behind this one wants another protocol");
    }
    if status.is_redirection() {
        return Err("the MCP server behind this one is found elsewhere");
    }
    if !headers::is_plain(response.headers()) {
        return Err("the MCP server behind this one sent an encoded answer, which it was not asked for");
    }
    if (status.is_server_error() && essence.as_deref() != Some("application/json"))
        || (status == StatusCode::OK && method != Method::DELETE && !speaks)
    {
        return Err("the MCP server behind this one did not answer as one");
    }
    Ok(())
}

/// 502, with a JSON-RPC error if the message was a request (JSON-RPC 2.0 §5.1).
fn bad_gateway(reason: &'static str, message: Option<&Message>, id: &RequestId) -> Response {
    let Some(message) = message.filter(|message| message.is_request()) else {
        return Refusal::new(ErrorCode::BadGateway, reason).into_response(id);
    };
    let data = json!({
        "error": ErrorCode::BadGateway, "error_description": reason, "detail": reason, "request_id": id.as_str(),
    });
    let mut refusal = Refusal::json_rpc(
        ErrorCode::BadGateway.status(),
        message.id(),
        RpcCode::InternalError,
        "Internal error: bad gateway",
        Some(data),
    );
    (refusal.error, refusal.description) = (ErrorCode::BadGateway, reason);
    refusal.into_response(id)
}

/// Behind the gate: forwards Streamable HTTP.
pub(crate) async fn serve(State(upstream): State<Arc<Upstream>>, Id(id): Id, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(caller) = parts.extensions.get::<Caller>() else { return server_error(&id) };
    // The gate has read the body and limited it.
    let Ok(body) = to_bytes(body, usize::MAX).await else { return server_error(&id) };
    let message = parts.extensions.get::<Message>();
    let answer = match upstream.send(upstream.url.clone(), &parts, caller, body).await {
        Ok(response) if message.is_some_and(|message| alike(message.method(), "tools/list")) => {
            upstream.list(response, caller).await
        }
        Ok(response) if parts.method == Method::GET => {
            let end = Box::pin(tokio::time::sleep(caller.left(&upstream.clock)));
            Ok(response.map(|body| Body::from_stream(body.into_data_stream().take_until(end))))
        }
        answer => answer,
    };
    match answer {
        Ok(answer) => heartbeat::added(answer, upstream.surface.heartbeat),
        Err(reason) => bad_gateway(reason, message, &id),
    }
}
