//! The only asker of the time: the system's, or a hand that tests move; and the only reader of others' dates. Whole
//! seconds, UTC, as JWT dates are.
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
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
