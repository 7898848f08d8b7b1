//! Issuers that the operator trusts: what they signed, verified (RFC 7521 §5.2, RFC 7523 §3).
pub mod identity;
pub mod statement;
pub mod workload;

use crate::{
    app::App,
    config::TrustedIssuer,
    error::OAuthError,
    fetch::keys::KeySource,
    limits::{Asker, source},
    oauth::{jws::Jws, key_set::PublicKeys},
};
use std::net::IpAddr;

/// Who is trusted is nobody's business: an unknown issuer and a wrong signature read the same, but for a moment in
/// which nobody can tell what was signed.
const NOT_TRUSTED: &str = "the assertion was not signed by an issuer that is trusted for it";

/// What is wrong with the assertion, told to who brought it.
fn refused(rule: &'static str) -> OAuthError {
    tracing::info!(rule, "assertion_refused");
    OAuthError::invalid_grant(rule)
}

/// Who signed it, of those who are trusted for that. It came from this address; only if all else about it `is_right` to
/// an issuer, another key of that one is looked for.
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
        // No host is called that: what strangers have fetched from the same host takes nothing from this.
        let asker = &format!("trusted issuer {name}");
        let published =
            KeySource { uri, asker: Asker::Known(asker), from: source(address), may_look: is_right(issuer) };
        app.fetch.have_signed(&published, jws).await?
    } else {
        let own = issuer.keys().map_err(OAuthError::server_error)?;
        own.as_ref().and_then(PublicKeys::parse).is_some_and(|keys| jws.is_signed_by(&keys))
    };
    Ok(signed.then_some(issuer))
}
