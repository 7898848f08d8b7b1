//! What others signed: a compact JWS of claims (RFC 7515 §7.1, RFC 7519 §3), read strictly, verified with their keys.
use super::json;
use crate::date;
use crate::digest::from_base64url;
use jsonwebtoken::{Algorithm, DecodingKey, crypto, jwk};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// What others may sign with.
pub const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];

/// Seconds by which the signer's clock may be ahead of ours.
const CLOCK_SKEW: i64 = 30;
const MAX_JTI: usize = 256;
/// Keys of one set that are looked at.
const MAX_KEYS: usize = 20;
/// Bytes of an RSA modulus (RFC 7518 §3.3): larger ones cost more to verify with than they are worth.
pub(super) const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// Members that only a private or symmetric key has (RFC 7518 §6).
pub(super) const PRIVATE_KEY_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Keys that one signature is tried with: one that signs, and its successor.
const MAX_TRIED: usize = 2;

/// Well-formed; who signed it is not known yet. Errors are the rule that is broken, and repeat nothing of it.
pub struct Jws<'a> {
    pub kid: Option<String>,
    /// Lower case, without `application/` (RFC 7515 §4.1.9).
    pub typ: Option<String>,
    pub claims: Map<String, Value>,
    algorithm: Algorithm,
    message: &'a str,
    signature: &'a str,
}

/// What claims have to be right for (RFC 7523 §3).
pub struct Expected<'a> {
    /// One of these, and nothing else, must be the audience.
    pub audiences: &'a [&'a str],
    /// Seconds since the epoch.
    pub now: i64,
    /// Seconds that they may still have before them.
    pub longest: i64,
}

/// What makes it the only one of its kind.
#[derive(Debug, PartialEq)]
pub struct Once {
    pub jti: String,
    pub expires_at: OffsetDateTime,
}

impl<'a> Jws<'a> {
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        let not_compact = "the JWT is no compact JWS";
        let (message, signature) = text.rsplit_once('.').ok_or(not_compact)?;
        let (header, claims) = message.split_once('.').ok_or(not_compact)?;
        let header = object(header)?;
        let claims = object(claims)?;
        let algorithm = algorithm(&header)?;
        if header.contains_key("crit") {
            return Err("crit names extensions that are not known here");
        }
        let kid = string(&header, "kid").map(str::to_owned);
        let typ = header.get("typ").map(|typ| {
            let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
            typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
        });
        Ok(Self { kid, typ, claims, algorithm, message, signature })
    }

    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        string(&self.claims, name)
    }

    /// As in `alg`.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.algorithm {
            Algorithm::ES256 => "ES256",
            Algorithm::EdDSA => "EdDSA",
            _ => "RS256",
        }
    }

    /// A missing or general type will do, or this one; that of another kind of token will not (RFC 8725 §3.11).
    #[must_use]
    pub fn is_general_or(&self, own: &str) -> bool {
        self.typ.as_deref().is_none_or(|typ| typ == "jwt" || typ == own)
    }

    /// RFC 7523 §3: meant for us and nobody else, short-lived, and with a name of its own.
    pub fn check(&self, expected: &Expected) -> Result<Once, &'static str> {
        if !self.audience().is_some_and(|audience| expected.audiences.contains(&audience)) {
            return Err("aud must be the issuer identifier of this server and nothing else");
        }
        let expires_at = self.check_dates(expected.now)?.ok_or("exp is missing")?;
        if expires_at > expected.now.saturating_add(expected.longest).saturating_add(CLOCK_SKEW) {
            return Err("exp is too far ahead");
        }
        let jti = self.claim("jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI);
        let jti = jti.ok_or("jti must be a string of 1 to 256 bytes")?;
        Ok(Once { jti: jti.to_owned(), expires_at: date::date(expires_at).map_err(|error| error.0)? })
    }

    /// Not over, and begun; answers when it ends, if it says so.
    pub fn check_dates(&self, now: i64) -> Result<Option<i64>, &'static str> {
        let expires_at = self.date("exp")?;
        if expires_at.is_some_and(|end| end <= now) {
            return Err("the JWT has expired");
        }
        for begin in ["nbf", "iat"] {
            if self.date(begin)?.is_some_and(|begin| begin > now + CLOCK_SKEW) {
                return Err("the JWT is not valid yet");
            }
        }
        Ok(expires_at)
    }

    /// A string, or an array of one.
    fn audience(&self) -> Option<&str> {
        match self.claims.get("aud")? {
            Value::String(audience) => Some(audience),
            Value::Array(audiences) => match audiences.as_slice() {
                [Value::String(audience)] => Some(audience),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether one of these keys signed it; keys in its own header are not asked.
    #[must_use]
    pub fn is_signed_by(&self, keys: &PublicKeys) -> bool {
        let fitting = || keys.0.iter().filter(|key| key.algorithm == self.algorithm);
        let has_name = self.kid.is_some() && fitting().any(|key| key.kid == self.kid);
        let named =
            |key: &&PublicKey| if has_name { key.kid == self.kid } else { self.kid.is_none() || key.kid.is_none() };
        fitting().filter(named).take(MAX_TRIED).any(|key| {
            let message = self.message.as_bytes();
            crypto::verify(self.signature, message, &key.key, self.algorithm).unwrap_or(false)
        })
    }

    /// Whether what it names is among these, so that no newer set tells more: its key, or, where it names none, one that
    /// it could be of.
    #[must_use]
    pub fn names_one_of(&self, keys: &PublicKeys) -> bool {
        match &self.kid {
            Some(kid) => keys.0.iter().any(|key| key.kid.as_ref() == Some(kid)),
            None => keys.0.iter().any(|key| key.algorithm == self.algorithm),
        }
    }

    /// Seconds since the epoch, fractions cut off (RFC 7519 §2).
    pub fn date(&self, name: &'static str) -> Result<Option<i64>, &'static str> {
        let Some(value) = self.claims.get(name) else { return Ok(None) };
        #[allow(clippy::cast_possible_truncation)] // saturates, and is far away then
        let date = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        let date = date.ok_or("dates must be numbers")?;
        date::date(date).map(|_| Some(date)).map_err(|error| error.0)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, &'static str> {
    let bytes = from_base64url(part).ok_or("the JWT is not base64url")?;
    json::object(&bytes).map_err(|_| "the JWT holds no clean JSON object")
}

fn string<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, &'static str> {
    match string(header, "alg") {
        Some("ES256") => Ok(Algorithm::ES256),
        Some("EdDSA") => Ok(Algorithm::EdDSA),
        Some("RS256") => Ok(Algorithm::RS256),
        _ => Err("alg must be ES256, EdDSA or RS256"),
    }
}

/// Those keys of a JWK Set that something can be verified with.
pub struct PublicKeys(Vec<PublicKey>);

struct PublicKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl PublicKeys {
    /// Of a JWK Set (RFC 7517 §5). Keys of unknown kinds and for other purposes are left out, as it demands; `None`
    /// if this is no JWK Set, or gives a private key away: what it signs, anybody may have signed.
    #[must_use]
    pub fn parse(jwks: &Value) -> Option<Self> {
        let keys = jwks.get("keys")?.as_array()?;
        if keys.iter().any(|key| PRIVATE_KEY_MEMBERS.iter().any(|member| key.get(*member).is_some())) {
            return None;
        }
        Some(Self(keys.iter().take(MAX_KEYS).filter_map(PublicKey::parse).collect()))
    }

    /// Of a JWK Set what is used of it: the keys that [`Self::parse`] finds, with the members that it reads.
    #[must_use]
    pub fn used(jwks: &Value) -> Value {
        let keys = jwks.get("keys").and_then(Value::as_array).into_iter().flatten().take(MAX_KEYS);
        let used = keys
            .filter(|key| PublicKey::parse(key).is_some())
            .filter_map(|key| members(key, &["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"]));
        serde_json::json!({ "keys": used.collect::<Vec<_>>() })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PublicKey {
    fn parse(key: &Value) -> Option<Self> {
        let member = |name: &str| key.get(name).and_then(Value::as_str);
        let (algorithm, name) = match (member("kty")?, member("crv")) {
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256"),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA"),
            ("RSA", _) if RSA_MODULUS.contains(&from_base64url(member("n")?)?.len()) => (Algorithm::RS256, "RS256"),
            _ => return None,
        };
        let for_signatures = key.get("use").is_none_or(|purpose| purpose == "sig")
            && key
                .get("key_ops")
                .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
        if !for_signatures || member("alg").is_some_and(|alg| alg != name && !(alg == "Ed25519" && name == "EdDSA")) {
            return None;
        }
        let kid = member("kid").map(str::to_owned);
        // The rest is judged above, and may be of a vocabulary the library lacks.
        let parts = members(key, &["kty", "crv", "x", "y", "n", "e"])?;
        let key = DecodingKey::from_jwk(&serde_json::from_value::<jwk::Jwk>(parts).ok()?).ok()?;
        Some(Self { kid, algorithm, key })
    }
}

/// Those of a key that are named so and are texts.
fn members(key: &Value, names: &[&str]) -> Option<Value> {
    let members = key.as_object()?.iter();
    let own = members.filter(|(name, value)| names.contains(&name.as_str()) && value.is_string());
    Some(Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect()))
}
