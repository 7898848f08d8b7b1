//! `POST /token` (RFC 6749 §3.2).
use super::Endpoint;
use crate::{
    app::App,
    error::OAuthError,
    clients::authenticate,
    grants::{self, TokenRequest, jwt_bearer},
    http::{
        extract::{ClientIp, Form, dpop_proof, single},
        respond::NoStore,
    },
    tokens::dpop,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method},
    response::{AppendHeaders, IntoResponse},
    routing,
};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let endpoint = Endpoint::new("/token", routing::post(post)).advertised("token_endpoint");
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "dpop", "mcp-protocol-version"])
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    Form(params): Form,
) -> Result<impl IntoResponse, OAuthError> {
    let authorization = single(&headers, "authorization")?;
    let identified = match params.get("grant_type")? {
        Some(jwt_bearer::NAME) => jwt_bearer::identify(&app, authorization, &params).await?,
        _ => None,
    };
    let client = match identified {
        Some(client) => client,
        None => authenticate::client(&app, authorization, &params, address).await?,
    };
    let name = params.require("grant_type")?;
    let grant_type = grants::find(&app.config, name)
        .ok_or_else(|| OAuthError::unsupported_grant_type("this grant_type is not one of grant_types_supported"))?;
    if !client.metadata.grant_types.iter().any(|registered| registered == grant_type.name) {
        return Err(OAuthError::unauthorized_client("the client did not register this grant_type"));
    }
    let jkt = dpop::at_token_endpoint(&app, &client, dpop_proof(&headers)?).await?;
    let request = TokenRequest { app: &app, client: &client, params: &params, jkt: jkt.as_deref() };
    let tokens = (grant_type.exchange)(request).await?;
    let nonce = jkt.and_then(|_| dpop::next_nonce(&app)).map(|nonce| ("dpop-nonce", nonce));
    Ok((AppendHeaders(nonce), NoStore(Json(tokens))))
}
