//! The keys and the algorithm of a client that authenticates with a JWT (RFC 7591 §2, RFC 7523 §2.2).
use super::{
    members::{Members, refused},
    metadata::AuthMethod,
};
use crate::{algorithm::Algorithm, error::ProtocolError, key_set::KeySet, public_key::is_private, uri};
use serde_json::Value;

#[derive(Default)]
pub(super) struct ClientKeys {
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
}

/// The keys of the client (RFC 7591 §2), which are stored only if the method needs them.
pub(super) fn public_keys(members: &Members, method: AuthMethod) -> Result<ClientKeys, ProtocolError> {
    check_jwks(members)?;
    if method != AuthMethod::PrivateKeyJwt {
        return Ok(ClientKeys::default());
    }
    algorithm(members, "token_endpoint_auth_signing_alg")?;
    let jwks = members.get("jwks").map(KeySet::used);
    let keys = ClientKeys { jwks, jwks_uri: members.string("jwks_uri")?.map(str::to_owned) };
    match (&keys.jwks, &keys.jwks_uri) {
        (None, None) => Err(refused("token_endpoint_auth_method", "private_key_jwt needs jwks or jwks_uri")),
        (Some(jwks), _) if KeySet::parse(jwks).is_none_or(|keys| keys.is_empty()) => {
            Err(refused("jwks", &format!("has no key for {} (of 2048 to 4096 bits)", Algorithm::ONE_OF)))
        }
        _ => Ok(keys),
    }
}

/// RFC 7591 §2: `jwks` and `jwks_uri` exclude each other. A published private key is an error.
fn check_jwks(members: &Members) -> Result<(), ProtocolError> {
    let jwks_uri = members.string("jwks_uri")?;
    if jwks_uri.is_some_and(|uri| !uri::https_host(uri).is_some_and(|host| uri::is_name(&host))) {
        return Err(refused("jwks_uri", "must be an https URI that names its host"));
    }
    let Some(jwks) = members.get("jwks") else { return Ok(()) };
    if jwks_uri.is_some() {
        return Err(refused("jwks", "must not come with jwks_uri"));
    }
    let keys = jwks.get("keys").and_then(|keys| keys.as_array());
    let keys = keys.ok_or_else(|| refused("jwks", "must be an object with an array named keys"))?;
    for key in keys {
        let key = key.as_object().ok_or_else(|| refused("jwks", "must hold only objects in keys"))?;
        if is_private(key) {
            return Err(refused("jwks", "holds a private or symmetric key; only public keys may leave the client"));
        }
    }
    Ok(())
}

/// The algorithm that the member names, if the member is present; an unknown algorithm is an error.
pub(super) fn algorithm(members: &Members, name: &'static str) -> Result<Option<String>, ProtocolError> {
    match members.string(name)? {
        Some(algorithm) if Algorithm::parse(algorithm).is_none() => {
            Err(refused(name, &format!("is not supported: it must be {}", Algorithm::ONE_OF)))
        }
        algorithm => Ok(algorithm.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{metadata, refusal, register};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_client_with_keys_registers_them_and_has_one_that_can_be_used() {
        let x = "A".repeat(43);
        let ed = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] });
        let with = |keys: &str, value: &Value| json!({ "token_endpoint_auth_method": "private_key_jwt", keys: value });
        let registered = register(&with("jwks", &ed)).unwrap();
        assert_eq!(registered.metadata.jwks, Some(ed.clone()));
        assert!(registered.fingerprint.is_some() && !registered.any_secret_method);
        let elsewhere = metadata(&with("jwks_uri", &json!("https://c.example/jwks")));
        assert_eq!(elsewhere.jwks_uri.as_deref(), Some("https://c.example/jwks"));
        // Only `private_key_jwt` needs keys.
        assert_eq!(metadata(&json!({ "jwks": ed })).jwks, None);
        for unusable in [
            json!([]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc" }]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": x, "key_ops": ["encrypt"] }]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "RS256" }]),
            json!([{ "kty": "OKP", "crv": "X25519", "x": x }]),
            json!([{ "kty": "EC", "crv": "P-521", "x": x, "y": x }]),
            json!([{ "kty": "RSA", "n": "A".repeat(171), "e": "AQAB" }]),
            json!([{ "kty": "new" }]),
        ] {
            let unusable = with("jwks", &json!({ "keys": unusable }));
            assert!(refusal(&unusable, "invalid_client_metadata").starts_with("jwks has no key"), "{unusable}");
        }
        let without = json!({ "token_endpoint_auth_method": "private_key_jwt" });
        assert!(refusal(&without, "invalid_client_metadata").contains("needs jwks or jwks_uri"));
        let mut algorithm = with("jwks", &ed);
        algorithm["token_endpoint_auth_signing_alg"] = json!("PS256");
        assert!(refusal(&algorithm, "invalid_client_metadata").starts_with("token_endpoint_auth_signing_alg"));
    }
}
