//! A permission to register clients (RFC 7591 §3).
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct InitialAccessToken {
    pub token_hash: Digest,
    /// How many more clients may be registered with it.
    pub uses_left: i32,
    /// The most that they are ever granted, as in `scope`; `None` sets no limit.
    pub scope: Option<String>,
    pub expires_at: OffsetDateTime,
}
