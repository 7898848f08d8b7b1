//! A token for the client itself, without a person (OAuth 2.1 §4.2; MCP extension OAuth client credentials).
use super::request::TokenRequest;
use crate::{
    error::Result,
    token::{TokenResponse, form},
};

pub async fn run(request: &TokenRequest<'_>) -> Result<TokenResponse> {
    let form =
        form([("grant_type", Some("client_credentials")), ("scope", request.scope), ("resource", request.resource)]);
    request.send(&form).await
}
