//! Which settings are others than at the last start: their names, for values may be secret.
use super::Event;
use crate::{app::App, events::EventType, secrets::base64url, storage::settings};
use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};

/// Under which name the digests of the last start are on record.
const ON_RECORD: &str = "settings";
/// Bytes of a digest that are kept.
const LENGTH: usize = 16;

/// At a start.
pub async fn record(app: &App) -> anyhow::Result<()> {
    let now = digests(app.config.to_compare(&app.settings_key)?, &app.settings_key);
    let before = settings::replace(&app.db, ON_RECORD, now.to_string().as_bytes()).await?;
    // Older versions kept something else, of which nobody can tell what changed.
    let before = before.and_then(|before| serde_json::from_slice::<Map<String, Value>>(&before).ok());
    let mut names = Vec::new();
    if let Some(before) = before {
        compare(&Value::Object(before), &now, "", &mut names);
    }
    if !names.is_empty() {
        Event::new(EventType::ConfigChange).details(json!({ "settings": names })).record(app).await;
    }
    Ok(())
}

/// The same tree with a digest in the place of each value, and without what is not set.
fn digests(settings: Value, key: &hmac::Key) -> Value {
    match settings {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, digests(value, key))).collect())
        }
        value => base64url(&hmac::sign(key, value.to_string().as_bytes()).as_ref()[..LENGTH]).into(),
    }
}

/// A table that came or went is one name.
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
