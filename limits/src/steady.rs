//! A clock that never runs backwards: setting the system's clock back prolongs no wait and no window.
use time::OffsetDateTime;

/// Milliseconds that only grow, derived from a clock that may be set.
#[derive(Debug, Default)]
pub(crate) struct SteadyClock {
    latest: i64,
    /// How far the system's clock was set back, in total.
    behind: i64,
}

impl SteadyClock {
    pub fn at(&mut self, now: OffsetDateTime) -> i64 {
        let now = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX / 2);
        let steady = now + self.behind;
        if steady < self.latest {
            self.behind += self.latest - steady;
        }
        self.latest = self.latest.max(steady);
        self.latest
    }
}

/// Whole seconds and at least one, as `Retry-After` has them (RFC 9110 §10.2.3).
pub(crate) fn seconds(millis: i64) -> u64 {
    u64::try_from(millis.max(1)).unwrap_or(1).div_ceil(1_000)
}
