//! The only room with HTTP in it: the table of routes, and the layers around them.
mod below_issuer;
pub mod described;
mod endpoint;
pub mod extract;
mod middleware;
pub mod negotiate;
mod openapi;
pub mod operators;
pub mod people;
pub mod programs;
mod protection;
pub mod respond;
pub mod views;
pub mod words;

use crate::app::App;
use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
};
use endpoint::{Cors, Endpoint};
use respond::{method_not_allowed, not_found};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};

/// A request that takes longer is aborted (408); no handler needs nearly as long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// All routes of this server.
pub fn router(app: Arc<App>) -> Router {
    let mut programs = Router::new();
    let mut paths = BTreeSet::new();
    let mut endpoints = programs::all(&app);
    endpoints.extend(operators::all(&app));
    let pages = below_issuer::placed(&app, people::all(&app));
    let pages = openapi::with_own(&app, &mut endpoints, pages);
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
        .layer(from_fn(middleware::take_whole))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .layer(map_response(middleware::say_what_timed_out))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(from_fn_with_state(Arc::new(paths), negotiate::for_the_reader))
        .layer(from_fn_with_state(app.clone(), below_issuer::link_below))
        .layer(SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, nosniff))
        .layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, hsts))
        .layer(from_fn_with_state(app.clone(), middleware::name_the_request))
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
            routes.layer(cors).layer(from_fn(middleware::preflight_without_content))
        }
    }
}
