//! A kind of credential: its description, the input it is built from, and the result.
use crate::{
    accounts,
    settings::{Secret, SurfaceSettings},
};
use keyward_guard::{Place, clock::Clock, credential::Credential, dpop, jwks::Issuer, origin::Allowed, scopes::Policy};
use keyward_shared::api::Routes;
use std::{borrow::Cow, sync::Arc};

pub(crate) struct Kind {
    pub name: &'static str,
    /// One line for people: the credential to send.
    pub shown: &'static str,
    /// What `mcp-auth login` needs besides the URL; `None` if there is no login.
    pub login: Option<&'static str>,
    /// Arguments for `curl`; `URL` stands for the surface's.
    pub curl: &'static str,
    pub build: fn(&Setup) -> anyhow::Result<Built>,
}

/// The input for building a credential.
pub(crate) struct Setup<'a> {
    pub settings: &'a SurfaceSettings,
    /// A human name, used as the realm of challenges.
    pub title: &'a str,
    /// The authorization server.
    pub issuer: Arc<Issuer>,
    /// The used proofs of possession of all surfaces.
    pub proofs: Arc<dpop::Used>,
    pub allowed: Allowed,
    pub policy: Arc<Policy>,
    /// Whether published secrets are accepted, and everybody may mint tokens.
    pub demo: bool,
    pub admin_token: Option<&'a Secret>,
    /// The accounts of all surfaces that have people.
    pub accounts: &'a accounts::All,
    pub clock: Clock,
}

type AtPlace = Box<dyn Fn(&Place) -> anyhow::Result<Arc<dyn Credential>>>;

pub(crate) struct Built {
    pub at: AtPlace,
    /// Additional routes of this kind.
    pub routes: Routes,
}

impl Built {
    /// The same credential for every path.
    pub fn everywhere(credential: impl Credential + 'static) -> Self {
        let credential: Arc<dyn Credential> = Arc::new(credential);
        Self { at: Box::new(move |_| Ok(Arc::clone(&credential))), routes: Routes::new() }
    }
}

/// Replaces every character that a quoted string cannot hold unescaped by `?` (RFC 9110 §5.6.4).
pub(super) fn quotable(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| matches!(letter, ' '..='~') && letter != '"' && letter != '\\';
    if text.chars().all(plain) { text.into() } else { text.replace(|letter| !plain(letter), "?").into() }
}
