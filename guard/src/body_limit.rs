//! How large a request body may be.
use serde::{Deserialize, Deserializer, de::Error};
use std::str::FromStr;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const LARGEST_BODY: usize = 64 * MIB;

/// Bytes of a request body that are taken: a number, or a text such as `8 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(usize);

impl BodyLimit {
    /// # Errors
    /// The number is less than 1 KiB or more than 64 MiB.
    pub fn of_bytes(bytes: usize) -> Result<Self, &'static str> {
        let rule = "a body limit is 1 KiB to 64 MiB, written as \"8 MiB\", \"512 KiB\" or a number of bytes";
        (KIB..=LARGEST_BODY).contains(&bytes).then_some(Self(bytes)).ok_or(rule)
    }

    #[must_use]
    pub fn bytes(self) -> usize {
        self.0
    }
}

impl Default for BodyLimit {
    fn default() -> Self {
        Self(8 * MIB)
    }
}

impl FromStr for BodyLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let unit = match unit.trim() {
            "" => Some(1),
            "KiB" => Some(KIB),
            "MiB" => Some(MIB),
            _ => None,
        };
        // What is no number, or has another unit, is as wrong as one out of bounds.
        let bytes = number.parse::<usize>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        Self::of_bytes(bytes.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for BodyLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(usize),
            Text(String),
        }
        let limit = match Written::deserialize(deserializer) {
            Ok(Written::Bytes(bytes)) => Self::of_bytes(bytes),
            Ok(Written::Text(text)) => text.parse(),
            Err(_) => Self::of_bytes(0),
        };
        limit.map_err(D::Error::custom)
    }
}
