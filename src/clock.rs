//! The only asker of the time: the system's, or a hand that tests move; and the only reader of others' dates.
//! Dates are whole seconds, UTC, so that JWT dates and both databases compare and round-trip alike. Ages also count
//! what passed, which nobody can set.
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Clone, Debug)]
pub struct Clock {
    /// Seconds by which tests let time pass, ...
    passed: Arc<AtomicI64>,
    /// ... and by which they set the clock, without any passing.
    set: Arc<AtomicI64>,
    started: Instant,
    stopped_at: Option<OffsetDateTime>,
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
        Self { passed: Arc::default(), set: Arc::default(), started: Instant::now(), stopped_at: None }
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
        hand + Duration::seconds(self.passed.load(Ordering::Relaxed) + self.set.load(Ordering::Relaxed))
    }

    #[must_use]
    pub fn moment(&self) -> Moment {
        let running = if self.stopped_at.is_some() { std::time::Duration::ZERO } else { self.started.elapsed() };
        let running = Duration::try_from(running).unwrap_or(Duration::MAX);
        let passed = running.saturating_add(Duration::seconds(self.passed.load(Ordering::Relaxed)));
        Moment { at: self.exact(), passed }
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
        self.passed.fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }

    /// Sets this clock and all its clones forward or back, while no time passes (tests).
    pub fn set(&self, by: Duration) {
        self.set.fetch_add(by.whole_seconds(), Ordering::Relaxed);
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

/// By how much the clocks of two nodes may differ. What was dated further in the future was so before the clock was set
/// back, and nobody knows how long ago that is.
pub const NODES_DIFFER: Duration = Duration::minutes(2);

/// Dates of others up to the year 9000: whatever is added to one here, and whatever its offset, is still a date.
const LATEST: i64 = 221_845_392_000;
const RANGE: &str = "dates must be between the years 1970 and 9000";

/// What is no date, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDate(pub &'static str);

impl fmt::Display for NoDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoDate {}

/// Seconds since the epoch, as JWTs and databases have dates (RFC 7519 §2).
pub fn date(seconds: i64) -> Result<OffsetDateTime, NoDate> {
    let known = (0..=LATEST).contains(&seconds);
    known.then(|| OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)).ok_or(NoDate(RANGE))
}

/// Of RFC 3339: in UTC, and whole seconds.
#[allow(clippy::disallowed_methods)] // the one place that may read a text as a date
pub fn parse(text: &str) -> Result<OffsetDateTime, NoDate> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NoDate("it is no date and time of RFC 3339"))?;
    date(parsed.unix_timestamp())
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

    #[test]
    fn a_date_at_the_edge_of_its_type_is_none() {
        for good in ["1970-01-01T00:00:00Z", "1970-01-01T23:59:59+23:59", "2026-11-30T01:00:00.9-05:00"] {
            assert_eq!(parse(good).unwrap().offset(), time::UtcOffset::UTC, "{good}");
        }
        for bad in [
            "9999-12-31T23:59:59-23:59",
            "9999-12-31T23:59:59Z",
            "9001-01-01T00:00:00Z",
            "0000-01-01T00:00:00+23:59",
            "1969-12-31T23:59:59Z",
            "+10000-01-01T00:00:00Z",
            "2026-11-30",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for seconds in [i64::MIN, -1, LATEST + 1, 253_402_300_799, i64::MAX] {
            assert_eq!(date(seconds), Err(NoDate(RANGE)), "{seconds}");
        }
        let (first, last) = (date(0).unwrap(), date(LATEST).unwrap());
        let longest = Duration::seconds(u32::MAX.into());
        assert!(first.checked_sub(longest).is_some() && last.checked_add(longest).is_some());
    }
}
