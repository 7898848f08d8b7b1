//! A token for an assertion that somebody else signed (RFC 7523 §2.1): workload identity, and the second half of
//! ID-JAG.
use super::request::TokenRequest;
use crate::{
    error::Result,
    mask,
    metadata::JWT_BEARER,
    token::{TokenResponse, form},
};

/// Asks for a token once. A refused assertion is neither sent again nor replaced by another grant.
pub async fn run(request: &TokenRequest<'_>, assertion: &str) -> Result<TokenResponse> {
    mask::learn(assertion);
    let form = form([
        ("grant_type", Some(JWT_BEARER)),
        ("assertion", Some(assertion)),
        ("scope", request.scope),
        ("resource", request.resource),
    ]);
    request.send(&form).await
}
