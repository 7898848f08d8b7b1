//! Hides credentials in what is written for people.
use crate::digest;
use serde_json::Value;

/// Parts of names of members that hold credentials.
const TELLING: [&str; 8] = ["password", "secret", "token", "code", "api_key", "apikey", "assertion", "authorization"];

/// Enough to tell two credentials apart: `sha256:<12 hex> (len=N)`.
pub(crate) fn credential(text: &str) -> String {
    format!("sha256:{} (len={})", digest::fingerprint(&digest::of(text.as_bytes())), text.len())
}

/// The same, with all that members named like credentials hold masked, at any depth.
pub(crate) fn masked(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mask = |(name, member): (&String, &Value)| {
                let lower = name.to_lowercase();
                let telling = TELLING.iter().any(|part| lower.contains(part));
                (name.clone(), if telling { hidden(member) } else { masked(member) })
            };
            Value::Object(members.iter().map(mask).collect())
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        other => other.clone(),
    }
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

    #[test]
    fn credentials_are_hidden_at_any_depth_and_nothing_else_is() {
        let value =
            json!({"name": "a", "Password": "hunter2", "nested": [{"user_code": "AB", "access_token": {"a": 1}}]});
        let masked = masked(&value);
        assert_eq!(masked["name"], "a");
        assert_eq!(masked["Password"], "sha256:f52fbd32b2b3 (len=7)");
        assert!(masked["nested"][0]["user_code"].as_str().unwrap().ends_with("(len=2)"));
        assert!(masked["nested"][0]["access_token"].as_str().unwrap().starts_with("sha256:"));
    }
}
