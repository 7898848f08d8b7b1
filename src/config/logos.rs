//! Settings about the logos of clients.
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logos {
    /// Fetch, keep and show what clients name as their `logo_uri` (RFC 7591 §2); else their initial letter is shown.
    pub enabled: bool,
}

impl Default for Logos {
    fn default() -> Self {
        Self { enabled: true }
    }
}
