//! `grant_type=client_credentials` (RFC 6749 §4.4): a client that acts for itself, without a user.
use super::grant_type::GrantType;
use crate::{
    error::OAuthError,
    model::ClientSource,
    tokens::{Issuance, TokenRequest, TokenResponse},
};

pub const GRANT_TYPE: GrantType =
    GrantType { parameters: &[], identify: None, exchange: |request| Box::pin(exchange(request)) };

/// No refresh token is issued, as the client can request a new token at any time (RFC 6749 §4.4.3).
pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    judge(request)?.proven(request.app).await?.issue(request.app, None, None).await
}

fn judge(request: TokenRequest<'_>) -> Result<Issuance<'_>, OAuthError> {
    let TokenRequest { app, client, .. } = request;
    if client.is_public() {
        return Err(OAuthError::unauthorized_client("only confidential clients may use this (RFC 6749 section 4.4)"));
    }
    // A stranger may have registered the client while the setting allowed that.
    if client.source != ClientSource::Seed && !app.config.registration.client_credentials {
        return Err(OAuthError::unauthorized_client("only clients that the operator set up may use this grant_type"));
    }
    Issuance::for_client(request)
}
