//! Kinds of credential: how a caller shows who they are, and how those who do not are told.
//!
//! A kind is a file here with a `KIND`, and a line in [`KINDS`].
mod api_key;
mod basic;
mod bearer_keys;
mod bearer_token;
mod client_credentials;
mod device;
mod no_auth;
mod oauth;
mod security_keys;
pub(crate) mod session;

use crate::{
    accounts,
    settings::{Secret, SurfaceSettings},
};
use keyward_guard::{Place, clock::Clock, credential::Credential, dpop, jwks::Issuer, origin::Allowed, scopes::Policy};
use keyward_shared::api::Routes;
use std::{borrow::Cow, sync::Arc};

const KINDS: &[Kind] = &[
    oauth::KIND,
    client_credentials::KIND,
    device::KIND,
    bearer_token::KIND,
    api_key::KIND,
    basic::KIND,
    security_keys::KIND,
    no_auth::KIND,
    session::KIND,
];

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
    fn everywhere(credential: impl Credential + 'static) -> Self {
        let credential: Arc<dyn Credential> = Arc::new(credential);
        Self { at: Box::new(move |_| Ok(Arc::clone(&credential))), routes: Routes::new() }
    }
}

pub(crate) fn kind(name: &str) -> anyhow::Result<&'static Kind> {
    let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    KINDS
        .iter()
        .find(|kind| kind.name == name)
        .ok_or_else(|| anyhow::anyhow!("there is no kind of surface {name:?}; there are {}", known()))
}

/// What can stand in a quoted string as it is (RFC 9110 §5.6.4).
fn quotable(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| matches!(letter, ' '..='~') && letter != '"' && letter != '\\';
    if text.chars().all(plain) { text.into() } else { text.replace(|letter| !plain(letter), "?").into() }
}
