//! Table `initial_access_tokens`: tokens that allow a number of registrations for some time (RFC 7591 §3).
use super::{Db, audit_events::insert_event};
use crate::{model::AuditEvent, secrets::Digest};
use time::OffsetDateTime;

pub(super) const DATES: &[&str] = &["expires_at"];

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct InitialAccessToken {
    pub token_hash: Digest,
    /// How many more clients may be registered with the token.
    pub uses_left: i32,
    /// The most scopes these clients are ever granted, in the form of `scope`; `None` sets no limit.
    pub scope: Option<String>,
    pub expires_at: OffsetDateTime,
}

/// Stores a token and the event about it.
pub async fn insert(db: &Db, token: &InitialAccessToken, event: &AuditEvent) -> sqlx::Result<()> {
    transaction!(db, |on| {
        sqlx::query(
            "INSERT INTO initial_access_tokens (token_hash, uses_left, scope, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(&token.token_hash)
        .bind(token.uses_left)
        .bind(&token.scope)
        .bind(token.expires_at)
        .execute(&mut *on)
        .await?;
        insert_event!(event).execute(&mut *on).await?;
    })
}

/// The first bytes of a token's digest, which identify the token on pages and in commands.
pub type Fingerprint = [u8; 6];

/// Valid tokens after the one with this fingerprint; those that expire first come first.
pub async fn list(
    db: &Db,
    now: OffsetDateTime,
    after: Option<Fingerprint>,
    limit: i64,
) -> sqlx::Result<Vec<InitialAccessToken>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT * FROM initial_access_tokens WHERE uses_left > 0 AND expires_at > $1
            AND ($2 IS NULL OR (expires_at, token_hash) >
                (SELECT expires_at, token_hash FROM initial_access_tokens WHERE substr(token_hash, 1, 6) = $2))
          ORDER BY expires_at, token_hash LIMIT $3",
    )
    .bind(now)
    .bind(after.map(Vec::from))
    .bind(limit)
    .fetch_all(on))
}

/// The token with this fingerprint, if it is valid.
pub async fn find_by_fingerprint(
    db: &Db,
    fingerprint: Fingerprint,
    now: OffsetDateTime,
) -> sqlx::Result<Option<InitialAccessToken>> {
    read!(db, |on| sqlx::query_as(
        "SELECT * FROM initial_access_tokens
          WHERE substr(token_hash, 1, 6) = $1 AND uses_left > 0 AND expires_at > $2",
    )
    .bind(Vec::from(fingerprint))
    .bind(now)
    .fetch_optional(on))
}

/// Deletes a token and stores the event. `false`, with nothing changed, if the token does not exist.
pub async fn delete(db: &Db, hash: &Digest, event: &AuditEvent) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let deleted = sqlx::query("DELETE FROM initial_access_tokens WHERE token_hash = $1")
            .bind(hash)
            .execute(&mut *on)
            .await?
            .rows_affected()
            > 0;
        if deleted {
            insert_event!(event).execute(&mut *on).await?;
        }
        deleted
    })
}

/// `None` if the token is used up or expired.
pub async fn find(db: &Db, hash: &Digest, now: OffsetDateTime) -> sqlx::Result<Option<InitialAccessToken>> {
    read!(db, |on| sqlx::query_as(
        "SELECT * FROM initial_access_tokens WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(on))
}

/// The statement that takes one use from a valid token: of concurrent callers only as many succeed as it has uses.
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

/// Deletes expired and used-up tokens. Returns their number.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM initial_access_tokens WHERE expires_at <= $1 OR uses_left = 0").bind(now))
}
