//! Settings for clients' logos.
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogoSettings {
    /// Whether the server fetches, stores and shows the `logo_uri` of clients (RFC 7591 §2); if not, pages show an
    /// initial letter.
    pub enabled: bool,
}

impl Default for LogoSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}
