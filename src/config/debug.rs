//! Settings about looking inside: `/debug` and `/metrics`.
use super::hidden;
use anyhow::ensure;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What is shorter can be guessed.
const MIN_SECRET: usize = 16;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Debug {
    /// At least 16 characters: who sends it as a bearer token may look. Without it there is nothing to look at.
    #[serde(serialize_with = "hidden::maybe")]
    pub admin_token: Option<SecretString>,
    /// The demo lets in whoever is on this machine: no setting.
    #[serde(skip)]
    pub this_machine: bool,
}

impl Debug {
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.this_machine || self.admin_token.is_some()
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let long = |token: &SecretString| token.expose_secret().chars().count() >= MIN_SECRET;
        ensure!(
            self.admin_token.as_ref().is_none_or(long),
            "debug.admin_token needs at least {MIN_SECRET} characters; `openssl rand -hex 32` makes one"
        );
        Ok(())
    }
}
