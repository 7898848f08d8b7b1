//! Signed inputs: a JSON object has header, claims and key, so that changes are made before it is signed.
use crate::support::client_key::ClientKey;
use keyward::secrets::{base64url, random};
use serde_json::{Value, json};

/// Keys by the name inputs know them by.
pub struct Keys(Vec<(&'static str, ClientKey)>);

impl Keys {
    pub fn new() -> Self {
        let own = [("es256", ClientKey::es256("es")), ("eddsa", ClientKey::ed25519("ed"))];
        let more = [("rs256", ClientKey::rs256("rs")), ("stranger", ClientKey::es256("es"))];
        Self(own.into_iter().chain(more).collect())
    }

    fn find(&self, name: &str) -> Option<&ClientKey> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, key)| key)
    }

    pub fn jwk(&self, name: &str) -> &Value {
        &self.find(name).unwrap().jwk
    }

    /// All but the stranger's.
    pub fn jwks(&self) -> Value {
        let own = self.0.iter().filter(|(name, _)| *name != "stranger");
        json!({"keys": own.map(|(_, key)| &key.jwk).collect::<Vec<_>>()})
    }
}

/// An input that is an object, its holes filled.
pub struct Jws {
    pub header: Value,
    pub claims: Value,
    pub key: String,
    /// A byte of the signed text to change, if any.
    spoil: Option<usize>,
}

impl Jws {
    /// `now` in seconds since the epoch; `more` are holes and what is put there.
    pub fn parse(input: &[u8], keys: &Keys, now: i64, more: &[(&str, &str)]) -> Option<Self> {
        let object = serde_json::from_slice::<Value>(input).ok().filter(Value::is_object)?;
        let key = object["key"].as_str().unwrap_or("none").to_owned();
        let jwk = keys.find(&key).map(|key| &key.jwk);
        let part = |name: &str| filled(&object[name], now, jwk, more);
        let spoil = object["spoil"].as_u64().and_then(|at| at.try_into().ok());
        Some(Self { header: part("header"), claims: part("claims"), key, spoil })
    }

    /// `None` if there is no such key.
    pub fn signed(&self, keys: &Keys) -> Option<String> {
        let text = if self.key == "none" {
            format!("{}.{}.", base64url(self.header.to_string()), base64url(self.claims.to_string()))
        } else {
            keys.find(&self.key)?.sign(&self.header, &self.claims)
        };
        Some(self.spoiled(text))
    }

    pub fn spoiled(&self, text: String) -> String {
        let Some(at) = self.spoil.map(|at| at % text.len()) else { return text };
        let other = if text.as_bytes()[at] == b'A' { "Q" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    }

    pub fn is_spoiled(&self) -> bool {
        self.spoil.is_some()
    }
}

/// `{now+60}` is a date, `{jti}` is new, `{jwk}` the public key.
fn filled(value: &Value, now: i64, jwk: Option<&Value>, more: &[(&str, &str)]) -> Value {
    let filled = |value: &Value| filled(value, now, jwk, more);
    match value {
        Value::String(text) => match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some("jti") => json!(random()),
            Some("jwk") => jwk.cloned().unwrap_or_default(),
            Some(hole) => match hole.strip_prefix("now") {
                Some("") => json!(now),
                Some(later) => later.parse().map_or_else(|_| value.clone(), |later: i32| json!(now + i64::from(later))),
                None => {
                    more.iter().find(|(name, _)| *name == hole).map_or_else(|| value.clone(), |found| json!(found.1))
                }
            },
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), filled(member))).collect(),
        other => other.clone(),
    }
}

/// A date as JSON numbers are.
#[allow(clippy::cast_precision_loss)] // exact for longer than anybody will run this
pub fn seconds(date: i64) -> f64 {
    date as f64
}
