//! One counter of wrong tries, and the waits that grow with it.
use time::Duration;

/// How many wrong tries within `window` cost nothing, and the waits after them: each is twice the one before.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    pub free: u32,
    pub first: Duration,
    pub longest: Duration,
    pub window: Duration,
}

impl Growth {
    const fn new(free: u32, longest: Duration) -> Self {
        Self { free, first: Duration::seconds(30), longest, window: Duration::minutes(15) }
    }
}

/// The waits for an account and a source together, for a source at many accounts, and for an account from many sources.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    pub pair: Growth,
    pub source: Growth,
    pub account: Growth,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            pair: Growth::new(5, Duration::hours(1)),
            // Honest people share these counters, so the waits are shorter.
            source: Growth::new(30, Duration::minutes(5)),
            account: Growth::new(50, Duration::minutes(5)),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    pub wrong: u32,
    /// Tries that are booked and not judged yet.
    pub pending: u32,
    /// The time of the last wrong try, or of the first booking where none was wrong, in milliseconds.
    pub last: i64,
}

impl Counter {
    fn waits_until(&self, growth: Growth) -> i64 {
        let beyond = self.wrong.checked_sub(growth.free);
        self.last + beyond.map_or(0, |beyond| delay(growth, beyond))
    }

    pub fn wait(&self, growth: Growth, now: i64) -> i64 {
        (self.waits_until(growth) - now).max(0)
    }

    /// Whether the whole window passed without a wrong try. A wait does not count as part of the window.
    pub fn is_forgotten(&self, growth: Growth, now: i64) -> bool {
        now - self.waits_until(growth) > millis(growth.window)
    }
}

fn delay(growth: Growth, beyond: u32) -> i64 {
    millis(growth.first).saturating_mul(1 << beyond.min(20)).min(millis(growth.longest))
}

fn millis(duration: Duration) -> i64 {
    duration.whole_seconds().saturating_mul(1_000)
}
