//! Client assertions (RFC 7521 §4.2, RFC 7523 §2.2 and §3, rfc7523bis): a client proves itself with a JWT it signed.
use super::json;
use crate::secrets::from_base64url;
use jsonwebtoken::{Algorithm, DecodingKey, crypto, jwk};
use serde_json::{Map, Value};

/// The one `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What assertions may be signed with.
pub const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];

/// An assertion may expire at most so many seconds from now: until then its `jti` has to be remembered.
const LONGEST: i64 = 300;
/// Seconds by which the client's clock may be ahead of ours.
const CLOCK_SKEW: i64 = 30;
const MAX_JTI: usize = 256;
/// Keys of one set that are looked at.
const MAX_KEYS: usize = 20;
/// Bytes of an RSA modulus (RFC 7518 §3.3).
const MIN_RSA_MODULUS: usize = 256;

/// An assertion that is well-formed; who signed it is not known yet.
pub struct ClientAssertion<'a> {
    /// Who it says it is from: `iss` and `sub`.
    pub client_id: String,
    pub kid: Option<String>,
    algorithm: Algorithm,
    claims: Map<String, Value>,
    message: &'a str,
    signature: &'a str,
}

/// What an assertion has to be right for.
pub struct Expected<'a> {
    pub issuer: &'a str,
    /// Beside the issuer, for clients that the operator made an exception for.
    pub other_audiences: &'a [String],
    /// Seconds since the epoch.
    pub now: i64,
}

/// What makes an assertion the only one of its kind.
#[derive(Debug, PartialEq)]
pub struct Once {
    pub jti: String,
    /// Seconds since the epoch.
    pub expires_at: i64,
}

impl<'a> ClientAssertion<'a> {
    /// A compact JWS (RFC 7515 §7.1); the error is the rule it breaks, for the log.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        let not_compact = "the assertion is no compact JWS";
        let (message, signature) = text.rsplit_once('.').ok_or(not_compact)?;
        let (header, claims) = message.split_once('.').ok_or(not_compact)?;
        let header = object(header)?;
        let claims = object(claims)?;
        let algorithm = algorithm(&header)?;
        check_type(&header)?;
        if header.contains_key("crit") {
            return Err("crit names extensions that are not known here");
        }
        let client_id = string(&claims, "sub").ok_or("sub is missing")?.to_owned();
        if string(&claims, "iss") != Some(&client_id) {
            return Err("iss and sub must both be the client_id");
        }
        let kid = string(&header, "kid").map(str::to_owned);
        Ok(Self { client_id, kid, algorithm, claims, message, signature })
    }

    /// RFC 7523 §3, rfc7523bis §4: meant for us and nobody else, short-lived, and with a name of its own.
    pub fn check(&self, expected: &Expected) -> Result<Once, &'static str> {
        let audience = match self.claims.get("aud") {
            Some(Value::String(audience)) => Some(audience),
            Some(Value::Array(audiences)) => match audiences.as_slice() {
                [Value::String(audience)] => Some(audience),
                _ => None,
            },
            _ => None,
        };
        let meant = audience.is_some_and(|it| it == expected.issuer || expected.other_audiences.contains(it));
        if !meant {
            return Err("aud must be the issuer identifier and nothing else");
        }
        let expires_at = self.date("exp")?.ok_or("exp is missing")?;
        if expires_at <= expected.now {
            return Err("the assertion has expired");
        }
        if expires_at > expected.now + LONGEST + CLOCK_SKEW {
            return Err("exp is more than 5 minutes ahead");
        }
        for begin in ["nbf", "iat"] {
            if self.date(begin)?.is_some_and(|begin| begin > expected.now + CLOCK_SKEW) {
                return Err("the assertion is not valid yet");
            }
        }
        let jti = string(&self.claims, "jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI);
        let jti = jti.ok_or("jti must be a string of 1 to 256 bytes")?;
        Ok(Once { jti: jti.to_owned(), expires_at })
    }

    /// Whether one of these keys signed it; keys in the assertion's own header are not asked.
    #[must_use]
    pub fn is_signed_by(&self, keys: &PublicKeys) -> bool {
        let named = |key: &&PublicKey| self.kid.is_none() || key.kid.is_none() || key.kid == self.kid;
        let mut fitting = keys.0.iter().filter(|key| key.algorithm == self.algorithm).filter(named);
        fitting.any(|key| {
            let message = self.message.as_bytes();
            crypto::verify(self.signature, message, &key.key, self.algorithm).unwrap_or(false)
        })
    }

    /// Seconds since the epoch, fractions cut off (RFC 7519 §2).
    fn date(&self, name: &'static str) -> Result<Option<i64>, &'static str> {
        let Some(value) = self.claims.get(name) else { return Ok(None) };
        #[allow(clippy::cast_possible_truncation)] // saturates, and is far away then
        let date = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        date.map(Some).ok_or("exp, nbf and iat must be numbers")
    }
}

fn object(part: &str) -> Result<Map<String, Value>, &'static str> {
    let bytes = from_base64url(part).ok_or("the assertion is not base64url")?;
    json::object(&bytes).map_err(|_| "the assertion holds no clean JSON object")
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

/// A missing or general type will do, that of another kind of token will not (rfc7523bis §4, RFC 8725 §3.11).
fn check_type(header: &Map<String, Value>) -> Result<(), &'static str> {
    let Some(typ) = header.get("typ") else { return Ok(()) };
    let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    match typ {
        "jwt" | "client-authentication+jwt" => Ok(()),
        _ => Err("typ is that of another kind of token"),
    }
}

/// Those keys of a client's JWK Set that assertions can be verified with.
pub struct PublicKeys(Vec<PublicKey>);

struct PublicKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl PublicKeys {
    /// Of a JWK Set (RFC 7517 §5). Keys of unknown kinds and for other purposes are left out, as it demands; `None`
    /// if this is no JWK Set.
    #[must_use]
    pub fn parse(jwks: &Value) -> Option<Self> {
        let keys = jwks.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(MAX_KEYS).filter_map(PublicKey::parse).collect()))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }
}

impl PublicKey {
    fn parse(key: &Value) -> Option<Self> {
        let member = |name: &str| key.get(name).and_then(Value::as_str);
        let (algorithm, name) = match (member("kty")?, member("crv")) {
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256"),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA"),
            ("RSA", _) if from_base64url(member("n")?)?.len() >= MIN_RSA_MODULUS => (Algorithm::RS256, "RS256"),
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
        let parts = key_members(key)?;
        let key = DecodingKey::from_jwk(&serde_json::from_value::<jwk::Jwk>(parts).ok()?).ok()?;
        Some(Self { kid, algorithm, key })
    }
}

/// What the key itself is made of: the rest was judged above, and may be of a vocabulary the library lacks.
fn key_members(key: &Value) -> Option<Value> {
    let members = key.as_object()?.iter();
    let own = members.filter(|(name, _)| matches!(name.as_str(), "kty" | "crv" | "x" | "y" | "n" | "e"));
    Some(Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect()))
}
