//! Settings for `/debug` and `/metrics`.
use super::{Faults, hidden, rules::long};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DebugSettings {
    /// The operator's bearer token, which opens both, at least 16 characters. Without it neither is served.
    #[serde(serialize_with = "hidden::maybe")]
    pub admin_token: Option<SecretString>,
    /// The demo admits everybody on this machine. This is not a setting.
    #[serde(skip)]
    pub this_machine: bool,
}

impl DebugSettings {
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
