//! Kinds of credential: how callers authenticate, and what the others are told.
//!
//! A kind is a file here with a `KIND`, and a line in [`KINDS`].
mod api_key;
mod basic;
mod bearer_keys;
mod bearer_token;
mod client_credentials;
mod device;
mod kind;
mod no_auth;
mod oauth;
mod security_keys;
pub(crate) mod session;

pub(crate) use kind::{Built, Kind, Setup};

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

pub(crate) fn kind(name: &str) -> anyhow::Result<&'static Kind> {
    let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    KINDS
        .iter()
        .find(|kind| kind.name == name)
        .ok_or_else(|| anyhow::anyhow!("there is no kind of surface {name:?}; there are {}", known()))
}
