//! Dates in received data (RFC 7519 §2, RFC 3339): parsed to whole seconds, UTC.
use std::fmt;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// Seconds since the epoch (year 9000): adding a duration or an offset to an accepted date cannot overflow.
const LATEST_SECONDS: i64 = 221_845_392_000;
const RANGE: &str = "dates must be between the years 1970 and 9000";

/// Why a value is not a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDate(pub &'static str);

impl fmt::Display for InvalidDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidDate {}

/// Seconds since the epoch, the form of dates in JWTs and databases (RFC 7519 §2).
pub fn date(seconds: i64) -> Result<OffsetDateTime, InvalidDate> {
    let known = (0..=LATEST_SECONDS).contains(&seconds);
    known.then(|| OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)).ok_or(InvalidDate(RANGE))
}

/// Parses RFC 3339; the result is in UTC and in whole seconds.
#[allow(clippy::disallowed_methods)] // only here a text may be parsed as a date
pub fn parse(text: &str) -> Result<OffsetDateTime, InvalidDate> {
    let parsed =
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidDate("it is no date and time of RFC 3339"))?;
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
        for seconds in [i64::MIN, -1, LATEST_SECONDS + 1, 253_402_300_799, i64::MAX] {
            assert_eq!(date(seconds), Err(InvalidDate(RANGE)), "{seconds}");
        }
        let (first, last) = (date(0).unwrap(), date(LATEST_SECONDS).unwrap());
        let longest = Duration::seconds(u32::MAX.into());
        assert!(first.checked_sub(longest).is_some() && last.checked_add(longest).is_some());
    }
}
