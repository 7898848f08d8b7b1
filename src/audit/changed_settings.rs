//! Records which settings changed since the last start: names only, as values may be secret.
use super::{Event, Trail};
use crate::{config::Config, events::EventType, secrets::base64url, storage::settings};
use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};

/// The name under which the digests of the last start are stored.
const STORED_AS: &str = "settings";
/// Bytes of each digest that are kept.
const DIGEST_BYTES: usize = 16;

/// Compares the settings with those of the last start. `key` is for the digests of the values.
pub async fn record(trail: &Trail, config: &Config, key: &hmac::Key) -> anyhow::Result<()> {
    let now = digests(config.to_compare(key)?, key);
    let before = settings::replace(&trail.db, STORED_AS, now.to_string().as_bytes()).await?;
    // Older versions stored another format, which cannot be compared.
    let before = before.and_then(|before| serde_json::from_slice::<Map<String, Value>>(&before).ok());
    let mut names = Vec::new();
    if let Some(before) = before {
        compare(&Value::Object(before), &now, "", &mut names);
    }
    if !names.is_empty() {
        Event::new(EventType::ConfigChange).details(json!({ "settings": names })).record(trail).await;
    }
    Ok(())
}

/// The same tree with a digest in the place of each value, and without unset members.
fn digests(settings: Value, key: &hmac::Key) -> Value {
    match settings {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, digests(value, key))).collect())
        }
        value => base64url(&hmac::sign(key, value.to_string().as_bytes()).as_ref()[..DIGEST_BYTES]).into(),
    }
}

/// A table that was added or removed counts as one name.
fn compare(before: &Value, now: &Value, name: &str, names: &mut Vec<String>) {
    let (Value::Object(old), Value::Object(new)) = (before, now) else {
        if before != now {
            names.push(name.to_owned());
        }
        return;
    };
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        compare(old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null), &name, names);
    }
}
