//! The only asker of the time: the system's, or a hand that tests move. Whole seconds, UTC, as JWT dates are.
pub use keyward_oauth::date::{date, parse};

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

#[derive(Clone, Debug, Default)]
pub struct Clock {
    hand: Arc<Hand>,
    stopped_at: Option<OffsetDateTime>,
}

#[derive(Debug, Default)]
struct Hand {
    /// Seconds by which tests move it.
    ahead: AtomicI64,
    moved: Notify,
}

impl Clock {
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the one place that may ask the system
    pub fn now(&self) -> OffsetDateTime {
        let hand = self.stopped_at.unwrap_or_else(OffsetDateTime::now_utc);
        let now = hand + Duration::seconds(self.hand.ahead.load(Ordering::Relaxed));
        now.replace_nanosecond(0).unwrap_or(now)
    }

    /// One that stands still until it is moved (tests).
    #[must_use]
    pub fn stopped() -> Self {
        Self { stopped_at: Some(Self::default().now()), ..Self::default() }
    }

    /// Moves this clock and all its clones forward (tests).
    pub fn advance(&self, by: Duration) {
        self.hand.ahead.fetch_add(by.whole_seconds(), Ordering::Relaxed);
        self.hand.moved.notify_waiters();
    }

    /// Until so much time has passed, be it by hand. A system's clock that is set prolongs nothing.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        loop {
            let moved = self.hand.moved.notified();
            let left = until - self.now();
            if !left.is_positive() {
                return;
            }
            tokio::select! {
                () = moved => {}
                () = tokio::time::sleep(left.unsigned_abs()), if self.stopped_at.is_none() => return,
            }
        }
    }
}
