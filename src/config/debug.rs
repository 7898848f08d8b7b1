//! Settings about looking inside: `/debug` and `/metrics`.
use super::{Faults, hidden, rules::long};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

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

    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(token) = &self.admin_token {
            long(token, &["debug", "admin_token"], faults);
        }
    }
}
