//! Table `signing_keys`: private keys, sealed under the master key.
use super::Db;
use crate::model::SigningKey;

/// Oldest first.
pub async fn all(db: &Db) -> sqlx::Result<Vec<SigningKey>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM signing_keys ORDER BY created_at, kid").fetch_all(on))
}

/// `false` if it is there already, or another key signs with this algorithm: of two nodes that start at once,
/// both then use the key of the first.
pub async fn insert_if_absent(db: &Db, key: &SigningKey) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO signing_keys (kid, algorithm, status, sealed, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(&key.kid)
        .bind(&key.algorithm)
        .bind(&key.status)
        .bind(&key.sealed)
        .bind(key.created_at)
    )
    .map(|rows| rows > 0)
}
