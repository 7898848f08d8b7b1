//! The layers around all routes.
use super::{
    extract::{self, ClientIp},
    respond::CountedRefusal,
};
use crate::{
    app::App,
    audit,
    error::{ErrorCode, OAuthError},
    events::EventType,
    telemetry,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use tracing::Instrument;

/// Bytes of a request body; no endpoint accepts more.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Gives each request an id for its log lines and its response. Of the URL only a known path is logged: the rest may
/// contain anything, such as a misplaced token.
pub async fn name_the_request(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    request: Request,
    next: Next,
) -> Response {
    let id = uuid::Uuid::now_v7().simple().to_string();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map(MatchedPath::as_str);
    let span = tracing::info_span!("request", %id, method = %request.method(), path);
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.and_then(telemetry::shortened).map(str::to_owned);
    let answer = async {
        let response = next.run(request).await;
        let path = path.unwrap_or("none");
        app.metrics.request(path, response.status().as_u16());
        if let Some(refusal) = response.extensions().get().copied() {
            refused(&app, refusal, path, address).await;
        }
        response
    };
    let about = telemetry::Request { id: id.clone(), address, user_agent };
    let mut response = telemetry::REQUEST.scope(about, answer).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

async fn refused(app: &App, CountedRefusal { error, by_budget }: CountedRefusal, path: &str, address: IpAddr) {
    app.metrics.refusal(error.as_str());
    if by_budget && app.limits.floods.is_new(address) {
        let event = audit::Event::new(EventType::RateLimitExceeded).failed().from(address);
        event.details(json!({ "endpoint": path })).record(&app.audit).await;
    }
}

pub async fn preflight_without_content(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if preflight && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// Reads the whole request before it is handled: a response sent while the body is still arriving would break the
/// client's connection (RFC 9112 §9.3).
pub async fn take_whole(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::EXPECT) {
        // The client sends the body only after a `100 Continue` (RFC 9110 §10.1.1).
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (body, whole) = match extract::take(body, MAX_BODY_BYTES).await {
        Ok(taken) => taken,
        Err(error) => return error.into_response(),
    };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if !whole {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

pub async fn say_what_timed_out(response: Response) -> Response {
    if response.status() != StatusCode::REQUEST_TIMEOUT {
        return response;
    }
    let error = OAuthError::new(ErrorCode::RequestTimeout, "the request was not complete in time");
    error.into_response()
}

pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    OAuthError::server_error(anyhow::anyhow!("a handler panicked")).into_response()
}
