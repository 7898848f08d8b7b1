//! Identity assertions: a trusted issuer identifies the user behind a client.
use super::{NOT_TRUSTED, refused, signer};
use crate::{
    app::App,
    config::TrustedIssuer,
    error::OAuthError,
    oauth::{
        id_jag::{IdJag, TYPE},
        jws::{ExpectedClaims, Jws, SingleUse},
    },
};
use std::net::IpAddr;

/// A verified assertion that was not used up yet.
pub struct IdentityAssertion<'a> {
    pub trusted: &'a TrustedIssuer,
    pub says: IdJag,
    pub once: SingleUse,
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
        let expected = |longest: u32| ExpectedClaims { audiences: &audiences, now, longest: longest.into() };
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
