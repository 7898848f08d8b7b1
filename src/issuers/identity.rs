//! Identity assertions: which person is behind a client, by the word of a trusted issuer.
use super::{NOT_TRUSTED, refused, signer};
use crate::{
    app::App,
    clients::metadata_document,
    config::TrustedIssuer,
    error::{ErrorCode, OAuthError},
    oauth::{
        client_id,
        id_jag::{IdJag, TYPE},
        jws::{Expected, Jws, Once},
    },
};
use std::net::IpAddr;

/// Verified: what it says is the issuer's word. It was not used up yet.
pub struct IdentityAssertion<'a> {
    pub trusted: &'a TrustedIssuer,
    pub says: IdJag,
    pub once: Once,
}

impl<'a> IdentityAssertion<'a> {
    /// Identity Assertion JWT Authorization Grant §4.4.1.
    pub async fn verify(app: &'a App, text: &str, address: IpAddr) -> Result<Self, OAuthError> {
        let jws = Jws::parse(text).map_err(|error| refused(error.as_str()))?;
        if jws.typ.as_deref() != Some(TYPE) {
            return Err(refused("typ must be that of an identity assertion, oauth-id-jag+jwt"));
        }
        let now = app.clock.now().unix_timestamp();
        let audiences = [app.config.issuer.as_str()];
        let expected = |longest: u32| Expected { audiences: &audiences, now, longest: longest.into() };
        let once = jws.check(&expected(u32::MAX)).map_err(refused)?;
        let says = IdJag::read(&jws).map_err(refused)?;
        let lasts = |issuer: &TrustedIssuer| jws.check(&expected(issuer.identity_assertion_lifetime()));
        let is_right = |issuer: &TrustedIssuer| lasts(issuer).is_ok();
        let trusted = signer(app, &jws, address, |issuer| issuer.identity_assertions, is_right).await?;
        let trusted = trusted.ok_or_else(|| refused(NOT_TRUSTED))?;
        lasts(trusted).map_err(refused)?;
        Ok(Self { trusted, says, once })
    }
}

/// A client that is named by the URL of its document, and that nobody has asked for yet, is fetched once an issuer
/// has vouched for it. Whatever is wrong otherwise is told by who looks closer.
pub async fn introduce(app: &App, text: &str, address: IpAddr) -> Result<(), OAuthError> {
    let Ok(jws) = Jws::parse(text) else { return Ok(()) };
    let Some(claimed) = jws.claim("client_id").filter(|id| client_id::is_url(id)) else { return Ok(()) };
    // Then the grant verifies the assertion, and once is enough.
    if metadata_document::is_known(app, claimed).await? {
        return Ok(());
    }
    match IdentityAssertion::verify(app, text, address).await {
        Ok(assertion) => metadata_document::introduced(app, &assertion.says.client_id).await,
        // Nobody could tell yet whether it vouches: that is not to read like a client that nobody knows.
        Err(error) if error.code == ErrorCode::TemporarilyUnavailable => Err(error),
        Err(_) => Ok(()),
    }
}
