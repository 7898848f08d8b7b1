//! Issuers that the operator trusts: what they signed, verified (RFC 7521 §5.2, RFC 7523 §3).
pub mod identity;
pub mod statement;
pub mod subject;
pub mod workload;

use crate::{
    app::App,
    config::TrustedIssuer,
    error::OAuthError,
    fetch::keys,
    limits::Asker,
    oauth::jws::{Jws, PublicKeys},
};
use std::sync::Arc;

/// Who is trusted is nobody's business: an unknown issuer and a wrong signature read the same.
const NOT_TRUSTED: &str = "the assertion was not signed by an issuer that is trusted for it";

/// What is wrong with the assertion, told to who brought it.
fn refused(rule: &'static str) -> OAuthError {
    tracing::info!(rule, "assertion_refused");
    OAuthError::invalid_grant(rule)
}

/// Who signed it, of those who are trusted for that.
async fn signer<'a>(
    app: &'a App,
    jws: &Jws<'_>,
    is_trusted: impl Fn(&TrustedIssuer) -> bool,
) -> Result<Option<&'a TrustedIssuer>, OAuthError> {
    let iss = jws.claim("iss").unwrap_or_default();
    let known = app.config.trusted_issuers.iter().find(|(_, known)| known.issuer == iss && is_trusted(known));
    let Some((name, issuer)) = known.filter(|(_, known)| known.signs_with(jws.algorithm())) else { return Ok(None) };
    let signed = find_keys(app, name, issuer, jws.kid.as_deref()).await?.is_some_and(|keys| jws.is_signed_by(&keys));
    Ok(signed.then_some(issuer))
}

async fn find_keys(
    app: &App,
    name: &str,
    issuer: &TrustedIssuer,
    kid: Option<&str>,
) -> Result<Option<Arc<PublicKeys>>, OAuthError> {
    if let Some(uri) = &issuer.jwks_uri {
        // No host is called that: what strangers have fetched from the same host takes nothing from this.
        return keys::find(app, uri, Asker::Known(&format!("trusted issuer {name}")), kid).await;
    }
    let jwks = issuer.keys().map_err(OAuthError::server_error)?;
    Ok(jwks.as_ref().and_then(PublicKeys::parse).map(Arc::new))
}
