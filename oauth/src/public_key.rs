//! Public keys of other parties (RFC 7517, RFC 7518 §6, RFC 8037 §2): the only code that turns a JWK into a key.
use super::{
    algorithm::Algorithm,
    digest::{Digest, base64url, from_base64url},
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};

/// Bytes of an RSA modulus (RFC 7518 §3.3): larger ones make verification too slow.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// Members that only a private or symmetric key has (RFC 7518 §6).
pub(crate) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The key's members, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// Whether a JWK contains secret members.
#[must_use]
pub fn is_private(jwk: &Map<String, Value>) -> bool {
    PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member))
}

impl PublicKey {
    /// `None` if the kind of key is not supported, or a member is invalid.
    #[must_use]
    pub fn parse(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let bytes = |name| from_base64url(text(name)?);
        let coordinate = |name| bytes(name).filter(|coordinate| coordinate.len() == 32);
        match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Some(Self::P256 { x: coordinate("x")?, y: coordinate("y")? }),
            ("OKP", Some("Ed25519")) => Some(Self::Ed25519 { x: coordinate("x")? }),
            ("RSA", _) => {
                let n = bytes("n").filter(|n| RSA_MODULUS_BYTES.contains(&n.len()))?;
                Some(Self::Rsa { n, e: bytes("e")? })
            }
            _ => None,
        }
    }

    /// The only algorithm of this kind of key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256 { .. } => Algorithm::Es256,
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::P256 { x, y } => {
                // SEC 1 §2.3.3, uncompressed: 04, x, y.
                let point = [&[4], x.as_slice(), y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519 { x } => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }

    /// RFC 7638 §3: computed from the required members in lexicographic order, without white space.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, base64url(x), base64url(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(x)),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url(e), base64url(n)),
        };
        base64url(Digest::of(canonical).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(jwk: &Value) -> Option<PublicKey> {
        PublicKey::parse(jwk.as_object().unwrap())
    }

    #[test]
    fn the_rsa_thumbprint_is_that_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB\
            ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8\
            KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_\
            xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = parse(&json!({"kty": "RSA", "n": n, "e": "AQAB"})).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_key_of_another_kind_size_or_spelling_is_none() {
        let part = |bytes: usize| base64url(vec![7; bytes]);
        let ec = |x: usize, y: usize| json!({"kty": "EC", "crv": "P-256", "x": part(x), "y": part(y)});
        let rsa = |n: usize| json!({"kty": "RSA", "n": part(n), "e": "AQAB"});
        for good in [ec(32, 32), rsa(256), rsa(512), json!({"kty": "OKP", "crv": "Ed25519", "x": part(32)})] {
            assert!(parse(&good).is_some(), "{good}");
        }
        for bad in [
            json!({}),
            ec(31, 32),
            ec(32, 31),
            ec(31, 33),
            rsa(255),
            rsa(513),
            json!({"kty": "EC", "crv": "P-384", "x": part(48), "y": part(48)}),
            json!({"kty": "EC", "x": part(32), "y": part(32)}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": part(31)}),
            json!({"kty": "OKP", "crv": "X25519", "x": part(32)}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": format!("{}=", part(32))}),
            json!({"kty": "RSA", "n": part(256)}),
            json!({"kty": "oct", "k": part(32)}),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_with_any_secret_member_is_private() {
        let jwk = |name: &str| json!({"kty": "EC", name: "x"}).as_object().unwrap().clone();
        assert!(PRIVATE_MEMBERS.iter().all(|member| is_private(&jwk(member))));
        assert!(!is_private(&jwk("kid")));
    }
}
