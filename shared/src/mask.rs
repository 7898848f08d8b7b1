//! Hides credentials in text for people.
mod clean;
mod finder;
mod views;

use clean::CleanTexts;
use finder::SecretFinder;
use keyward_oauth::digest::Digest;
use serde_json::Value;
use std::{ops::Range, sync::Arc};

/// Parts of the names of members that hold credentials; case and separators are ignored.
const TELLING: [&str; 9] =
    ["password", "passphrase", "secret", "token", "code", "apikey", "assertion", "authorization", "cookie"];

/// Bytes of a text that is searched; a longer one is hidden completely.
const MAX_SEARCHED_BYTES: usize = 64 * 1024;

/// Recognises credentials by the names of their members, and by their values.
#[derive(Clone)]
pub struct Masker {
    telling: Vec<String>,
    /// Finds all secrets of the settings, even when they are sent under another name or inside a text.
    finder: SecretFinder,
    /// `None`: of no text it is remembered that it holds none of them.
    clean: Option<Arc<CleanTexts>>,
}

/// Enough to tell two credentials apart: `sha256:<12 hex> (len=N)`.
fn credential(text: &str) -> String {
    format!("sha256:{} (len={})", Digest::of(text).fingerprint(), text.len())
}

impl Masker {
    /// A masker for these secrets, and for everything that looks like an issued credential.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let mut finder = SecretFinder::new()?;
        secrets.into_iter().for_each(|secret| finder.know(secret));
        Ok(Self { telling: TELLING.map(str::to_owned).to_vec(), finder, clean: Some(Arc::default()) })
    }

    /// Also treats members with these names as credentials.
    #[must_use]
    pub fn telling<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.telling.extend(names.into_iter().map(plain));
        self
    }

    /// Also hides these secrets.
    #[must_use]
    pub fn beside<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut masker = Self { clean: None, ..self.clone() };
        secrets.into_iter().for_each(|secret| masker.finder.know(secret));
        masker
    }

    /// Masks the values of all members that are named like credentials, at any depth and in JSON inside strings.
    #[must_use]
    pub fn masked(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mask = |(name, member): (&String, &Value)| {
                    let plain = plain(name);
                    let telling = self.telling.iter().any(|part| plain.contains(part));
                    (self.text(name), if telling { hidden(member) } else { self.masked(member) })
                };
                Value::Object(members.iter().map(mask).collect())
            }
            Value::Array(items) => items.iter().map(|item| self.masked(item)).collect(),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(inner @ (Value::Object(_) | Value::Array(_))) => self.masked(&inner).to_string().into(),
                _ => self.text(text).into(),
            },
            other => other.clone(),
        }
    }

    /// Masks secrets by their values only, whatever the names of their members.
    #[must_use]
    pub fn without_secrets(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                members.iter().map(|(name, member)| (self.text(name), self.without_secrets(member))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.without_secrets(item)).collect(),
            Value::String(text) => self.text(text).into(),
            other => other.clone(),
        }
    }

    /// Whether there is nothing to mask in a text.
    #[must_use]
    pub fn is_clean(&self, text: &str) -> bool {
        text.len() <= MAX_SEARCHED_BYTES && self.places(text).is_empty()
    }

    /// Where the secrets are in a text. One that was found clean lately is not searched again.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        if self.clean.as_ref().is_some_and(|clean| clean.holds(text)) {
            return vec![];
        }
        let places = self.finder.find(text);
        if let Some(clean) = self.clean.as_ref().filter(|_| places.is_empty()) {
            clean.add(text);
        }
        places
    }

    /// Masks the secrets inside a text.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if text.len() > MAX_SEARCHED_BYTES {
            return credential(text);
        }
        let (mut masked, mut at) = (String::new(), 0);
        for place in self.places(text) {
            // Extended to whole characters, because a decoded range may begin inside one.
            let (start, end) = (text.floor_char_boundary(place.start).max(at), text.ceil_char_boundary(place.end));
            masked.push_str(&text[at..start]);
            masked.push_str(&credential(&text[start..end]));
            at = end;
        }
        masked.push_str(&text[at..]);
        masked
    }
}

/// Treats `X-Api-Key`, `api_key` and `apiKey` as the same name.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !['-', '_', ' ', '.'].contains(letter)).flat_map(char::to_lowercase).collect()
}

fn hidden(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::String(text) => credential(text).into(),
        other => credential(&other.to_string()).into(),
    }
}
