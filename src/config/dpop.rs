//! Settings for proofs of possession (RFC 9449).
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DpopSettings {
    /// Whether the server accepts proofs and binds tokens to their keys.
    pub enabled: bool,
    /// Whether a proof needs a nonce of this server (RFC 9449 §8), which now and then costs clients a second request.
    pub require_nonce: bool,
}

impl Default for DpopSettings {
    fn default() -> Self {
        Self { enabled: true, require_nonce: false }
    }
}
