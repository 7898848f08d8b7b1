//! Credentials as they may be shown: a digest to recognise them by, nothing of the value.
mod secret;
mod text;

pub use secret::{is_secret, mask};
use serde_json::Value;
pub use text::{learn, text};
use url::{Url, form_urlencoded};

/// The value with every secret member masked, at any depth.
pub fn json(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), member(name, value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(json).collect(),
        other => other.clone(),
    }
}

fn member(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if is_secret(name) => mask(text).into(),
        Value::Object(members) if is_secret(name) => members
            .iter()
            .map(|(inner, value)| (inner.clone(), masked(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) if is_secret(name) => items.iter().map(masked).collect(),
        Value::Number(number) if is_secret(name) => mask(&number.to_string()).into(),
        other => json(other),
    }
}

/// Masks a value below a secret name, whatever its type.
fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => mask(text).into(),
        other => mask(&other.to_string()).into(),
    }
}

/// An address with the secrets of its query and fragment masked, and without anybody's name or password.
pub fn url(url: &Url) -> String {
    let pairs = |text: &str| {
        let pairs = form_urlencoded::parse(text.as_bytes());
        pairs.map(|(name, value)| parameter(&name, &value)).collect::<Vec<_>>().join("&")
    };
    let mut bare = url.clone();
    let _ = (bare.set_username(""), bare.set_password(None));
    bare.set_query(None);
    bare.set_fragment(None);
    let query = url.query().map(|query| format!("?{}", pairs(query))).unwrap_or_default();
    // In responses of the implicit grant the fragment is a form (RFC 6749 §4.2.2); elsewhere it is a word.
    let part = |fragment: &str| if fragment.contains('=') { pairs(fragment) } else { fragment.to_owned() };
    let fragment = url.fragment().map(|fragment| format!("#{}", part(fragment))).unwrap_or_default();
    format!("{bare}{query}{fragment}")
}

/// One `name=value` for people to read, masked where the name is a secret's.
pub fn parameter(name: &str, value: &str) -> String {
    if is_secret(name) { format!("{name}={}", mask(value)) } else { format!("{name}={value}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn a_masked_secret_shows_nothing_of_its_value() {
        let masked =
            json(&value!({"access_token": "s3cret", "deep": [{"client_secret": "s3cret", "api_key": "s3cret"}],
            "extra": {"p": {"headers": {"X-Key": "s3cret"}, "dpop_key": "s3cret"}}, "password": {"a": ["s3cret"]}}));
        assert!(!masked.to_string().contains("s3cret"));
        assert!(masked["access_token"].as_str().unwrap().starts_with("sha256:"));
        assert!(masked["access_token"].as_str().unwrap().ends_with("(len=6)"));
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        let plain = value!({"token_type": "Bearer", "token_endpoint": "https://a/token", "scope": "read",
            "token_endpoint_auth_method": "none", "code_challenge_methods_supported": ["S256"]});
        assert_eq!(json(&plain), plain);
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // what no Address can be
    fn the_code_of_a_callback_is_masked_in_its_address() {
        for text in ["?code=abcde&iss=https%3A%2F%2Fas", "?c%6Fde=abcde&iss=https://as", "?iss=https://as#code=abcde"] {
            let shown = url(&Url::parse(&format!("http://user:s3cret@127.0.0.1/callback{text}")).unwrap());
            assert!(!shown.contains("abcde") && shown.contains("iss=https://as"), "{shown}");
            assert!(!shown.contains("user") && !shown.contains("s3cret"), "{shown}");
        }
    }
}
