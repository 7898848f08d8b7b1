//! `GET /jwks`: our public keys (RFC 7517 §5).
use super::Endpoint;
use crate::{app::App, http::respond::Document};
use axum::{
    http::{HeaderMap, Method},
    routing::get,
};

pub fn endpoint(app: &App) -> Endpoint {
    let document = Document::new(app.keys.jwks());
    let handler = get(async move |headers: HeaderMap| document.respond(&headers));
    Endpoint::new("/jwks", handler).advertised("jwks_uri").cors(&[Method::GET], &["mcp-protocol-version"])
}
