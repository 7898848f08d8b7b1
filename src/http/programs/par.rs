//! `POST /par` (RFC 9126 §2).
use crate::{
    app::App,
    authorization::pushed_request::{self, push},
    error::OAuthError,
    http::{
        described::{REQUEST_OF_AN_APP, form_of_clients},
        endpoint::Endpoint,
        extract::{ClientIp, UnspentClientAuth, dpop_proof},
        respond::NoStore,
    },
    limits::source,
    tokens::dpop,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
    routing,
};
use keyward_shared::api::Type;
use serde_json::json;
use std::sync::Arc;

const PATH: &str = "/par";

pub fn endpoint(app: &App) -> Endpoint {
    let told = form_of_clients("Keeps an authorization request (RFC 9126 §2)", &REQUEST_OF_AN_APP);
    let members = [("request_uri", true, Type::Text), ("expires_in", true, Type::Number)];
    let told = told.tells(201, "It is kept (RFC 9126 §2.2)", &members);
    let endpoint = Endpoint::new(PATH, routing::post(post), [told]).advertised("pushed_authorization_request_endpoint");
    let endpoint = endpoint.only_if(app.config.authorization.pushed_requests);
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "dpop", "mcp-protocol-version"])
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    UnspentClientAuth { client, params, assertion }: UnspentClientAuth,
) -> Result<impl IntoResponse, OAuthError> {
    app.limits.pushed_requests.allow(source(address))?;
    let proof = dpop_proof(&headers)?.filter(|_| app.config.dpop.enabled);
    let proof = proof.map(|proof| dpop::check(&app, proof, "POST", PATH, None)).transpose()?;
    let request_uri = push(&app, &client, &params, proof.as_ref(), assertion.as_ref(), address).await?;
    let answer = json!({"request_uri": request_uri.expose(), "expires_in": pushed_request::LIFETIME});
    Ok((StatusCode::CREATED, NoStore(Json(answer))))
}
