//! Table `initial_access_tokens`: permissions to register, each for so many clients and so long (RFC 7591 §3).
use super::Db;
use crate::{model::InitialAccessToken, secrets::Digest};
use time::OffsetDateTime;

pub async fn insert(db: &Db, token: &InitialAccessToken) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO initial_access_tokens (token_hash, uses_left, scope, expires_at) VALUES ($1, $2, $3, $4)"
        )
        .bind(&token.token_hash)
        .bind(token.uses_left)
        .bind(&token.scope)
        .bind(token.expires_at)
    )
    .map(drop)
}

/// `None` once it is used up or expired.
pub async fn find(db: &Db, hash: &Digest, now: OffsetDateTime) -> sqlx::Result<Option<InitialAccessToken>> {
    read!(db, |on| sqlx::query_as(
        "SELECT * FROM initial_access_tokens WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(on))
}

/// The statement by which it has one use less: for as many callers as it has uses, and for none once it expired.
macro_rules! take_use {
    ($hash:expr, $now:expr) => {
        sqlx::query(
            "UPDATE initial_access_tokens SET uses_left = uses_left - 1
              WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2",
        )
        .bind($hash)
        .bind($now)
    };
}
pub(super) use take_use;

/// Deletes those that expired or are used up. Answers how many went.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM initial_access_tokens WHERE expires_at <= $1 OR uses_left = 0").bind(now))
}
