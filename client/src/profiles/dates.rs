//! Dates as they stand in the file: texts (RFC 3339), as the first program with such a file writes them. Numbers of
//! seconds are read too.
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The last second of the year 9999, beyond which a date has no four digits.
const LAST_SECOND: i64 = 253_402_300_799;

#[allow(clippy::ref_option)] // as serde calls it
pub fn serialize<S: Serializer>(date: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    date.map(text).serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let date = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => seconds(&text),
        // Fractions of a second are cut off.
        #[allow(clippy::cast_possible_truncation)]
        Value::Number(number) => number.as_f64().map(|seconds| seconds as i64),
        _ => None,
    };
    date.map(Some).ok_or_else(|| D::Error::custom("no date"))
}

fn text(date: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(date.clamp(0, LAST_SECOND)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // Python before 3.11 does not read `Z`.
    date.format(&Rfc3339).unwrap_or_default().replace('Z', "+00:00")
}

/// Reads a date with `T` or a space, with or without fractions. Without an offset it is UTC.
fn seconds(text: &str) -> Option<i64> {
    let text = text.replacen(' ', "T", 1);
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    parse(&text).or_else(|| parse(&format!("{text}Z"))).map(OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_writer_are_read_and_written_as_texts() {
        for text in [
            "2026-11-30T05:28:15.079971+00:00",
            "2026-11-30T05:28:15+00:00",
            "2026-11-30 07:28:15+02:00",
            "2026-11-30T05:28:15Z",
            "2026-11-30T05:28:15",
        ] {
            assert_eq!(seconds(text), Some(1_796_016_495), "{text}");
        }
        assert_eq!(text(1_796_016_495), "2026-11-30T05:28:15+00:00");
        assert_eq!((text(i64::MAX), text(-1)), ("9999-12-31T23:59:59+00:00".to_owned(), text(0)));
        assert_eq!(seconds("tomorrow"), None);
    }
}
