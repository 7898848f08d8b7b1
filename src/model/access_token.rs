//! Opaque access tokens, whose meaning is stored here.
use crate::secrets::Digest;
use serde_json::Value;
use time::OffsetDateTime;

/// Only this server can read the token (OAuth 2.1 §1.4): a resource server asks for its meaning (RFC 7662).
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AccessToken {
    pub token_hash: Digest,
    /// The claims of a JWT access token (RFC 9068 §2.2).
    #[sqlx(json)]
    pub claims: Value,
    pub expires_at: OffsetDateTime,
}
