//! Table `used_assertions`: client assertions that were presented (RFC 7523 §3), by client and `jti`.
use super::Db;
use crate::{model::ClientId, secrets::Digest};
use time::OffsetDateTime;

/// Answers whether this is its first use; of many at once one is.
pub async fn insert(db: &Db, client: &ClientId, jti: &Digest, expires_at: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO used_assertions (client_id, jti, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (client_id, jti) DO NOTHING",
        )
        .bind(client)
        .bind(jti)
        .bind(expires_at)
    )
    .map(|rows| rows > 0)
}

/// Forgets those that have expired by themselves. Answers how many went.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM used_assertions WHERE expires_at <= $1").bind(now))
}
