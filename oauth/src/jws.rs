//! Received JWTs: a compact JWS of claims (RFC 7515 §7.1, RFC 7519 §3), parsed strictly and verified with the signer's
//! keys.
use super::{
    algorithm::{Algorithm, one_of},
    date,
    digest::from_base64url,
    json,
    key_set::{KeySet, PublishedKey},
    public_key::PublicKey,
};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Seconds by which the signer's clock may be ahead of this one.
const CLOCK_SKEW_SECONDS: i64 = 30;
const MAX_JTI_BYTES: usize = 256;
/// Keys that one signature is tried with: the current one and its successor.
const MAX_TRIED_KEYS: usize = 2;

/// A well-formed JWS whose signature is not verified yet. Errors are the broken rule and repeat nothing of the text.
pub struct Jws<'a> {
    pub kid: Option<String>,
    /// Lower case, without `application/` (RFC 7515 §4.1.9).
    pub typ: Option<String>,
    pub claims: Map<String, Value>,
    pub algorithm: Algorithm,
    header: Map<String, Value>,
    message: &'a str,
    signature: &'a str,
}

/// The values that claims are checked against (RFC 7523 §3).
pub struct ExpectedClaims<'a> {
    /// Exactly one of these must be the audience.
    pub audiences: &'a [&'a str],
    /// Seconds since the epoch.
    pub now: i64,
    /// The most seconds until it expires.
    pub longest: i64,
}

/// The claims that identify an assertion for single use.
#[derive(Debug, PartialEq)]
pub struct SingleUse {
    pub jti: String,
    pub expires_at: OffsetDateTime,
}

/// Why a text is not a JWS that this server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsError {
    NotCompact,
    NotBase64url,
    NotClean,
    UnknownAlgorithm,
    /// RFC 7515 §4.1.11: no extensions are supported, so none may be critical.
    Critical,
}

impl JwsError {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotCompact => "the JWT is no compact JWS",
            Self::NotBase64url => "the JWT is not base64url",
            Self::NotClean => "the JWT holds no clean JSON object",
            Self::UnknownAlgorithm => concat!("alg must be ", one_of!()),
            Self::Critical => "crit names extensions that are not known here",
        }
    }
}

impl From<JwsError> for &'static str {
    fn from(error: JwsError) -> Self {
        error.as_str()
    }
}

impl<'a> Jws<'a> {
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        Self::parse_with(text, Algorithm::parse)
    }

    /// `named` finds the algorithm for a value of `alg`.
    pub(crate) fn parse_with(text: &'a str, named: fn(&str) -> Option<Algorithm>) -> Result<Self, JwsError> {
        let (message, signature) = text.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, claims) = message.split_once('.').ok_or(JwsError::NotCompact)?;
        let header = object(header)?;
        let claims = object(claims)?;
        let algorithm = string(&header, "alg").and_then(named).ok_or(JwsError::UnknownAlgorithm)?;
        if header.contains_key("crit") {
            return Err(JwsError::Critical);
        }
        let kid = string(&header, "kid").map(str::to_owned);
        let typ = header.get("typ").map(|typ| {
            let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
            typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
        });
        Ok(Self { kid, typ, claims, algorithm, header, message, signature })
    }

    /// A member of its header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        string(&self.claims, name)
    }

    /// Accepts a missing or general type, or this one; the type of another kind of token is refused (RFC 8725 §3.11).
    #[must_use]
    pub fn is_general_or(&self, own: &str) -> bool {
        self.typ.as_deref().is_none_or(|typ| typ == "jwt" || typ == own)
    }

    /// RFC 7523 §3: it must have the right audience and no other, a short life, and an identifier.
    pub fn check(&self, expected: &ExpectedClaims) -> Result<SingleUse, &'static str> {
        if !self.audience().is_some_and(|audience| expected.audiences.contains(&audience)) {
            return Err("aud must be the issuer identifier of this server and nothing else");
        }
        let expires_at = self.check_dates(expected.now)?.ok_or("exp is missing")?;
        if expires_at > expected.now.saturating_add(expected.longest).saturating_add(CLOCK_SKEW_SECONDS) {
            return Err("exp is too far ahead");
        }
        let jti = self.claim("jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES);
        let jti = jti.ok_or("jti must be a string of 1 to 256 bytes")?;
        Ok(SingleUse { jti: jti.to_owned(), expires_at: date::date(expires_at).map_err(|error| error.0)? })
    }

    /// Checks that it has begun and not expired; returns its expiry if it has one.
    pub fn check_dates(&self, now: i64) -> Result<Option<i64>, &'static str> {
        let expires_at = self.date("exp")?;
        if expires_at.is_some_and(|end| end <= now) {
            return Err("the JWT has expired");
        }
        for begin in ["nbf", "iat"] {
            if self.date(begin)?.is_some_and(|begin| begin > now + CLOCK_SKEW_SECONDS) {
                return Err("the JWT is not valid yet");
            }
        }
        Ok(expires_at)
    }

    /// A string, or an array with a single string.
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

    /// Whether one of these keys signed it; keys in its own header are ignored.
    #[must_use]
    pub fn is_signed_by(&self, keys: &KeySet) -> bool {
        let fitting = || keys.iter().filter(|one| one.key.algorithm() == self.algorithm);
        let has_name = self.kid.is_some() && fitting().any(|one| one.kid == self.kid);
        let named =
            |one: &&PublishedKey| if has_name { one.kid == self.kid } else { self.kid.is_none() || one.kid.is_none() };
        fitting().filter(named).take(MAX_TRIED_KEYS).any(|one| self.is_signed_with(&one.key))
    }

    /// Whether this very key signed it.
    #[must_use]
    pub fn is_signed_with(&self, key: &PublicKey) -> bool {
        let signature = from_base64url(self.signature);
        let verifies = |signature: Vec<u8>| key.verifies(self.message.as_bytes(), &signature);
        key.algorithm() == self.algorithm && signature.is_some_and(verifies)
    }

    /// Whether these keys are enough to decide: they include the key that it names or, if it names none, a key that
    /// fits its algorithm. Otherwise a newer set may have the key.
    #[must_use]
    pub fn names_one_of(&self, keys: &KeySet) -> bool {
        match &self.kid {
            Some(kid) => keys.iter().any(|one| one.kid.as_ref() == Some(kid)),
            None => keys.iter().any(|one| one.key.algorithm() == self.algorithm),
        }
    }

    /// Seconds since the epoch, fractions cut off (RFC 7519 §2).
    pub fn date(&self, name: &'static str) -> Result<Option<i64>, &'static str> {
        let Some(value) = self.claims.get(name) else { return Ok(None) };
        #[allow(clippy::cast_possible_truncation)] // a cast saturates, which is out of range anyway
        let date = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        let date = date.ok_or("dates must be numbers")?;
        date::date(date).map(|_| Some(date)).map_err(|error| error.0)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, JwsError> {
    let bytes = from_base64url(part).ok_or(JwsError::NotBase64url)?;
    json::object(&bytes).map_err(|_| JwsError::NotClean)
}

fn string<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_an_algorithm_names_all_there_are() {
        assert!(JwsError::UnknownAlgorithm.as_str().ends_with(Algorithm::ONE_OF));
    }
}
