//! What a valid access token says, and how it is used (RFC 9068, RFC 6750, RFC 9449).
use crate::scopes::{Implied, Policy};
pub use keyward_oauth::challenge::Scheme;
use std::sync::Arc;
use time::OffsetDateTime;

/// What a valid access token says; the guard leaves it in the extensions of the request.
#[derive(Clone, Debug)]
pub struct Access {
    /// `iss`
    pub issuer: String,
    /// `sub`: the user, or the client itself when no user took part (RFC 9068 §2.2).
    pub subject: String,
    /// `preferred_username`: for people to read, never to decide by (RFC 9068 §2.2.2).
    pub username: Option<String>,
    pub client_id: String,
    /// `act.sub`: who acts for the subject after a token exchange; earlier actors don't count (RFC 8693 §4.1).
    pub actor: Option<String>,
    pub scopes: Vec<String>,
    /// The resource identifier among `aud` that is ours.
    pub audience: String,
    /// `grant_type`: what it began with, if the issuer says.
    pub grant_type: Option<String>,
    pub expires_at: OffsetDateTime,
    /// When the user signed in (RFC 9068 §2.2.1).
    pub auth_time: Option<OffsetDateTime>,
    /// How: the authentication context class.
    pub acr: Option<String>,
    /// `jti`
    pub token_id: String,
    /// How the token is used: as a bearer token, or with proofs of the key it is bound to.
    pub scheme: Scheme,
    /// `cnf.jkt`: the thumbprint of that key (RFC 7638).
    pub(crate) jkt: Option<String>,
    pub(crate) policy: Arc<Policy>,
    /// What its scopes bring along, by the word of its issuer.
    pub(crate) implied: Arc<Implied>,
}

impl Access {
    /// Do the granted scopes reach for this tool?
    #[must_use]
    pub fn may_call(&self, tool: &str) -> bool {
        self.policy.allows_with(&self.implied, &self.scopes, self.policy.needed("tools/call", Some(tool)))
    }
}
