//! `POST /token` (RFC 6749 §3.2).
use super::Endpoint;
use crate::{
    app::App,
    error::OAuthError,
    grants::{self, TokenRequest},
    http::{extract::ClientAuth, respond::NoStore},
    tokens::TokenResponse,
};
use axum::{Json, extract::State, http::Method, routing};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let endpoint = Endpoint::new("/token", routing::post(post)).advertised("token_endpoint");
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "dpop", "mcp-protocol-version"])
}

async fn post(
    State(app): State<Arc<App>>,
    ClientAuth { client, params }: ClientAuth,
) -> Result<NoStore<Json<TokenResponse>>, OAuthError> {
    let name = params.require("grant_type")?;
    let grant_type = grants::find(&app.config, name)
        .ok_or_else(|| OAuthError::unsupported_grant_type("this grant_type is not one of grant_types_supported"))?;
    if !client.metadata.grant_types.iter().any(|registered| registered == grant_type.name) {
        return Err(OAuthError::unauthorized_client("the client did not register this grant_type"));
    }
    let tokens = (grant_type.exchange)(TokenRequest { app: &app, client: &client, params: &params }).await?;
    Ok(NoStore(Json(tokens)))
}
