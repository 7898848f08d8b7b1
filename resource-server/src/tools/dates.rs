//! Dates, as results spell them.
use time::Date;

/// A date as `2026-12-31` (RFC 3339 §5.6 `full-date`).
pub(super) fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}
