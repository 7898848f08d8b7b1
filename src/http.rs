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
    http::{HeaderName, header},
    middleware::{from_fn, from_fn_with_state},
};
use endpoint::{Cors, Endpoint};
use respond::{method_not_allowed, not_found};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tower_http::cors::{Any, CorsLayer};

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
    let around = from_fn_with_state((app.clone(), Arc::new(paths)), middleware::around);
    Router::new().merge(programs).merge(pages.into_router()).fallback(not_found).layer(around).with_state(app)
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
