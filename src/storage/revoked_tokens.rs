//! Table `revoked_tokens`: access tokens revoked before they expired (RFC 7009), by `jti`.
use super::Db;
use time::OffsetDateTime;

/// Inserting a token twice is no error.
pub async fn insert(db: &Db, jti: &str, expires_at: OffsetDateTime) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING")
            .bind(jti)
            .bind(expires_at)
    )
    .map(drop)
}

pub async fn contains(db: &Db, jti: &str) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $1)")
        .bind(jti)
        .fetch_one(on))
}

/// Deletes rows whose tokens have expired. Returns their number.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM revoked_tokens WHERE expires_at <= $1").bind(now))
}
