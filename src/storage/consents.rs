//! Table `consents`: what users need not be asked twice. Written by [`super::grants::authorize`].
use super::Db;
use crate::model::{ClientId, Consent, UserId};

pub async fn find(db: &Db, user: UserId, client: &ClientId, resource: &str) -> sqlx::Result<Option<Consent>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM consents WHERE user_id = $1 AND client_id = $2 AND resource = $3")
        .bind(user)
        .bind(client)
        .bind(resource)
        .fetch_optional(on))
}

/// On every resource.
pub async fn find_all(db: &Db, user: UserId, client: &ClientId) -> sqlx::Result<Vec<Consent>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM consents WHERE user_id = $1 AND client_id = $2 ORDER BY resource")
        .bind(user)
        .bind(client)
        .fetch_all(on))
}

/// Some of those who allowed something to a client that this publisher describes, at most so many.
pub async fn people_of_publisher(db: &Db, described_by: &str, most: u32) -> sqlx::Result<Vec<UserId>> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT DISTINCT consents.user_id FROM consents JOIN clients ON clients.id = consents.client_id
          WHERE clients.described_by = $1 LIMIT $2",
    )
    .bind(described_by)
    .bind(i64::from(most))
    .fetch_all(on))
}

/// Whether this person did.
pub async fn knows_publisher(db: &Db, described_by: &str, user: UserId) -> sqlx::Result<bool> {
    let found: Option<i64> = read!(db, |on| sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM consents JOIN clients ON clients.id = consents.client_id
          WHERE clients.described_by = $1 AND consents.user_id = $2 LIMIT 1",
    )
    .bind(described_by)
    .bind(user)
    .fetch_optional(on))?;
    Ok(found.is_some())
}

/// Forgets what the user allowed this client, on every resource. Answers whether there was anything.
pub async fn delete(db: &Db, user: UserId, client: &ClientId) -> sqlx::Result<bool> {
    execute!(db, sqlx::query("DELETE FROM consents WHERE user_id = $1 AND client_id = $2").bind(user).bind(client))
        .map(|rows| rows > 0)
}
