//! Table `used_assertions`: used client assertions (RFC 7523 §3), by client and `jti`.
use super::Db;
use crate::{model::ClientId, secrets::Digest};
use time::OffsetDateTime;

/// An assertion to use up: its client, the digest of its `jti`, and when the row may be deleted.
pub type Assertion<'a> = (&'a ClientId, &'a Digest, OffsetDateTime);

/// The statement that uses an assertion up, unless it was used before.
macro_rules! insert_assertion {
    ($assertion:expr) => {
        sqlx::query(
            "INSERT INTO used_assertions (client_id, jti, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (client_id, jti) DO NOTHING",
        )
        .bind($assertion.0)
        .bind($assertion.1)
        .bind($assertion.2)
    };
}
pub(super) use insert_assertion;

/// Answers whether this is its first use; of several concurrent callers one gets `true`.
pub async fn insert(db: &Db, assertion: Assertion<'_>) -> sqlx::Result<bool> {
    execute!(db, insert_assertion!(assertion)).map(|rows| rows > 0)
}

/// Whether the assertion was used.
pub async fn contains(db: &Db, (client, jti, _): Assertion<'_>) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM used_assertions WHERE client_id = $1 AND jti = $2)",
    )
    .bind(client)
    .bind(jti)
    .fetch_one(on))
}

/// Deletes rows whose assertions have expired. Returns their number.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM used_assertions WHERE expires_at <= $1").bind(now))
}
