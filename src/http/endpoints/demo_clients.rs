//! `GET /demo/clients/{name}`: metadata documents of the demo's own (OAuth Client ID Metadata Document).
use super::Endpoint;
use crate::{
    app::App,
    http::{not_found, respond::Document},
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use std::sync::Arc;

type Name = Result<Path<String>, PathRejection>;

pub fn endpoint(app: &App) -> Endpoint {
    Endpoint::new("/demo/clients/{name}", get(document)).only_if(!app.demo_documents.is_empty())
}

async fn document(State(app): State<Arc<App>>, name: Name, headers: HeaderMap) -> Response {
    match name.ok().and_then(|Path(name)| app.demo_documents.get(name.as_str())) {
        Some(document) => Document::new(document).respond(&headers),
        None => not_found().await,
    }
}
