//! Table `access_tokens`: opaque access tokens, by digest. Revoked ones are deleted.
use super::Db;
use crate::secrets::Digest;
use serde_json::Value;
use sqlx::types::Json;
use time::OffsetDateTime;

pub(super) const DATES: &[&str] = &["expires_at"];

/// Only this server can read the token (OAuth 2.1 §1.4): a resource server asks for its meaning (RFC 7662).
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AccessToken {
    pub token_hash: Digest,
    /// The claims of a JWT access token (RFC 9068 §2.2).
    #[sqlx(json)]
    pub claims: Value,
    pub expires_at: OffsetDateTime,
}

pub async fn insert(db: &Db, token: &AccessToken) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query("INSERT INTO access_tokens (token_hash, claims, expires_at) VALUES ($1, $2, $3)")
            .bind(&token.token_hash)
            .bind(Json(&token.claims))
            .bind(token.expires_at)
    )
    .map(drop)
}

/// Also finds an expired token until it is swept.
pub async fn find(db: &Db, hash: &Digest) -> sqlx::Result<Option<AccessToken>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM access_tokens WHERE token_hash = $1").bind(hash).fetch_optional(on))
}

/// Deleting a token twice is no error.
pub async fn delete(db: &Db, hash: &Digest) -> sqlx::Result<()> {
    execute!(db, sqlx::query("DELETE FROM access_tokens WHERE token_hash = $1").bind(hash)).map(drop)
}

/// Deletes expired tokens. Returns their number.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM access_tokens WHERE expires_at <= $1").bind(now))
}
