//! Settings for connections: how many may be open at once, and how long they may outlast a stopping server.
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSettings {
    /// All connections; never more than three quarters of the files that the process may open.
    pub total: NonZeroUsize,
    /// Connections of one address that is not in `trusted_proxies`.
    pub per_source: NonZeroUsize,
    /// Seconds that running responses may still take after the server was asked to stop.
    pub grace: u16,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        let or_one = |count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        Self { total: or_one(1_024), per_source: or_one(128), grace: 30 }
    }
}
