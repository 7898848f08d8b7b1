//! The only asker of the time.
use time::OffsetDateTime;

/// Seconds since 1970, as JWT dates and profiles have them.
#[allow(clippy::disallowed_methods)] // the one place that may ask the system
pub fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
