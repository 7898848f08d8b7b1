//! An access token that says nothing itself.
use crate::secrets::Digest;
use serde_json::Value;
use time::OffsetDateTime;

/// Opaque to everybody but us (OAuth 2.1 §1.4): whoever gets one asks what it means (RFC 7662).
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AccessToken {
    pub token_hash: Digest,
    /// What a JWT in its place would say (RFC 9068 §2.2).
    #[sqlx(json)]
    pub claims: Value,
    pub expires_at: OffsetDateTime,
}
