//! What an access token says.
use super::ClientId;
use keyward_oauth::token_exchange::Actor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The claims of RFC 9068 §2.2, also stored for an opaque token; dates are in seconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub client_id: ClientId,
    pub exp: i64,
    pub iat: i64,
    pub jti: String,
    pub scope: String,
    /// The grant type that the grant began with (RFC 6749 §1.3), also after a refresh. Absent after an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Absent from bearer tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The actor, if it is not the client that the subject allowed (RFC 8693 §4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The only party that may act for the subject by an exchange (RFC 8693 §4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<Map<String, Value>>,
    /// Absent when the client acts for itself.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonClaims>,
}

/// The key that must sign a proof sent with the token (RFC 7800 §3, RFC 9449 §6.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Confirmation {
    /// Thumbprint (RFC 7638).
    pub jkt: String,
}

impl AccessTokenClaims {
    /// `typ` of the JWT (RFC 9068 §2.1).
    pub const TYPE: &str = "at+jwt";

    /// The token type, as in token responses and introspection (RFC 6749 §7.1, RFC 9449 §5).
    #[must_use]
    pub fn token_type(&self) -> &'static str {
        if self.cnf.is_some() { "DPoP" } else { "Bearer" }
    }
}

/// Claims that only tokens of a user's grant have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PersonClaims {
    /// A display name (RFC 9068 §2.2.2); `sub` identifies the user.
    pub preferred_username: String,
    pub auth_time: i64,
    /// The authentication context class of that sign-in (RFC 9068 §2.2.1, RFC 9470 §6.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The grant of the token, whose revocation revokes the token.
    pub grant_id: String,
}
