//! What is done around every request, whatever its route.
use super::{
    below_issuer,
    extract::{self, ClientIp},
    negotiate::{Programs, Reader},
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
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use serde_json::json;
use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

/// Bytes of a request body; no endpoint accepts more.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request that takes longer is aborted (408); no handler needs nearly as long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Gives each request an id for its log lines and its response. Of the URL only a known path is logged: the rest may
/// contain anything, such as a misplaced token.
///
/// One function in place of a layer for each step, because a layer costs every request an allocation and a copy of all
/// layers below it.
pub async fn around(State((app, programs)): State<(Arc<App>, Programs)>, request: Request, next: Next) -> Response {
    let ClientIp(address) = ClientIp::of(&app, request.headers(), request.extensions());
    let id = uuid::Uuid::now_v7().simple().to_string();
    let name = HeaderValue::from_str(&id);
    let path = request.extensions().get::<MatchedPath>().cloned();
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.and_then(telemetry::shortened).map(str::to_owned);
    let method = request.method().clone();
    let about = telemetry::Request { id, method, path: path.clone(), address, user_agent };
    let answer = async {
        let reader = Reader::of(&request, &programs);
        let response = reader.served(unless_it_panics(request, next).await);
        let mut response = below_issuer::linked(&app, response).await;
        if app.config.is_https() {
            let hsts = HeaderValue::from_static("max-age=31536000");
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
        }
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let path = path.as_ref().map_or("none", MatchedPath::as_str);
        app.metrics.request(path, response.status().as_u16());
        if let Some(refusal) = response.extensions().get().copied() {
            refused(&app, refusal, path, address).await;
        }
        response
    };
    let mut response = telemetry::REQUEST.scope(about, answer).await;
    if let Ok(name) = name {
        response.headers_mut().insert("x-request-id", name);
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

async fn unless_it_panics(request: Request, next: Next) -> Response {
    AssertUnwindSafe(in_time(request, next)).catch_unwind().await.unwrap_or_else(|_| {
        // What was raised is in the log already, and nobody else's business.
        OAuthError::server_error(anyhow::anyhow!("a handler panicked")).into_response()
    })
}

async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(REQUEST_TIMEOUT, whole(request, next)).await.unwrap_or_else(|_| {
        OAuthError::new(ErrorCode::RequestTimeout, "the request was not complete in time").into_response()
    })
}

/// Reads the whole request before it is handled: a response sent while the body is still arriving would break the
/// client's connection (RFC 9112 §9.3).
async fn whole(request: Request, next: Next) -> Response {
    // The client sends the body only after a `100 Continue` (RFC 9110 §10.1.1).
    if request.headers().contains_key(header::EXPECT) || request.body().is_end_stream() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        body::Body,
        middleware::from_fn,
        routing::{MethodRouter, get},
    };
    use tower::ServiceExt;

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_panics_or_never_ends_is_answered_for() {
        let panics = get(async || -> StatusCode { panic!("a mistake in the program") });
        let sleeps = get(async || std::future::pending::<StatusCode>().await);
        for (handler, status, error) in
            [(panics, 500, ErrorCode::ServerError), (sleeps, 408, ErrorCode::RequestTimeout)]
        {
            let handler: MethodRouter = handler.layer(from_fn(unless_it_panics));
            let response = handler.oneshot(Request::new(Body::empty())).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.extensions().get::<CountedRefusal>().unwrap().error, error);
        }
    }
}
