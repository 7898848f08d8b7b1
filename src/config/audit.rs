//! Settings of the audit trail.
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Each access token that is issued is an event too.
    pub tokens: bool,
    /// Seconds that an event is kept; 0 is for ever.
    pub keep: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self { tokens: true, keep: 365 * 86_400 }
    }
}
