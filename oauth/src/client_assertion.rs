//! Client assertions (RFC 7521 §4.2, RFC 7523 §2.2 and §3, rfc7523bis): a client authenticates with a JWT it signed.
use super::jws::{ExpectedClaims, Jws, SingleUse};

/// The only `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Seconds until an assertion expires, at most: so long its `jti` has to be stored.
const MAX_LIFETIME_SECONDS: i64 = 300;

/// A well-formed assertion whose signature is not verified yet.
pub struct ClientAssertion<'a> {
    /// The client it claims to be from: `iss` and `sub`.
    pub client_id: String,
    jws: Jws<'a>,
}

impl<'a> ClientAssertion<'a> {
    /// The error is the broken rule, for the log.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        let jws = Jws::parse(text)?;
        // rfc7523bis §4
        if !jws.is_general_or("client-authentication+jwt") {
            return Err("typ is that of another kind of token");
        }
        let client_id = jws.claim("sub").ok_or("sub is missing")?.to_owned();
        if jws.claim("iss") != Some(&client_id) {
            return Err("iss and sub must both be the client_id");
        }
        Ok(Self { client_id, jws })
    }

    /// RFC 7523 §3, rfc7523bis §4.
    pub fn check(&self, audiences: &[&str], now: i64) -> Result<SingleUse, &'static str> {
        self.jws.check(&ExpectedClaims { audiences, now, longest: MAX_LIFETIME_SECONDS })
    }

    #[must_use]
    pub fn jws(&self) -> &Jws<'a> {
        &self.jws
    }
}
