//! Trusted issuers: verification of assertions that they signed (RFC 7521 §5.2, RFC 7523 §3).
pub mod identity;
pub mod statement;
pub mod workload;

use crate::{
    app::App,
    config::TrustedIssuer,
    error::OAuthError,
    fetch::keys::KeySource,
    limits::{FetchParty, source},
    oauth::{jws::Jws, key_set::KeySet},
};
use std::net::IpAddr;

/// An unknown issuer and a wrong signature give the same error, so that strangers cannot find out which issuers are
/// trusted. (Only while keys cannot be fetched does a temporary error differ.)
const NOT_TRUSTED: &str = "the assertion was not signed by an issuer that is trusted for it";

/// The error for whoever presented the assertion.
fn refused(rule: &'static str) -> OAuthError {
    tracing::info!(rule, "assertion_refused");
    OAuthError::invalid_grant(rule)
}

/// The issuer that signed the JWS, among those trusted for this purpose. `address` is the caller's. Only if the JWS
/// `is_right` in all other respects, an unknown key makes the server fetch the issuer's keys.
async fn signer<'a>(
    app: &'a App,
    jws: &Jws<'_>,
    address: IpAddr,
    is_trusted: impl Fn(&TrustedIssuer) -> bool,
    is_right: impl Fn(&TrustedIssuer) -> bool,
) -> Result<Option<&'a TrustedIssuer>, OAuthError> {
    let iss = jws.claim("iss").unwrap_or_default();
    let known = app.config.trusted_issuers.iter().find(|(_, known)| known.issuer == iss && is_trusted(known));
    let Some((name, issuer)) = known.filter(|(_, known)| known.signs_with(jws.algorithm.as_str())) else {
        return Ok(None);
    };
    let signed = if let Some(uri) = &issuer.jwks_uri {
        // The space keeps this name apart from all host names, so that strangers' fetches from the same host do not use
        // up this budget.
        let asker = &format!("trusted issuer {name}");
        let published =
            KeySource { uri, asker: FetchParty::Known(asker), from: source(address), may_look: is_right(issuer) };
        app.fetch.have_signed(&published, jws).await?
    } else {
        let own = issuer.keys().map_err(OAuthError::server_error)?;
        own.as_ref().and_then(KeySet::parse).is_some_and(|keys| jws.is_signed_by(&keys))
    };
    Ok(signed.then_some(issuer))
}
