//! Time that never runs backwards: a clock that is set back prolongs no wait and no window.
use time::OffsetDateTime;

/// Milliseconds that only grow, made of a clock that may be set.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    latest: i64,
    /// What the clock was set back by, in all.
    behind: i64,
}

impl Steady {
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

/// Whole seconds, and at least one: what `Retry-After` says.
pub(crate) fn seconds(millis: i64) -> u64 {
    u64::try_from(millis.max(1)).unwrap_or(1).div_ceil(1_000)
}
