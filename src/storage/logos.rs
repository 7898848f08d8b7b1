//! Table `logos`: clients' pictures, found by client or by digest.
use super::Db;
use crate::model::{ClientId, Logo, Picture};
use time::OffsetDateTime;

pub(super) const DATES: &[&str] = &["fetched_at"];

pub async fn find(db: &Db, client: &ClientId) -> sqlx::Result<Option<Logo>> {
    read!(db, |on| sqlx::query_as("SELECT client_id, uri, hash, fetched_at FROM logos WHERE client_id = $1")
        .bind(client)
        .fetch_optional(on))
}

/// The picture with this digest.
pub async fn picture(db: &Db, hash: &[u8]) -> sqlx::Result<Option<Picture>> {
    read!(db, |on| sqlx::query_as("SELECT media_type, bytes FROM logos WHERE hash = $1 LIMIT 1")
        .bind(hash)
        .fetch_optional(on))
}

/// Stores a client's logo; `false`, with nothing changed, if the client is gone.
pub async fn put(db: &Db, logo: &Logo, picture: Option<&Picture>) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO logos (client_id, uri, hash, fetched_at, media_type, bytes)
             SELECT id, $2, $3, $4, $5, $6 FROM clients WHERE id = $1
             ON CONFLICT (client_id) DO UPDATE SET uri = excluded.uri, hash = excluded.hash,
                 fetched_at = excluded.fetched_at, media_type = excluded.media_type, bytes = excluded.bytes",
        )
        .bind(&logo.client_id)
        .bind(&logo.uri)
        .bind(&logo.hash)
        .bind(logo.fetched_at)
        .bind(picture.map(|picture| picture.media_type.as_str()))
        .bind(picture.map(|picture| picture.bytes.as_slice()))
    )
    .map(|rows| rows > 0)
}

/// Records a failed fetch; the stored logo stays.
pub async fn touch(db: &Db, client: &ClientId, fetched_at: OffsetDateTime) -> sqlx::Result<()> {
    execute!(db, sqlx::query("UPDATE logos SET fetched_at = $2 WHERE client_id = $1").bind(client).bind(fetched_at))
        .map(drop)
}
