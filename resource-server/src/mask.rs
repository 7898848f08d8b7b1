//! Hides credentials in what is written for people.
use crate::{
    digest::{self, Digest},
    settings::Settings,
};
use serde_json::Value;
use std::collections::HashSet;

/// Parts of names of members that hold credentials, without case and the marks between words.
const TELLING: [&str; 9] =
    ["password", "passphrase", "secret", "token", "code", "apikey", "assertion", "authorization", "cookie"];

/// How credentials begin that are issued: JWTs, those made here, and those of Keyward.
const ISSUED: [&str; 10] = ["eyJ", "static_", "mk_", "srt_", "kwa_", "kwc_", "kwd_", "kwm_", "kwr_", "kws_"];
/// Bytes of them; what is shorter may well be a word.
const SHORTEST_ISSUED: usize = 20;

/// What is a credential here, by its name or by being one.
pub(crate) struct Masker {
    telling: Vec<String>,
    /// Of all secrets of the configuration: whoever sends one under another name, or in the middle of a text, still
    /// sent a secret.
    known: HashSet<Digest>,
}

/// Enough to tell two credentials apart: `sha256:<12 hex> (len=N)`.
fn credential(text: &str) -> String {
    format!("sha256:{} (len={})", digest::fingerprint(&digest::of(text.as_bytes())), text.len())
}

impl Masker {
    pub fn new(settings: &Settings) -> Self {
        let headers = settings.surfaces.iter().flat_map(|surface| surface.headers.keys()).map(|name| plain(name));
        Self {
            telling: TELLING.into_iter().map(str::to_owned).chain(headers).collect(),
            known: settings.secrets().map(|(secret, _)| secret.digest()).collect(),
        }
    }

    /// The same, with all that members named like credentials hold masked, at any depth, JSON in texts included.
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

    /// The same without secrets, whatever members are named.
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

    /// A text without the secrets that are among its words.
    pub fn text(&self, text: &str) -> String {
        let issued = |word: &str| word.len() >= SHORTEST_ISSUED && ISSUED.iter().any(|start| word.starts_with(start));
        let known = |word: &str| !self.known.is_empty() && self.known.contains(&digest::of(word.as_bytes()));
        let secret = |word: &str| issued(word) || known(word);
        if known(text) {
            return credential(text);
        }
        let between = |letter: char| letter.is_whitespace() || "\"'`,;=&?<>()[]{}".contains(letter);
        let words = text.split_inclusive(between).map(|piece| {
            let word = piece.trim_end_matches(between);
            if secret(word) { format!("{}{}", credential(word), &piece[word.len()..]) } else { piece.to_owned() }
        });
        words.collect()
    }
}

/// `X-Api-Key`, `api_key` and `apiKey` are the same name.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn masker() -> Masker {
        Masker::new(&Settings::built_in().unwrap())
    }

    #[test]
    fn credentials_are_hidden_at_any_depth_and_nothing_else_is() {
        let value =
            json!({"name": "a", "Password": "hunter2", "nested": [{"user_code": "AB", "access_token": {"a": 1}}]});
        let masked = masker().masked(&value);
        assert_eq!(masked["name"], "a");
        assert_eq!(masked["Password"], "sha256:f52fbd32b2b3 (len=7)");
        assert!(masked["nested"][0]["user_code"].as_str().unwrap().ends_with("(len=2)"));
        assert!(masked["nested"][0]["access_token"].as_str().unwrap().starts_with("sha256:"));
    }

    #[test]
    fn each_name_of_a_credential_hides_it_however_it_is_spelled() {
        for name in [
            "password",
            "client_secret",
            "clientSecret",
            "refresh_token",
            "code",
            "code_verifier",
            "api_key",
            "apiKey",
            "X-API-Key",
            "client_assertion",
            "user_code",
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "X-GitHub-Token",
            "x-brave-key",
            "x_brave_key",
        ] {
            let masked =
                masker().masked(&json!({"a": [{name: "tell-tale"}], "b": json!({name: "tell-tale"}).to_string()}));
            assert!(!masked.to_string().contains("tell-tale"), "{name}: {masked}");
            assert!(masked["b"].as_str().unwrap().contains("(len=9)"), "{name}: {masked}");
        }
    }

    #[test]
    fn a_secret_that_is_known_or_was_issued_is_hidden_whatever_it_is_called() {
        for text in [
            "test-api-key-12345",
            "Bearer test-api-key-12345",
            "(test-api-key-12345), please",
            "?k=test-api-key-12345&a",
        ] {
            let masked = masker().masked(&json!({"message": text, text: [text]}));
            assert!(!masked.to_string().contains("test-api-key-12345"), "{masked}");
        }
        let harmless = json!({"message": "an  ordinary, (text)", "half": "test-api-key"});
        assert_eq!(masker().masked(&harmless), harmless);
    }
}
