//! The only room with HTTP in it: the table of routes, and the layers around them.
pub mod administrator;
mod below_issuer;
pub mod described;
pub mod extract;
pub mod negotiate;
pub mod people;
pub mod programs;
pub mod respond;
pub mod views;
pub mod words;

use crate::{
    app::App,
    audit,
    error::{ErrorCode, OAuthError},
    events::EventType,
    telemetry,
};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use extract::ClientIp;
use programs::{Cors, Endpoint};
use respond::Refused;
use serde_json::json;
use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};
use tracing::Instrument;

/// Bytes of any request's body; no endpoint takes more.
const MAX_BODY: usize = 64 * 1024;
/// A request still unanswered after this is given up (408): nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything keyward answers.
pub fn router(app: Arc<App>) -> Router {
    let mut programs = Router::new();
    let mut paths = BTreeSet::new();
    let mut endpoints = programs::all(&app);
    let pages = below_issuer::placed(&app, people::all(&app));
    let pages = described::with_own(&app, &mut endpoints, pages);
    for endpoint in endpoints {
        paths.extend(endpoint.paths.iter().cloned());
        programs = programs.merge(routes(endpoint));
    }
    let hsts = app.config.is_https().then(|| HeaderValue::from_static("max-age=31536000"));
    let nosniff = HeaderValue::from_static("nosniff");
    let hsts = move |_: &Response| hsts.clone();
    // The last layer is the outermost.
    Router::new()
        .merge(programs)
        .merge(pages.into_router())
        .fallback(not_found)
        .layer(middleware::from_fn(take_whole))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, PATIENCE))
        .layer(middleware::map_response(say_what_timed_out))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::new(paths), negotiate::for_the_reader))
        .layer(middleware::from_fn_with_state(app.clone(), below_issuer::link_below))
        .layer(SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, nosniff))
        .layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, hsts))
        .layer(middleware::from_fn_with_state(app.clone(), name_the_request))
        .with_state(app)
}

fn routes(endpoint: Endpoint) -> Router<Arc<App>> {
    let methods = endpoint.methods.fallback(method_not_allowed);
    let routes = endpoint.paths.iter().fold(Router::new(), |router, path| router.route(path, methods.clone()));
    match endpoint.cors {
        Cors::Nobody => routes,
        Cors::Everybody { methods, headers } => {
            let cors = CorsLayer::new()
                .allow_origin(Any)
                .allow_methods(methods.to_vec())
                .allow_headers(headers.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>())
                .expose_headers([header::WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")])
                .max_age(Duration::from_mins(10));
            routes.layer(cors).layer(middleware::from_fn(preflight_without_content))
        }
    }
}

/// Each request gets a name of its own, which its log lines and its answer carry. Of its URL they carry only what is
/// a path of ours: in the rest may be anything, a misplaced token too.
async fn name_the_request(
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

async fn refused(app: &App, Refused { error, by_budget }: Refused, path: &str, address: IpAddr) {
    app.metrics.refusal(error.as_str());
    if by_budget && app.floods.is_new(address) {
        let event = audit::Event::new(EventType::RateLimitExceeded).failed().from(address);
        event.details(json!({ "endpoint": path })).record(app).await;
    }
}

async fn preflight_without_content(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if preflight && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// Takes a request whole before anybody answers it: an answer given while the body is still on its way would cost
/// the client its connection (RFC 9112 §9.3).
async fn take_whole(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::EXPECT) {
        // Nothing is on its way until somebody asks for it (RFC 9110 §10.1.1).
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (body, whole) = match extract::take(body, MAX_BODY).await {
        Ok(taken) => taken,
        Err(error) => return error.into_response(),
    };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if !whole {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn say_what_timed_out(response: Response) -> Response {
    if response.status() != StatusCode::REQUEST_TIMEOUT {
        return response;
    }
    let error = OAuthError::new(ErrorCode::RequestTimeout, "the request was not complete in time");
    error.into_response()
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    OAuthError::server_error(anyhow::anyhow!("a handler panicked")).into_response()
}

pub async fn not_found() -> Response {
    let error = OAuthError::new(ErrorCode::NotFound, "there is nothing at this path");
    error.into_response()
}

async fn method_not_allowed() -> Response {
    let error = OAuthError::invalid_request("this endpoint does not take this method; see the Allow header");
    respond::with_status(StatusCode::METHOD_NOT_ALLOWED, &error)
}
