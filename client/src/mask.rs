//! Credentials as they may be shown: a digest to recognise them by, nothing of the value.
use crate::encode::{hex, sha256};
use serde_json::Value;
use url::Url;

/// `sha256:<12 hex> (len=N)`.
pub fn mask(value: &str) -> String {
    format!("sha256:{} (len={})", &hex(&sha256(value))[..12], value.chars().count())
}

/// Members and parameters whose value is a credential.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    match &*name {
        "code" | "token" | "authorization" | "cookie" | "set-cookie" | "api_key" | "dpop_key" | "headers"
        | "sealed" => true,
        "client_assertion_type"
        | "token_type"
        | "issued_token_type"
        | "subject_token_type"
        | "requested_token_type" => false,
        _ => {
            let ends = ["_token", "secret", "password", "code_verifier", "assertion", "_code", "private_key", "_jwt"];
            ends.iter().any(|end| name.ends_with(end))
        }
    }
}

/// Every secret member masked, at any depth.
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
        Value::Object(members) if is_secret(name) => {
            members.iter().map(|(inner, value)| (inner.clone(), whole(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) if is_secret(name) => items.iter().map(whole).collect(),
        Value::Number(number) if is_secret(name) => mask(&number.to_string()).into(),
        other => json(other),
    }
}

/// What lies below a secret name is secret.
fn whole(value: &Value) -> Value {
    match value {
        Value::String(text) => mask(text).into(),
        other => mask(&other.to_string()).into(),
    }
}

/// An address with the secrets of its query masked.
pub fn url(url: &Url) -> String {
    if url.query().is_none() {
        return url.to_string();
    }
    let pairs: Vec<_> = url.query_pairs().map(|(name, value)| parameter(&name, &value)).collect();
    let mut bare = url.clone();
    bare.set_query(None);
    format!("{bare}?{}", pairs.join("&"))
}

/// One `name=value` for people to read.
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
    fn the_code_of_a_callback_is_masked_in_its_address() {
        let shown = url(&Url::parse("http://127.0.0.1/callback?code=abc&iss=https%3A%2F%2Fas").unwrap());
        assert!(!shown.contains("code=abc") && shown.contains("iss=https://as"), "{shown}");
    }
}
