//! Table `codes`: authorization codes (RFC 6749 §4.1.2), each valid for one exchange.
use super::{Db, Selection};
use crate::{
    model::{Code, IssuedCode},
    secrets::Digest,
};
use time::{Duration, OffsetDateTime};

pub(super) const DATES: &[&str] = &["expires_at"];

pub async fn find(db: &Db, hash: &Digest) -> sqlx::Result<Option<Code>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM codes WHERE code_hash = $1").bind(hash).fetch_optional(on))
}

/// Codes with their grants.
pub async fn select(db: &Db, wanted: &Selection) -> sqlx::Result<Vec<IssuedCode>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT codes.code_hash, codes.client_id, grants.scopes, grants.resources, codes.expires_at, codes.consumed_at
           FROM codes JOIN grants ON grants.id = codes.grant_id
          WHERE codes.client_id = coalesce($1, codes.client_id) AND grants.created_at >= coalesce($2, grants.created_at)
          ORDER BY grants.id DESC LIMIT $3",
    )
    .bind(&wanted.client_id)
    .bind(wanted.since)
    .bind(wanted.limit)
    .fetch_all(on))
}

/// `true` only for the first caller, and never if the code has expired or failed `max_failures` times. In the same step
/// the grant is bound to the proven key `jkt`.
pub async fn consume(
    db: &Db,
    hash: &Digest,
    now: OffsetDateTime,
    max_failures: i32,
    jkt: Option<&str>,
) -> sqlx::Result<bool> {
    macro_rules! consume {
        () => {
            sqlx::query(
                "UPDATE codes SET consumed_at = $2
                  WHERE code_hash = $1 AND consumed_at IS NULL AND expires_at > $2 AND failures < $3",
            )
            .bind(hash)
            .bind(now)
            .bind(max_failures)
        };
    }
    let Some(jkt) = jkt else { return execute!(db, consume!()).map(|rows| rows > 0) };
    transaction!(db, |on| {
        let consumed = consume!().execute(&mut *on).await?.rows_affected() > 0;
        if consumed {
            sqlx::query(
                "UPDATE grants SET dpop_jkt = $2
                  WHERE id = (SELECT grant_id FROM codes WHERE code_hash = $1) AND dpop_jkt IS NULL",
            )
            .bind(hash)
            .bind(jkt)
            .execute(&mut *on)
            .await?;
        }
        consumed
    })
}

/// Counts a wrong verifier or redirect URI that was presented with the code.
pub async fn count_failure(db: &Db, hash: &Digest) -> sqlx::Result<()> {
    execute!(db, sqlx::query("UPDATE codes SET failures = failures + 1 WHERE code_hash = $1").bind(hash)).map(drop)
}

/// Deletes unused codes an hour after they expired, and used ones a day after: until then a replay is recognised.
/// Returns the number of deleted codes.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(
        db,
        sqlx::query("DELETE FROM codes WHERE consumed_at < $1 OR (consumed_at IS NULL AND expires_at < $2)")
            .bind(now - Duration::days(1))
            .bind(now - Duration::hours(1))
    )
}
