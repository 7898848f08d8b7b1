//! Table `settings`: values made once and shared by all nodes.
use super::Db;

/// Answers the value on record; the given one if there was none.
pub async fn get_or_insert(db: &Db, name: &str, value: &[u8]) -> sqlx::Result<Vec<u8>> {
    fetch!(db, |on| sqlx::query_scalar(
        "INSERT INTO settings (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = settings.value
         RETURNING value",
    )
    .bind(name)
    .bind(value)
    .fetch_one(on))
}

pub async fn find(db: &Db, name: &str) -> sqlx::Result<Option<Vec<u8>>> {
    read!(db, |on| sqlx::query_scalar("SELECT value FROM settings WHERE name = $1").bind(name).fetch_optional(on))
}
