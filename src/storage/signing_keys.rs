//! Table `signing_keys`: private keys, sealed under the master key.
use super::{Db, audit_events::insert_event};
use crate::model::{AuditEvent, SigningKey};
use time::OffsetDateTime;

/// The statement that inserts a key; the macro's argument continues the statement.
macro_rules! insert {
    ($values:literal, $key:expr) => {
        sqlx::query(concat!(
            "INSERT INTO signing_keys (kid, algorithm, status, sealed, created_at, activated_at, retired_at) ",
            $values
        ))
        .bind(&$key.kid)
        .bind(&$key.algorithm)
        .bind($key.status)
        .bind(&$key.sealed)
        .bind($key.created_at)
        .bind($key.activated_at)
        .bind($key.retired_at)
    };
}

/// The oldest keys first.
pub async fn all(db: &Db) -> sqlx::Result<Vec<SigningKey>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM signing_keys ORDER BY created_at, kid").fetch_all(on))
}

pub async fn contains(db: &Db, kid: &str) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM signing_keys WHERE kid = $1)")
        .bind(kid)
        .fetch_one(on))
}

/// `false` if the key exists, or another key signs with this algorithm: if two nodes start at once, both use the key
/// that was stored first.
pub async fn insert_if_absent(db: &Db, key: &SigningKey) -> sqlx::Result<bool> {
    execute!(db, insert!("VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING", key)).map(|rows| rows > 0)
}

/// The statement that inserts the successor of a key that began to sign at a date or before, if that key has none.
macro_rules! insert_successor {
    ($next:expr, $activated_by:expr) => {
        insert!(
            "SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM signing_keys
                 WHERE algorithm = $2 AND status = 'current' AND activated_at <= $8)
             ON CONFLICT DO NOTHING",
            $next
        )
        .bind($activated_by)
    };
}

/// Inserts the successor of a key that began to sign at `activated_by` or before. `false` if there is no such key, or
/// it has a successor.
pub async fn publish(db: &Db, next: &SigningKey, activated_by: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(db, insert_successor!(next, activated_by)).map(|rows| rows > 0)
}

/// Like [`publish`], for several keys, with the event that `event` makes of the inserted `kid`s. `None` if no key was
/// inserted.
pub async fn publish_all(
    db: &Db,
    successors: &[SigningKey],
    activated_by: OffsetDateTime,
    event: impl FnOnce(&[String]) -> AuditEvent,
) -> sqlx::Result<Option<(Vec<String>, AuditEvent)>> {
    transaction!(db, |on| {
        let mut published = Vec::new();
        for next in successors {
            if insert_successor!(next, activated_by).execute(&mut *on).await?.rows_affected() > 0 {
                published.push(next.kid.clone());
            }
        }
        if published.is_empty() {
            None
        } else {
            let event = event(&published);
            insert_event!(event).execute(&mut *on).await?;
            Some((published, event))
        }
    })
}

/// Retires the current key if its successor was published at `published_by` or before; then the successor signs. If
/// several nodes try, one gets `true`.
pub async fn promote(
    db: &Db,
    algorithm: &str,
    published_by: OffsetDateTime,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let retired = sqlx::query(
            "UPDATE signing_keys SET status = 'retired', retired_at = $3
              WHERE algorithm = $1 AND status = 'current' AND EXISTS (SELECT 1 FROM signing_keys AS successor
                  WHERE successor.algorithm = $1 AND successor.status = 'next' AND successor.created_at <= $2)",
        )
        .bind(algorithm)
        .bind(published_by)
        .bind(now)
        .execute(&mut *on)
        .await?
        .rows_affected()
            > 0;
        if retired {
            sqlx::query(
                "UPDATE signing_keys SET status = 'current', activated_at = $2
                  WHERE algorithm = $1 AND status = 'next'",
            )
            .bind(algorithm)
            .bind(now)
            .execute(&mut *on)
            .await?;
        }
        retired
    })
}

/// Deletes keys that stopped signing at `retired_by` or before. Returns their number.
pub async fn sweep(db: &Db, retired_by: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM signing_keys WHERE status = 'retired' AND retired_at <= $1").bind(retired_by))
}

/// Replaces all stored keys with these, with the event that `event` makes of the number of old keys.
pub async fn replace_all(
    db: &Db,
    keys: &[SigningKey],
    event: impl FnOnce(u64) -> AuditEvent,
) -> sqlx::Result<(u64, AuditEvent)> {
    transaction!(db, |on| {
        let removed = sqlx::query("DELETE FROM signing_keys").execute(&mut *on).await?.rows_affected();
        for key in keys {
            insert!("VALUES ($1, $2, $3, $4, $5, $6, $7)", key).execute(&mut *on).await?;
        }
        let event = event(removed);
        insert_event!(event).execute(&mut *on).await?;
        (removed, event)
    })
}
