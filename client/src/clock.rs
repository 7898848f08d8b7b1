//! The system's clock, which nothing else reads.
use time::OffsetDateTime;

/// Seconds since 1970, as JWTs (RFC 7519 §2) and profiles have them.
#[allow(clippy::disallowed_methods)] // the one place that may ask the system
pub fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
