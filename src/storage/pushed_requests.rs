//! Table `pushed_requests`: authorization requests on their way from a client to its user (RFC 9126).
use super::Db;
use crate::{
    model::{ClientId, PushedRequest},
    secrets::Digest,
};
use time::OffsetDateTime;

pub async fn insert(db: &Db, request: &PushedRequest) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO pushed_requests (request_hash, client_id, query, expires_at, opened_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&request.request_hash)
        .bind(&request.client_id)
        .bind(&request.query)
        .bind(request.expires_at)
        .bind(request.opened_at)
    )
    .map(drop)
}

/// `None` if it is another client's, expired, completed or was never pushed.
pub async fn find(
    db: &Db,
    hash: &Digest,
    client: &ClientId,
    now: OffsetDateTime,
) -> sqlx::Result<Option<PushedRequest>> {
    read!(db, |on| sqlx::query_as(
        "SELECT * FROM pushed_requests WHERE request_hash = $1 AND client_id = $2 AND expires_at > $3",
    )
    .bind(hash)
    .bind(client)
    .bind(now)
    .fetch_optional(on))
}

/// A browser came with it: the first time, and only then, it gets another term.
pub async fn open(db: &Db, hash: &Digest, now: OffsetDateTime, expires_at: OffsetDateTime) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "UPDATE pushed_requests SET opened_at = $2, expires_at = $3 WHERE request_hash = $1 AND opened_at IS NULL"
        )
        .bind(hash)
        .bind(now)
        .bind(expires_at)
    )
    .map(drop)
}

/// `true` for the first caller only, and never once it expired.
pub async fn complete(db: &Db, hash: &Digest, now: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query("DELETE FROM pushed_requests WHERE request_hash = $1 AND expires_at > $2").bind(hash).bind(now)
    )
    .map(|rows| rows > 0)
}

/// Deletes those that expired. Answers how many went.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM pushed_requests WHERE expires_at <= $1").bind(now))
}
