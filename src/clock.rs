//! The only asker of the time: the system's, or a hand that tests move. Whole seconds, UTC, so that JWT dates
//! and both databases compare and round-trip alike.
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use time::{Duration, OffsetDateTime};

#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Seconds.
    moved: Arc<AtomicI64>,
    stopped_at: Option<OffsetDateTime>,
}

impl Clock {
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the one place that may ask the system
    pub fn now(&self) -> OffsetDateTime {
        let hand = self.stopped_at.unwrap_or_else(OffsetDateTime::now_utc);
        let now = hand + Duration::seconds(self.moved.load(Ordering::Relaxed));
        now.replace_nanosecond(0).unwrap_or(now)
    }

    /// One that stands still until it is moved (tests).
    #[must_use]
    pub fn stopped() -> Self {
        Self { moved: Arc::default(), stopped_at: Some(Self::default().now()) }
    }

    /// Moves this clock and all its clones forward (tests).
    pub fn advance(&self, by: Duration) {
        self.moved.fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }
}
