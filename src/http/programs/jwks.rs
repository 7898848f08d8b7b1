//! `GET /jwks`: our public keys (RFC 7517 §5).
use super::Endpoint;
use crate::{
    app::App,
    error::OAuthError,
    http::{described::gives, respond::Document},
};
use axum::{
    extract::State,
    http::{HeaderMap, Method},
    response::Response,
    routing::get,
};
use keyward_resource_server::api::Operation;
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let told = Operation::get("The public keys that tokens are signed with (RFC 7517)").tag("Discovery");
    let told = gives(told, 200, "The keys");
    Endpoint::new("/jwks", get(jwks), [told]).advertised("jwks_uri").cors(&[Method::GET], &["mcp-protocol-version"])
}

/// Rotation changes it at any time.
async fn jwks(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, OAuthError> {
    Ok(Document::new(&app.keys.published().await?).respond(&headers))
}
