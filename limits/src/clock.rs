//! The only asker of the time: the system's, or a hand that tests move. Dates are whole seconds, UTC, so that JWT dates and
//! databases compare and round-trip alike. Ages also count what passed, which nobody can set.
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

#[derive(Clone, Debug)]
pub struct Clock {
    hand: Arc<Hand>,
    started: Instant,
    stopped_at: Option<OffsetDateTime>,
}

#[derive(Debug, Default)]
struct Hand {
    /// Seconds by which tests let time pass, ...
    passed: AtomicI64,
    /// ... and by which they set the clock, without any passing.
    set: AtomicI64,
    moved: Notify,
}

/// A point in time that an age can be measured from, by this process.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    at: OffsetDateTime,
    /// Since the clock was started.
    passed: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self { hand: Arc::default(), started: Instant::now(), stopped_at: None }
    }
}

impl Clock {
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let now = self.exact();
        now.replace_nanosecond(0).unwrap_or(now)
    }

    #[allow(clippy::disallowed_methods)] // the one place that may ask the system
    fn exact(&self) -> OffsetDateTime {
        let hand = self.stopped_at.unwrap_or_else(OffsetDateTime::now_utc);
        hand + self.passed_by_hand() + Duration::seconds(self.hand.set.load(Ordering::Relaxed))
    }

    fn passed_by_hand(&self) -> Duration {
        Duration::seconds(self.hand.passed.load(Ordering::Relaxed))
    }

    #[must_use]
    pub fn moment(&self) -> Moment {
        let running = if self.stopped_at.is_some() { std::time::Duration::ZERO } else { self.started.elapsed() };
        let running = Duration::try_from(running).unwrap_or(Duration::MAX);
        Moment { at: self.exact(), passed: running.saturating_add(self.passed_by_hand()) }
    }

    /// How long ago that was: by the dates, or by what passed, whichever is longer. So a clock that is set back makes
    /// nothing younger, nor does a machine that slept.
    #[must_use]
    pub fn age(&self, since: Moment) -> Duration {
        let now = self.moment();
        (now.at - since.at).max(now.passed.saturating_sub(since.passed))
    }

    /// One that stands still until it is moved (tests).
    #[must_use]
    pub fn stopped() -> Self {
        Self { stopped_at: Some(Self::default().now()), ..Self::default() }
    }

    /// Lets time pass for this clock and all its clones (tests).
    pub fn advance(&self, by: Duration) {
        self.hand.passed.fetch_add(by.whole_seconds(), Ordering::Relaxed);
        self.hand.moved.notify_waiters();
    }

    /// Sets this clock and all its clones forward or back, while no time passes (tests).
    pub fn set(&self, by: Duration) {
        self.hand.set.fetch_add(by.whole_seconds(), Ordering::Relaxed);
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

impl Moment {
    /// By how much the clock was set back since that other one; zero if it was not.
    #[must_use]
    pub fn set_back_since(self, before: Self) -> Duration {
        let passed = self.passed.saturating_sub(before.passed);
        passed.saturating_sub(self.at - before.at).max(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_counts_what_passed_and_no_hand_makes_it_less() {
        let clock = Clock::stopped();
        let since = clock.moment();
        clock.advance(Duration::seconds(10));
        assert_eq!((clock.age(since), clock.moment().set_back_since(since)), (Duration::seconds(10), Duration::ZERO));
        clock.set(Duration::hours(-1));
        assert_eq!(
            (clock.age(since), clock.moment().set_back_since(since)),
            (Duration::seconds(10), Duration::hours(1))
        );
        clock.set(Duration::hours(2));
        assert_eq!(clock.age(since), Duration::hours(1) + Duration::seconds(10));
        assert_eq!(clock.moment().set_back_since(since), Duration::ZERO);
    }
}
