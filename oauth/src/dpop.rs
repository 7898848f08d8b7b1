//! Demonstrating proof of possession (RFC 9449): what a proof must be to count for one request.
use super::{
    json,
    jws::{PRIVATE_KEY_MEMBERS, RSA_MODULUS},
};
use crate::{
    digest::{Digest, base64url, from_base64url},
    error::ProtocolError,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};
use url::Url;

/// What proofs may be signed with: asymmetric, each with one type of key (RFC 9449 §5.1). The last is the new name of
/// what the one before it means here (RFC 9864 §2.2).
pub const ALGORITHMS: [&str; 4] = ["ES256", "RS256", "EdDSA", "Ed25519"];

/// How long after `iat` a proof counts.
pub const LIFETIME: Duration = Duration::minutes(5);
/// How far ahead of ours the client's clock may be.
const AHEAD: Duration = Duration::seconds(10);
/// Bytes; an RSA key of 4096 bits and its signature fit.
const MAX_PROOF: usize = 8 * 1024;
const MAX_JTI: usize = 1024;

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    pub method: &'a str,
    /// The endpoint's URL as clients know it, whatever the request says its host is.
    pub url: &'a str,
    /// The access token that comes with it, at a protected resource (RFC 9449 §4.2).
    pub access_token: Option<&'a str>,
    pub now: OffsetDateTime,
}

/// A proof that is good but for what only memory can tell: its nonce, and whether it was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Thumbprint of the key that signed it (RFC 7638), as `cnf.jkt` has it.
    pub jkt: String,
    pub jti: String,
    pub nonce: Option<String>,
}

impl Proof {
    /// RFC 9449 §4.3, without the checks of nonce and repetition.
    pub fn verify(text: &str, demand: &Demand) -> Result<Self, ProtocolError> {
        let malformed = || refused("is not one compact JWS of JSON objects");
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= MAX_PROOF).ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let object = |part: &str| json::object(&from_base64url(part)?).ok();
        let (header, claims) = (object(header).ok_or_else(malformed)?, object(claims).ok_or_else(malformed)?);
        let key = key(&header)?;
        let signature = from_base64url(signature).ok_or_else(malformed)?;
        if !key.verifies(signed.as_bytes(), &signature) {
            return Err(refused("is not signed by the key in its jwk"));
        }
        judge(&claims, demand)?;
        let jti = string(&claims, "jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI);
        Ok(Self {
            jkt: key.thumbprint(),
            jti: jti.ok_or_else(|| refused("needs a jti of at most 1024 bytes"))?.to_owned(),
            nonce: string(&claims, "nonce").map(str::to_owned),
        })
    }
}

/// `dpop_jkt` of an authorization request (RFC 9449 §10): a SHA-256 thumbprint, base64url without padding.
#[must_use]
pub fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn refused(rule: &str) -> ProtocolError {
    ProtocolError::invalid_dpop_proof(format!("the DPoP proof {rule}"))
}

fn string<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// The public key that the header carries, if everything else in it is in order.
fn key(header: &Map<String, Value>) -> Result<PublicKey, ProtocolError> {
    if !string(header, "typ").is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
        return Err(refused("must have the typ dpop+jwt"));
    }
    // RFC 7515 §4.1.11: none is understood here, so none may be critical.
    if header.contains_key("crit") {
        return Err(refused("has a critical header parameter"));
    }
    let alg = string(header, "alg").filter(|alg| ALGORITHMS.contains(alg));
    let alg = alg.ok_or_else(|| refused("must be signed with ES256, RS256 or EdDSA"))?;
    let jwk =
        header.get("jwk").and_then(Value::as_object).ok_or_else(|| refused("must carry its public key as jwk"))?;
    if PRIVATE_KEY_MEMBERS.iter().any(|member| jwk.contains_key(*member)) {
        return Err(refused("carries a private or symmetric key; only public keys may leave the client"));
    }
    PublicKey::parse(jwk, alg).ok_or_else(|| refused("carries a key that does not fit its alg"))
}

fn judge(claims: &Map<String, Value>, demand: &Demand) -> Result<(), ProtocolError> {
    if string(claims, "htm") != Some(demand.method) {
        return Err(refused("is for another method (htm)"));
    }
    if !string(claims, "htu").is_some_and(|htu| same_place(htu, demand.url)) {
        return Err(refused("is for another URL (htu)"));
    }
    let iat = claims.get("iat").and_then(Value::as_f64).and_then(Duration::checked_seconds_f64);
    let age = iat.and_then(|iat| (demand.now - OffsetDateTime::UNIX_EPOCH).checked_sub(iat));
    if !age.is_some_and(|age| (-AHEAD..=LIFETIME).contains(&age)) {
        return Err(refused("was not made just now (iat); check the clock"));
    }
    let expected = demand.access_token.map(|token| base64url(Digest::of(token).as_bytes()));
    if expected.is_some_and(|ath| string(claims, "ath") != Some(&ath)) {
        return Err(refused("is for another access token (ath)"));
    }
    Ok(())
}

/// RFC 9449 §4.3: without query and fragment, and however scheme, host and port are spelled (RFC 3986 §6.2.2).
fn same_place(htu: &str, url: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    bare(htu).is_some_and(|htu| bare(url) == Some(htu))
}

/// By its members (RFC 7518 §6, RFC 8037 §2), decoded.
enum PublicKey {
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    fn parse(jwk: &Map<String, Value>, alg: &str) -> Option<Self> {
        let bytes = |name| from_base64url(string(jwk, name)?);
        match (alg, string(jwk, "kty")?, string(jwk, "crv")) {
            ("ES256", "EC", Some("P-256")) => Some(Self::P256 { x: bytes("x")?, y: bytes("y")? }),
            ("EdDSA" | "Ed25519", "OKP", Some("Ed25519")) => Some(Self::Ed25519 { x: bytes("x")? }),
            ("RS256", "RSA", None) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                RSA_MODULUS.contains(&n.len()).then_some(Self::Rsa { n, e })
            }
            _ => None,
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            // SEC 1 §2.3.3, uncompressed: 04, x, y.
            Self::P256 { x, y } if x.len() == 32 && y.len() == 32 => {
                let point = [&[4], x.as_slice(), y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::P256 { .. } => return false,
            Self::Ed25519 { x } => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }

    /// RFC 7638 §3: the required members, in lexicographic order, without white space.
    fn thumbprint(&self) -> String {
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
    use proptest::prelude::*;

    // RFC 9449 §4.1 and §7.1
    const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjN\
        oUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSI\
        sImNydiI6IlAtMjU2In19";
    const TOKEN: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY\
        29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK7\
        0nfbV37xRZT3Lg";
    const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn demand() -> Demand<'static> {
        Demand {
            method: "POST",
            url: "https://server.example.com/token",
            access_token: None,
            now: OffsetDateTime::UNIX_EPOCH + Duration::seconds(1_562_262_616),
        }
    }

    #[test]
    fn the_example_of_the_rfc_verifies_and_has_the_thumbprint_it_says() {
        let proof = Proof::verify(&format!("{HEADER}.{TOKEN}"), &demand()).unwrap();
        assert_eq!(proof, Proof { jkt: THUMBPRINT.into(), jti: "-BwC3ESc6acc2lTc".into(), nonce: None });
        assert!(is_thumbprint(THUMBPRINT));
    }

    #[test]
    fn the_rsa_thumbprint_is_that_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB\
            ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8\
            KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_\
            xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::Rsa { n: from_base64url(n).unwrap(), e: from_base64url("AQAB").unwrap() };
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_proof_counts_for_one_method_one_url_and_five_minutes() {
        let text = format!("{HEADER}.{TOKEN}");
        let refusal = |demand: &Demand| Proof::verify(&text, demand).unwrap_err().description.into_owned();
        assert!(refusal(&Demand { method: "GET", ..demand() }).contains("htm"));
        assert!(refusal(&Demand { url: "https://server.example.com/other", ..demand() }).contains("htu"));
        assert!(refusal(&Demand { access_token: Some("t"), ..demand() }).contains("ath"));
        for (seconds, good) in [(-11, false), (-10, true), (300, true), (301, false)] {
            let later = Demand { now: demand().now + Duration::seconds(seconds), ..demand() };
            assert_eq!(Proof::verify(&text, &later).is_ok(), good, "{seconds}");
        }
    }

    #[test]
    fn a_url_is_the_same_however_it_is_spelled() {
        let url = "https://auth.example/token";
        for same in ["HTTPS://AUTH.example/token", "https://auth.example:443/token", "https://auth.example/token?a#b"] {
            assert!(same_place(same, url), "{same}");
        }
        for other in ["http://auth.example/token", "https://auth.example/token/", "https://auth.example:444/token"] {
            assert!(!same_place(other, url), "{other}");
        }
        assert!(!same_place("", url) && !same_place("https://u@auth.example/token", url));
    }

    #[test]
    fn a_thumbprint_is_43_base64url_characters() {
        for bad in ["", &THUMBPRINT[1..], &format!("{THUMBPRINT}A"), &format!("{}=", &THUMBPRINT[1..])] {
            assert!(!is_thumbprint(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in "[a-zA-Z0-9_.-]*", claims in "\\PC*") {
            prop_assert!(Proof::verify(&text, &demand()).is_err());
            let unsigned = format!("{HEADER}.{}.", base64url(claims));
            prop_assert!(Proof::verify(&unsigned, &demand()).is_err());
        }
    }
}
