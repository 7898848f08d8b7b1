//! Initial access tokens, which allow clients to register (RFC 7591 §3).
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct InitialAccessToken {
    pub token_hash: Digest,
    /// How many more clients may be registered with the token.
    pub uses_left: i32,
    /// The most scopes these clients are ever granted, in the form of `scope`; `None` sets no limit.
    pub scope: Option<String>,
    pub expires_at: OffsetDateTime,
}
