//! Session JWTs: they prove a login, are signed by this server and valid for one surface.
use super::keys::Keys;
use anyhow::Context;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

const TYPE: &str = "session+jwt";

/// The claims of RFC 7519 §4.1, with `role` and `sid` (the session's id).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub sub: String,
    /// The URL of the surface.
    pub aud: String,
    pub role: super::roles::Role,
    pub sid: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
}

pub(crate) fn sign(keys: &Keys, claims: &Claims) -> anyhow::Result<String> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    encode(&header, claims, &keys.signing).context("a session token could not be signed")
}

/// The claims of an unexpired token that this server issued for this audience.
pub(crate) fn verify(keys: &Keys, token: &str, issuer: &str, audience: &str, now: OffsetDateTime) -> Option<Claims> {
    let header = decode_header(token).ok()?;
    if header.typ.as_deref() != Some(TYPE) {
        return None;
    }
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    // Checked below, with this server's clock.
    rules.validate_exp = false;
    let claims = decode::<Claims>(token, &keys.verifying, &rules).ok()?.claims;
    (claims.exp > now.unix_timestamp()).then_some(claims)
}
