//! Table `setup_tokens`: the one link that creates an administrator, or restores the access of one.
use super::{Db, audit_events::insert_event};
use crate::{model::AuditEvent, secrets::Digest};
use time::OffsetDateTime;

pub(super) const DATES: &[&str] = &["expires_at"];

/// The statement that replaces the link; unless `anyway`, only if the old one has expired or was made by an older
/// version.
macro_rules! put {
    ($link:expr, $anyway:literal) => {
        sqlx::query(
            "INSERT INTO setup_tokens (id, token_hash, seed, recovers, expires_at, created_at)
             VALUES (1, $1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash, seed = excluded.seed,
                 recovers = excluded.recovers, expires_at = excluded.expires_at, created_at = excluded.created_at
              WHERE $6 OR setup_tokens.expires_at <= excluded.created_at OR setup_tokens.seed IS NULL",
        )
        .bind(&$link.token_hash)
        .bind(&$link.seed)
        .bind($link.recovers)
        .bind($link.expires_at)
        .bind($link.created_at)
        .bind($anyway)
    };
}

/// The values that a link is computed from.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredSetupLink {
    pub token_hash: Digest,
    /// `None` in rows of older versions, whose link was shown only once.
    pub seed: Option<Vec<u8>>,
    /// Whether the link works although there is an administrator.
    pub recovers: bool,
    pub expires_at: OffsetDateTime,
    pub created_at: OffsetDateTime,
}

/// Replaces the previous link.
pub async fn replace(db: &Db, link: &StoredSetupLink) -> sqlx::Result<()> {
    execute!(db, put!(link, true)).map(drop)
}

/// As [`replace`], and stores the event.
pub async fn replace_on_record(db: &Db, link: &StoredSetupLink, event: &AuditEvent) -> sqlx::Result<()> {
    transaction!(db, |on| {
        put!(link, true).execute(&mut *on).await?;
        insert_event!(event).execute(&mut *on).await?;
    })
}

/// The stored link, if it is valid and every node can compute it; otherwise stores and returns `link`. `None` if the
/// link was used up at the same moment.
pub async fn get_or_replace(db: &Db, link: &StoredSetupLink) -> sqlx::Result<Option<StoredSetupLink>> {
    execute!(db, put!(link, false))?;
    read!(db, |on| sqlx::query_as("SELECT * FROM setup_tokens").fetch_optional(on))
}

pub async fn is_valid(db: &Db, hash: &Digest, now: OffsetDateTime) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM setup_tokens WHERE token_hash = $1 AND expires_at > $2)"
    )
    .bind(hash)
    .bind(now)
    .fetch_one(on))
}
