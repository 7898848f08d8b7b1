//! `GET /logos/{digest}`: a client's logo, as it was fetched and checked (RFC 7591 §5).
use crate::{
    app::App,
    clients::logos,
    error::OAuthError,
    http::{endpoint::Endpoint, respond::not_found},
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Operation;
use serde_json::json;
use std::sync::Arc;

type Name = Result<Path<String>, PathRejection>;

pub fn endpoint(app: &App) -> Endpoint {
    let told = Operation::get("A client's logo, as it was fetched and checked").tag("Pages");
    let told = told.gives(200, "The picture", "image/*", &json!({}));
    Endpoint::new("/logos/{digest}", get(logo), [told]).only_if(app.config.logos.enabled)
}

/// The path is the digest of the picture, so the response never changes. The headers make sure that a browser treats it
/// as a picture and nothing else.
async fn logo(State(app): State<Arc<App>>, name: Name) -> Result<Response, OAuthError> {
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let Some(picture) = logos::picture(&app, &name).await? else { return Ok(not_found().await) };
    let headers = [
        (header::CONTENT_TYPE, picture.media_type.as_str()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'"),
    ];
    Ok((headers, picture.bytes).into_response())
}
