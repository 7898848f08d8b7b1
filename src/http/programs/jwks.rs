//! `GET /jwks`: our public keys (RFC 7517 §5).
use crate::{
    app::App,
    error::OAuthError,
    http::{endpoint::Endpoint, respond::Document},
};
use axum::{
    extract::{Request, State},
    http::Method,
    response::Response,
    routing::get,
};
use keyward_shared::api::{Operation, Type};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let told = Operation::get("The public keys that tokens are signed with (RFC 7517)").tag("Discovery");
    // RFC 7518 §6, RFC 8037 §2: the other members depend on the key type.
    let key = [
        ("kty", true, Type::Text),
        ("kid", true, Type::Text),
        ("alg", true, Type::Text),
        ("use", true, Type::Text),
        ("crv", false, Type::Text),
        ("x", false, Type::Text),
        ("y", false, Type::Text),
        ("n", false, Type::Text),
        ("e", false, Type::Text),
    ];
    let told = told.tells(200, "The keys", &[("keys", true, Type::Each(&key))]);
    let endpoint = Endpoint::new("/jwks", get(jwks), [told]).advertised("jwks_uri").legacy_path("/oauth/jwks");
    endpoint.cors(&[Method::GET], &["mcp-protocol-version"])
}

async fn jwks(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    Ok(Document::of(app.keys.published().await?).respond(request.headers()))
}
