//! `GET /demo/clients/{name}`: the demo's metadata documents (OAuth Client ID Metadata Document).
use crate::{
    app::App,
    http::{
        described::gives,
        endpoint::Endpoint,
        respond::{Document, not_found},
    },
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use keyward_shared::api::Operation;
use std::sync::Arc;

type Name = Result<Path<String>, PathRejection>;

pub fn endpoint(app: &App) -> Endpoint {
    let told = Operation::get("The metadata document of a client of the demo").tag("For clients");
    let told = gives(told, 200, "The document");
    Endpoint::new("/demo/clients/{name}", get(document), [told])
        .only_if(app.demo.as_ref().is_some_and(|demo| !demo.documents.is_empty()))
}

async fn document(State(app): State<Arc<App>>, name: Name, headers: HeaderMap) -> Response {
    let documents = app.demo.as_ref().map(|demo| &demo.documents);
    match name.ok().and_then(|Path(name)| documents?.get(name.as_str())) {
        Some(document) => Document::new(document).respond(&headers),
        None => not_found().await,
    }
}
