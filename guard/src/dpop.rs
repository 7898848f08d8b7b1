//! Proofs of possession (RFC 9449 §7): the key that an access token is bound to signs each request anew.
use crate::source;
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    },
};
use base64ct::{Base64UrlUnpadded, Encoding};
use keyward_limits::shares::Table;
use serde::{Deserialize, de::IgnoredAny};
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};
use url::Url;

/// What proofs may be signed with, each with one type of key. The last is the new name of what the one before it means
/// here (RFC 9864 §2.2).
pub const ALGORITHMS: [&str; 4] = ["ES256", "RS256", "EdDSA", "Ed25519"];

/// How long after `iat` a proof counts.
const LIFETIME: Duration = Duration::minutes(5);
/// How far ahead of ours the client's clock may be.
const AHEAD: Duration = Duration::seconds(10);
/// Bytes; an RSA key of 8192 bits and its signature fit.
const MAX_PROOF: usize = 8 * 1024;
const MAX_JTI: usize = 1024;
/// Proofs that are remembered, and those of one key: more would have to be made in the time that a proof counts.
const MOST: usize = 50_000;
const MOST_OF_KEY: usize = 5_000;

/// The request that a proof must be for.
pub struct Demand<'a> {
    pub method: &'a str,
    /// The resource identifier, whatever the request says its host is.
    pub url: &'a str,
    pub access_token: &'a str,
    /// `cnf.jkt` of the access token.
    pub jkt: &'a str,
    pub now: OffsetDateTime,
}

/// A digest; a proof's, of its key and its `jti`.
pub type Trace = [u8; 32];

/// RFC 7515 §4 and RFC 9449 §4.2; members not named here are of no interest.
#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: PublicKey,
    crit: Option<IgnoredAny>,
}

/// RFC 7518 §6.2.1 and §6.3.1, RFC 8037 §2.
#[derive(Deserialize)]
struct PublicKey {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// What a private or symmetric key has.
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: String,
}

/// RFC 9449 §4.3, without the memory: the rule that the proof breaks, if it breaks one.
pub fn verify(text: &str, demand: &Demand) -> Result<Trace, &'static str> {
    const MALFORMED: &str = "the DPoP proof is not one JWS with typ, alg, jwk, jti, htm, htu, iat and ath";
    let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= MAX_PROOF).ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let header: Header = from_json(header).ok_or(MALFORMED)?;
    let claims: Claims = from_json(claims).ok_or(MALFORMED)?;
    if !header.typ.eq_ignore_ascii_case("dpop+jwt") || header.crit.is_some() {
        return Err("the DPoP proof must have the typ dpop+jwt and no critical header parameter");
    }
    let jwk = &header.jwk;
    if jwk.d.is_some() || jwk.k.is_some() || jwk.p.is_some() {
        return Err("the DPoP proof carries a private or symmetric key");
    }
    let signature = decode(signature).ok_or(MALFORMED)?;
    if jwk.verifies(&header.alg, signed.as_bytes(), &signature).is_none() {
        return Err("the DPoP proof is not signed with ES256, RS256 or EdDSA by the key in its jwk");
    }
    judge(&claims, demand)?;
    let thumbprint = jwk.thumbprint().ok_or(MALFORMED)?;
    if thumbprint != demand.jkt {
        return Err("the DPoP proof is by another key than the access token is bound to");
    }
    Ok(sha256(format!("{thumbprint} {}", claims.jti).as_bytes()))
}

fn judge(claims: &Claims, demand: &Demand) -> Result<(), &'static str> {
    if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
        return Err("the DPoP proof needs a jti of at most 1024 bytes");
    }
    if claims.htm != demand.method {
        return Err("the DPoP proof is for another method (htm)");
    }
    if !same_place(&claims.htu, demand.url) {
        return Err("the DPoP proof is for another URL (htu)");
    }
    let iat = Duration::checked_seconds_f64(claims.iat);
    let age = iat.and_then(|iat| (demand.now - OffsetDateTime::UNIX_EPOCH).checked_sub(iat));
    if !age.is_some_and(|age| (-AHEAD..=LIFETIME).contains(&age)) {
        return Err("the DPoP proof was not made just now (iat); check the clock");
    }
    if claims.ath != encode(&sha256(demand.access_token.as_bytes())) {
        return Err("the DPoP proof is for another access token (ath)");
    }
    Ok(())
}

/// Without query and fragment, and however scheme, host and port are spelled (RFC 3986 §6.2.2).
fn same_place(htu: &str, url: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    bare(htu).is_some_and(|htu| bare(url) == Some(htu))
}

impl PublicKey {
    /// `None` also if the key does not fit the algorithm.
    fn verifies(&self, alg: &str, message: &[u8], signature: &[u8]) -> Option<()> {
        let part = |part: &Option<String>| decode(part.as_deref()?);
        match (alg, self.kty.as_str(), self.crv.as_deref()) {
            ("ES256", "EC", Some("P-256")) => {
                let (x, y) = (part(&self.x)?, part(&self.y)?);
                // SEC 1 §2.3.3, uncompressed: 04, x, y.
                let point = (x.len() == 32).then(|| [&[4], x.as_slice(), &y].concat())?;
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).ok()
            }
            ("EdDSA" | "Ed25519", "OKP", Some("Ed25519")) => {
                UnparsedPublicKey::new(&ED25519, part(&self.x)?).verify(message, signature).ok()
            }
            ("RS256", "RSA", None) => {
                let key = RsaPublicKeyComponents { n: part(&self.n)?, e: part(&self.e)? };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).ok()
            }
            _ => None,
        }
    }

    /// RFC 7638 §3: the required members, in lexicographic order, without white space.
    fn thumbprint(&self) -> Option<String> {
        let canonical = match (self.kty.as_str(), &self.x, &self.y, &self.n, &self.e) {
            ("EC", Some(x), Some(y), ..) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            ("OKP", Some(x), ..) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            ("RSA", _, _, Some(n), Some(e)) => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            _ => return None,
        };
        Some(encode(&sha256(canonical.as_bytes())))
    }
}

fn from_json<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub fn sha256(bytes: &[u8]) -> Trace {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Which proofs were used (RFC 9449 §11.1), as long as they count. Of too many, the oldest are forgotten of the key that
/// made most: nobody but its owner could repeat them.
#[derive(Debug)]
pub struct Used(Mutex<Table<Trace, OffsetDateTime>>);

impl Default for Used {
    fn default() -> Self {
        Self(Mutex::new(Table::new(MOST, MOST_OF_KEY)))
    }
}

impl Used {
    /// `true` for the first caller only.
    pub fn first(&self, jkt: &str, trace: Trace, now: OffsetDateTime) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.peek(&trace).is_some_and(|at| now - *at <= LIFETIME + AHEAD) {
            return false;
        }
        all.insert(source::party(jkt), trace, now, 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9449 §7.1
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo\
        UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsI\
        mNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtc\
        GxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OU\
        lpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

    #[test]
    fn the_example_of_the_rfc_counts_for_five_minutes_one_key_and_one_token() {
        let made = OffsetDateTime::UNIX_EPOCH + Duration::seconds(1_562_262_618);
        let demand = |seconds| Demand {
            method: "GET",
            url: "https://resource.example.org/protectedresource",
            access_token: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
            jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            now: made + Duration::seconds(seconds),
        };
        for (seconds, good) in [(-11, false), (-10, true), (0, true), (300, true), (301, false)] {
            assert_eq!(verify(PROOF, &demand(seconds)).is_ok(), good, "{seconds}");
        }
        assert!(verify(PROOF, &Demand { jkt: "another", ..demand(0) }).unwrap_err().contains("another key"));
        assert!(verify(PROOF, &Demand { access_token: "another", ..demand(0) }).unwrap_err().contains("ath"));
    }

    #[test]
    fn a_proof_is_remembered_for_as_long_as_it_counts() {
        let (used, start) = (Used::default(), OffsetDateTime::UNIX_EPOCH);
        assert!(used.first("k", [1; 32], start));
        for seconds in [0, 1, 309, 310] {
            assert!(!used.first("k", [1; 32], start + Duration::seconds(seconds)), "{seconds}");
        }
        assert!(used.first("k", [1; 32], start + Duration::seconds(311)));
    }

    #[test]
    fn memory_is_bounded_and_a_key_that_makes_many_proofs_pushes_out_its_own_only() {
        let (used, now) = (Used::default(), OffsetDateTime::UNIX_EPOCH);
        let trace = |number: usize| sha256(&number.to_be_bytes());
        assert!(used.first("honest", [1; 32], now));
        for number in 0..2 * MOST {
            assert!(used.first(["a", "b"][number % 2], trace(number), now));
        }
        for number in 0..20 * MOST_OF_KEY {
            assert!(used.first(&(number % 20).to_string(), trace(2 * MOST + number), now));
        }
        assert_eq!(used.0.lock().unwrap().len(), MOST);
        assert!(!used.first("honest", [1; 32], now));
    }

    #[test]
    fn a_url_is_the_same_however_it_is_spelled() {
        let url = "https://mcp.example/mcp";
        for same in ["HTTPS://MCP.example/mcp", "https://mcp.example:443/mcp", "https://mcp.example/mcp?a#b"] {
            assert!(same_place(same, url), "{same}");
        }
        for other in ["", "http://mcp.example/mcp", "https://mcp.example/mcp/", "https://mcp.example/other"] {
            assert!(!same_place(other, url), "{other}");
        }
    }
}
