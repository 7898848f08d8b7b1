//! Which tokens are good: whose, how they are bound, and who judges them.
use super::{Guard, long_enough};
use crate::{
    access_tokens::AccessTokens,
    challenge::{Challenge, DpopPolicy},
    dpop,
    introspection::{self, Introspector},
    jwks::Issuer,
    metadata,
    scopes::Policy,
    verify::Verifier,
};
use std::sync::Arc;
use time::Duration;

impl Guard {
    /// Trusts one more issuer; each is known by its own keys only.
    pub fn issuer(mut self, issuer: &str) -> anyhow::Result<Self> {
        self.issuers.push(Arc::new(Issuer::new(issuer)?));
        Ok(self)
    }

    /// Tells in challenges that tokens bound to a key (`DPoP`, RFC 9449) are welcome beside bearer tokens. They are
    /// accepted in any case.
    #[must_use]
    pub fn offer_dpop(mut self) -> Self {
        self.dpop = DpopPolicy::Offered;
        self
    }

    /// Refuses bearer tokens: each request must prove the key that its token is bound to (RFC 9449).
    #[must_use]
    pub fn require_dpop(mut self) -> Self {
        self.dpop = DpopPolicy::Required;
        self
    }

    /// Asks the issuer that [`Guard::new`] named what each token is worth (RFC 7662), opaque tokens and JWTs alike,
    /// instead of verifying JWTs here. `id` and `secret` are what this resource server authenticates with there. An
    /// answer is kept for 30 seconds, which is what a revocation then costs, and never beyond the token's end. The
    /// secret has 16 characters at least: whoever guesses it is told what every token is worth.
    pub fn introspect(mut self, id: &str, secret: &str) -> anyhow::Result<Self> {
        long_enough("the introspection secret", secret)?;
        self.introspection.credentials = Some((id.to_owned(), secret.to_owned()));
        Ok(self)
    }

    /// Keeps answers of [`Guard::introspect`] for so many seconds, 30 at most; 0 asks about each request.
    #[must_use]
    pub fn keep_answers(mut self, seconds: u8) -> Self {
        self.introspection.keep = Duration::seconds(seconds.into()).min(introspection::KEPT);
        self
    }

    /// Takes only signed answers to [`Guard::introspect`] (RFC 9701): proof of what the issuer said, not only that it
    /// was asked.
    #[must_use]
    pub fn require_signed_answers(mut self) -> Self {
        self.introspection.signed = true;
        self
    }

    /// Shares with other places what is known of proofs.
    #[doc(hidden)]
    #[must_use]
    pub fn proofs(mut self, proofs: &Arc<dpop::Used>) -> Self {
        self.proofs = Arc::clone(proofs);
        self
    }

    /// Takes tokens of these grants only; of all if none is named.
    #[doc(hidden)]
    #[must_use]
    pub fn grants(mut self, grants: &'static [&'static str]) -> Self {
        self.grants = grants;
        self
    }

    /// As a credential, by these rules on scopes.
    #[doc(hidden)]
    #[must_use]
    pub fn access_tokens(self, policy: &Arc<Policy>) -> AccessTokens {
        let (place, metadata) = (metadata::well_known_path(&self.identifier), self.metadata());
        let challenge = Challenge {
            realm: self.name,
            resource_metadata: format!("{}{place}", self.resource.origin().ascii_serialization()),
            scope: self.challenge_scope,
            dpop: self.dpop,
        };
        let first = self.issuers.first().cloned();
        let introspector = first.and_then(|issuer| Introspector::new(issuer, self.introspection));
        let resources = std::iter::once(self.identifier.clone()).chain(self.aliases).collect();
        let verifier = Verifier {
            resources,
            issuers: self.issuers,
            introspector,
            grants: self.grants,
            policy: Arc::clone(policy),
        };
        let url = self.htu.unwrap_or(self.identifier);
        AccessTokens {
            challenge,
            verifier,
            url,
            proofs: self.proofs,
            step_up: self.step_up,
            metadata,
            clock: self.clock,
        }
    }
}
