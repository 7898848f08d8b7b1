//! Settings about proofs of possession (RFC 9449).
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dpop {
    /// Take proofs and bind tokens to their keys.
    pub enabled: bool,
    /// Take only proofs with a nonce of ours (RFC 9449 §8); costs clients a second request now and then.
    pub require_nonce: bool,
}

impl Default for Dpop {
    fn default() -> Self {
        Self { enabled: true, require_nonce: false }
    }
}
