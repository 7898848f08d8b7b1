//! A client for itself (OAuth 2.1 §4.2; MCP extension OAuth client credentials).
use super::Ask;
use crate::{
    error::Result,
    token::{TokenResponse, form},
};

pub async fn run(ask: &Ask<'_>) -> Result<TokenResponse> {
    let form = form([("grant_type", Some("client_credentials")), ("scope", ask.scope), ("resource", ask.resource)]);
    ask.token(&form).await
}
