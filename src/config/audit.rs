//! Settings of the audit trail.
use super::Faults;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Whether each issued access token is an event too.
    pub tokens: bool,
    /// Seconds that an event is kept; 0 keeps events for ever.
    pub keep: u32,
    /// Bytes that all events may take; 0 sets no bound. Beyond it, the oldest events are deleted.
    pub max_bytes: u64,
}

/// Bytes: the smallest allowed `max_bytes`; less would hold too few events to be a trail.
const MIN_TRAIL_BYTES: u64 = 1024 * 1024;

impl Default for AuditSettings {
    fn default() -> Self {
        Self { tokens: true, keep: 365 * 86_400, max_bytes: 2 * 1024 * 1024 * 1024 }
    }
}

impl AuditSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        let enough = self.max_bytes == 0 || self.max_bytes >= MIN_TRAIL_BYTES;
        let text = format!(
            "{} is too little; it must be at least {MIN_TRAIL_BYTES} (1 MiB), or 0 for no bound",
            self.max_bytes
        );
        faults.ensure(enough, &["audit", "max_bytes"], text);
    }

    /// Bytes; `None` if there is no bound.
    #[must_use]
    pub fn room(&self) -> Option<i64> {
        (self.max_bytes > 0).then(|| i64::try_from(self.max_bytes).unwrap_or(i64::MAX))
    }

    /// Whether events are kept for ever.
    #[must_use]
    pub fn keeps_all(&self) -> bool {
        self.keep == 0 && self.max_bytes == 0
    }
}
