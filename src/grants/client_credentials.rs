//! `grant_type=client_credentials` (RFC 6749 §4.4): a client that acts for itself, with nobody behind it.
use super::TokenRequest;
use crate::{
    error::OAuthError,
    model::ClientSource,
    tokens::{Permit, TokenResponse},
};

pub const NAME: &str = "client_credentials";

/// No refresh token, for the client can ask again whenever it likes (RFC 6749 §4.4.3).
pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    judge(request)?.proven(request.app).await?.issue(request.app, None, None).await
}

fn judge(request: TokenRequest<'_>) -> Result<Permit<'_>, OAuthError> {
    let TokenRequest { app, client, .. } = request;
    if client.is_public() {
        return Err(OAuthError::unauthorized_client("only confidential clients may use this (RFC 6749 section 4.4)"));
    }
    // Of a time when strangers were allowed to.
    if client.source != ClientSource::Seed && !app.config.registration.client_credentials {
        return Err(OAuthError::unauthorized_client("only clients that the operator set up may use this grant_type"));
    }
    Permit::for_client(request)
}
