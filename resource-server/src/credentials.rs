//! Kinds of credential: how a caller shows who they are, and how those who do not are told.
//!
//! A kind is a file here with a `KIND`, and a line in [`KINDS`].
mod api_key;
mod basic;
mod bearer_token;
mod client_credentials;
mod device;
pub(crate) mod keys;
mod no_auth;
pub(crate) mod oauth;
mod security_keys;
pub(crate) mod session;

use crate::{
    accounts,
    api::Routes,
    caller::Caller,
    challenge::Refusal,
    clock::Clock,
    dpop,
    jwks::Issuer,
    metadata::ProtectedResource,
    origin::Allowed,
    scopes::Policy,
    settings::{KeySettings, Secret, SurfaceSettings},
    wire::Message,
};
use axum::http::request::Parts;
use futures_util::future::BoxFuture;
use keys::Keys;
use serde_json::Value;
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

/// What a gate asks for.
pub(crate) trait Credential: Send + Sync {
    /// Judges the credential of a request, and takes it off: it was for us, and goes no further.
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>>;

    /// The credential is good, and not for this; `scope` names all to ask for (RFC 6750 §3.1).
    fn insufficient_scope(&self, caller: &Caller, id: &Value, scope: &str, data: Value) -> Refusal;

    /// The authentication scheme; `none` where anybody may call.
    fn scheme(&self) -> &'static str {
        "Bearer"
    }

    /// Headers that it is brought in, beside `Authorization`.
    fn headers(&self) -> Vec<&str> {
        Vec::new()
    }

    /// What must be known of the sign-in behind the credential, for this message or for any (RFC 9470 §3).
    fn check_sign_in(&self, _: &Caller, _: Option<&Message>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Of an OAuth protected resource.
    fn metadata(&self) -> Option<ProtectedResource> {
        None
    }
}

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

/// One of the places where a surface is found.
pub(crate) struct Place {
    /// As clients are given it.
    pub url: String,
    /// Where messages go: `url`, but for the transport that has another place for them.
    pub posts_to: String,
    /// The URLs of all places of the surface, this one among them.
    pub all: Vec<String>,
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

/// Secrets, to be found by their hashes.
pub(crate) fn keys_of(settings: &[KeySettings]) -> Keys {
    Keys::new(settings)
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
