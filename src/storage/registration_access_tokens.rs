//! Table `registration_access_tokens`: tokens with which clients manage their own registration (RFC 7592).
use super::Db;
use crate::{model::ClientId, secrets::Digest};

pub async fn insert(db: &Db, hash: &Digest, client: &ClientId) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query("INSERT INTO registration_access_tokens (token_hash, client_id) VALUES ($1, $2)")
            .bind(hash)
            .bind(client)
    )
    .map(drop)
}

/// The client that this token manages.
pub async fn find(db: &Db, hash: &Digest) -> sqlx::Result<Option<ClientId>> {
    read!(db, |on| sqlx::query_scalar("SELECT client_id FROM registration_access_tokens WHERE token_hash = $1")
        .bind(hash)
        .fetch_optional(on))
}
