//! Demonstrating proof of possession (RFC 9449): checks a proof for one request.
use super::{
    algorithm::{Algorithm, one_of},
    digest::{Digest, base64url},
    jws::{Jws, JwsError},
    public_key::{PublicKey, is_private},
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use url::Url;

/// Algorithms for signing proofs: all asymmetric (RFC 9449 §5.1).
pub const ALGORITHMS: &[&str] = Algorithm::ANY_NAMES;

/// How long after `iat` a proof is accepted.
pub const LIFETIME: Duration = Duration::minutes(5);
/// How far the client's clock may be ahead of this one.
pub const AHEAD: Duration = Duration::seconds(10);
/// Bytes: enough for an RSA key of 4096 bits and its signature.
const MAX_PROOF_BYTES: usize = 8 * 1024;
const MAX_JTI_BYTES: usize = 1024;

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct ProofTarget<'a> {
    pub method: &'a str,
    /// The endpoint's public URL, whatever `Host` the request has.
    pub url: &'a str,
    /// The access token sent with the proof to a protected resource (RFC 9449 §4.2).
    pub access_token: Option<&'a str>,
    pub now: OffsetDateTime,
}

/// A valid proof, except that its nonce and an earlier use are for the caller to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Thumbprint of the key that signed it (RFC 7638), the value of `cnf.jkt`.
    pub jkt: String,
    pub jti: String,
    pub nonce: Option<String>,
}

impl Proof {
    /// RFC 9449 §4.3, without the checks of nonce and earlier use. The error is the broken rule.
    pub fn verify(text: &str, demand: &ProofTarget) -> Result<Self, &'static str> {
        let jws = Some(text).filter(|text| text.len() <= MAX_PROOF_BYTES).ok_or(JwsError::NotCompact);
        let jws = jws.and_then(|text| Jws::parse_with(text, Algorithm::parse_any_name)).map_err(malformed)?;
        let key = key(&jws)?;
        if !jws.is_signed_with(&key) {
            return Err("the DPoP proof is not signed by the key in its jwk");
        }
        judge(&jws, demand)?;
        let jti = jws.claim("jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES);
        Ok(Self {
            jkt: key.thumbprint(),
            jti: jti.ok_or("the DPoP proof needs a jti of at most 1024 bytes")?.to_owned(),
            nonce: jws.claim("nonce").map(str::to_owned),
        })
    }
}

/// `dpop_jkt` of an authorization request (RFC 9449 §10): a SHA-256 thumbprint, base64url without padding.
#[must_use]
pub fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn malformed(error: JwsError) -> &'static str {
    match error {
        JwsError::NotCompact | JwsError::NotBase64url | JwsError::NotClean => {
            "the DPoP proof is not one compact JWS of JSON objects"
        }
        JwsError::UnknownAlgorithm => concat!("the DPoP proof must be signed with ", one_of!()),
        JwsError::Critical => "the DPoP proof has a critical header parameter",
    }
}

/// The public key in the header, if the rest of the header is valid.
fn key(jws: &Jws) -> Result<PublicKey, &'static str> {
    if !jws.header("typ").and_then(Value::as_str).is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
        return Err("the DPoP proof must have the typ dpop+jwt");
    }
    let jwk = jws.header("jwk").and_then(Value::as_object).ok_or("the DPoP proof must carry its public key as jwk")?;
    if is_private(jwk) {
        return Err("the DPoP proof carries a private or symmetric key; only public keys may leave the client");
    }
    let key = PublicKey::parse(jwk).filter(|key| key.algorithm() == jws.algorithm);
    key.ok_or("the DPoP proof carries a key that does not fit its alg")
}

fn judge(jws: &Jws, demand: &ProofTarget) -> Result<(), &'static str> {
    if jws.claim("htm") != Some(demand.method) {
        return Err("the DPoP proof is for another method (htm)");
    }
    if !jws.claim("htu").is_some_and(|htu| same_place(htu, demand.url)) {
        return Err("the DPoP proof is for another URL (htu)");
    }
    let iat = jws.claims.get("iat").and_then(Value::as_f64).and_then(Duration::checked_seconds_f64);
    let age = iat.and_then(|iat| (demand.now - OffsetDateTime::UNIX_EPOCH).checked_sub(iat));
    if !age.is_some_and(|age| (-AHEAD..=LIFETIME).contains(&age)) {
        return Err("the DPoP proof was not made just now (iat); check the clock");
    }
    let expected = demand.access_token.map(|token| base64url(Digest::of(token).as_bytes()));
    if expected.is_some_and(|ath| jws.claim("ath") != Some(&ath)) {
        return Err("the DPoP proof is for another access token (ath)");
    }
    Ok(())
}

/// RFC 9449 §4.3: compares without query and fragment, and in normal form (RFC 3986 §6.2.2).
fn same_place(htu: &str, url: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    bare(htu).is_some_and(|htu| bare(url) == Some(htu))
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

    fn demand() -> ProofTarget<'static> {
        ProofTarget {
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
    fn a_proof_counts_for_one_method_one_url_and_five_minutes() {
        let text = format!("{HEADER}.{TOKEN}");
        let refusal = |demand: &ProofTarget| Proof::verify(&text, demand).unwrap_err();
        assert!(refusal(&ProofTarget { method: "GET", ..demand() }).contains("htm"));
        assert!(refusal(&ProofTarget { url: "https://server.example.com/other", ..demand() }).contains("htu"));
        assert!(refusal(&ProofTarget { access_token: Some("t"), ..demand() }).contains("ath"));
        for (seconds, good) in [(-11, false), (-10, true), (300, true), (301, false)] {
            let later = ProofTarget { now: demand().now + Duration::seconds(seconds), ..demand() };
            assert_eq!(Proof::verify(&text, &later).is_ok(), good, "{seconds}");
        }
    }

    #[test]
    fn a_url_is_the_same_however_it_is_spelled() {
        let url = "https://auth.example/token";
        for same in ["HTTPS://AUTH.example/token", "https://auth.example:443/token", "https://auth.example/token?a#b"] {
            assert!(same_place(same, url), "{same}");
        }
        for other in [
            "http://auth.example/token",
            "https://auth.example/token/",
            "https://auth.example/other",
            "https://auth.example:444/token",
        ] {
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

    #[test]
    fn the_refusal_of_an_algorithm_names_all_there_are() {
        assert!(malformed(JwsError::UnknownAlgorithm).ends_with(Algorithm::ONE_OF));
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
