//! `POST /register` (RFC 7591 §3).
use super::Endpoint;
use crate::{
    app::App,
    clients::register::register,
    config::RegistrationPolicy,
    error::OAuthError,
    http::{
        extract::{ClientIp, bearer, is_type, read},
        respond::NoStore,
    },
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
    routing,
};
use std::sync::Arc;

const MAX_BODY: usize = 32 * 1024;

pub fn endpoint(app: &App) -> Endpoint {
    let on = app.config.registration.policy != RegistrationPolicy::Off;
    let endpoint = Endpoint::new("/register", routing::post(post)).advertised("registration_endpoint").only_if(on);
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "mcp-protocol-version"])
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, OAuthError> {
    let body = metadata(&headers, body).await?;
    let registered = register(&app, &body, bearer(&headers)?, address).await?;
    Ok((StatusCode::CREATED, NoStore(Json(registered))))
}

/// Client metadata as registrations and their updates carry it.
pub(super) async fn metadata(headers: &HeaderMap, body: Body) -> Result<Bytes, OAuthError> {
    if !is_type(headers, "application/json") {
        return Err(OAuthError::invalid_client_metadata("the body must be application/json (RFC 7591 section 3.1)"));
    }
    read(body, MAX_BODY).await
}
