//! What every kind of credential says of itself, what it is built from, and what comes of that.
use crate::{
    accounts,
    settings::{Secret, SurfaceSettings},
};
use keyward_guard::{Place, clock::Clock, credential::Credential, dpop, jwks::Issuer, origin::Allowed, scopes::Policy};
use keyward_shared::api::Routes;
use std::{borrow::Cow, sync::Arc};

pub(crate) struct Kind {
    pub name: &'static str,
    /// One line for people: what to send.
    pub shown: &'static str,
    /// What `mcp-auth login` wants to know beside the URL; `None`: there is nothing to log in to.
    pub login: Option<&'static str>,
    /// What `curl` sends along; `URL` stands for the surface's.
    pub curl: &'static str,
    pub build: fn(&Setup) -> anyhow::Result<Built>,
}

/// What a kind is built from.
pub(crate) struct Setup<'a> {
    pub settings: &'a SurfaceSettings,
    /// A human name: the realm of challenges.
    pub title: &'a str,
    /// The authorization server.
    pub issuer: Arc<Issuer>,
    /// Which proofs were used, anywhere.
    pub proofs: Arc<dpop::Used>,
    pub allowed: Allowed,
    pub policy: Arc<Policy>,
    /// Published secrets are good enough, and everybody may mint.
    pub demo: bool,
    pub admin_token: Option<&'a Secret>,
    /// Of all surfaces that have people.
    pub accounts: &'a accounts::All,
    pub clock: Clock,
}

type AtPlace = Box<dyn Fn(&Place) -> anyhow::Result<Arc<dyn Credential>>>;

pub(crate) struct Built {
    pub at: AtPlace,
    /// What the kind serves beside.
    pub routes: Routes,
}

impl Built {
    /// The same credential at every place.
    pub fn everywhere(credential: impl Credential + 'static) -> Self {
        let credential: Arc<dyn Credential> = Arc::new(credential);
        Self { at: Box::new(move |_| Ok(Arc::clone(&credential))), routes: Routes::new() }
    }
}

/// What can stand in a quoted string as it is (RFC 9110 §5.6.4).
pub(super) fn quotable(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| matches!(letter, ' '..='~') && letter != '"' && letter != '\\';
    if text.chars().all(plain) { text.into() } else { text.replace(|letter| !plain(letter), "?").into() }
}
