//! `GET /jwks`: our public keys (RFC 7517 §5).
use super::Endpoint;
use crate::{app::App, error::OAuthError, http::respond::Document};
use axum::{
    extract::State,
    http::{HeaderMap, Method},
    response::Response,
    routing::get,
};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    Endpoint::new("/jwks", get(jwks)).advertised("jwks_uri").cors(&[Method::GET], &["mcp-protocol-version"])
}

/// Rotation changes it at any time.
async fn jwks(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, OAuthError> {
    Ok(Document::new(&app.keys.published().await?).respond(&headers))
}
