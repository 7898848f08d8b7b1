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

/// Forgets what the user allowed this client, on every resource. Answers whether there was anything.
pub async fn delete(db: &Db, user: UserId, client: &ClientId) -> sqlx::Result<bool> {
    execute!(db, sqlx::query("DELETE FROM consents WHERE user_id = $1 AND client_id = $2").bind(user).bind(client))
        .map(|rows| rows > 0)
}
