//! JWK Sets (RFC 7517 §5): selects the keys that can verify signatures.
use super::{
    algorithm::Algorithm,
    public_key::{PublicKey, is_private},
};
use serde_json::{Map, Value, json};

/// Keys of one set that are read; all further ones are ignored.
pub const MAX_KEYS: usize = 20;
/// Members of a key that are kept.
const READ: [&str; 9] = ["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"];

/// The keys of a JWK Set that can verify signatures.
pub struct KeySet(Vec<PublishedKey>);

/// One key of a set.
pub struct PublishedKey {
    pub kid: Option<String>,
    pub key: PublicKey,
}

impl KeySet {
    /// Unknown kinds of key and keys for other purposes are left out, as RFC 7517 §5 demands. `None` if this is no JWK
    /// Set, or if it contains a private key, with which anybody could sign.
    #[must_use]
    pub fn parse(jwks: &Value) -> Option<Self> {
        let keys = jwks.get("keys")?.as_array()?;
        if keys.iter().filter_map(Value::as_object).any(is_private) {
            return None;
        }
        Some(Self(keys.iter().take(MAX_KEYS).filter_map(PublishedKey::parse).collect()))
    }

    /// Reduces a JWK Set to the keys that [`Self::parse`] uses and to the members it reads.
    #[must_use]
    pub fn used(jwks: &Value) -> Value {
        let keys = jwks.get("keys").and_then(Value::as_array).into_iter().flatten().take(MAX_KEYS);
        let used = keys.filter(|key| PublishedKey::parse(key).is_some()).filter_map(Value::as_object).map(|key| {
            let read = key.iter().filter(|(name, value)| READ.contains(&name.as_str()) && value.is_string());
            read.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
        });
        json!({ "keys": used.collect::<Vec<_>>() })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &PublishedKey> {
        self.0.iter()
    }
}

impl PublishedKey {
    /// `None` if its own members forbid verifying signatures (RFC 7517 §4.2 to §4.4), or if it contains private
    /// members.
    #[must_use]
    pub fn parse(key: &Value) -> Option<Self> {
        let jwk = key.as_object()?;
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let key = PublicKey::parse(jwk)?;
        let may_verify =
            |operations: &Value| operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"));
        let for_signatures =
            jwk.get("use").is_none_or(|purpose| purpose == "sig") && jwk.get("key_ops").is_none_or(may_verify);
        let fits = text("alg").is_none_or(|alg| Algorithm::parse_any_name(alg) == Some(key.algorithm()));
        (for_signatures && fits && !is_private(jwk)).then(|| Self { kid: text("kid").map(str::to_owned), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::base64url;

    fn key(more: &Value) -> Value {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url([7; 32])});
        for (name, value) in more.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    #[test]
    fn a_key_that_is_for_something_else_or_gives_itself_away_is_left_out() {
        for good in [
            json!({}),
            json!({"use": "sig", "key_ops": ["verify"], "alg": "EdDSA", "kid": "k"}),
            json!({"alg": "Ed25519", "x5c": ["MII"]}),
        ] {
            assert!(PublishedKey::parse(&key(&good)).is_some(), "{good}");
        }
        for bad in [
            json!({"use": "enc"}),
            json!({"key_ops": ["sign"]}),
            json!({"key_ops": "verify"}),
            json!({"alg": "ES256"}),
            json!({"kty": "new"}),
            json!({"d": "c2VjcmV0"}),
        ] {
            assert!(PublishedKey::parse(&key(&bad)).is_none(), "{bad}");
        }
        assert!(KeySet::parse(&json!({"keys": [key(&json!({})), key(&json!({"d": "x"}))]})).is_none());
        let odd = json!({"keys": [7, {"kty": "new"}, key(&json!({"kid": "k"}))]});
        assert_eq!(KeySet::parse(&odd).unwrap().iter().filter_map(|one| one.kid.as_deref()).collect::<Vec<_>>(), ["k"]);
    }
}
