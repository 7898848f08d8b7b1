//! Table `settings`: values that all nodes share.
use super::Db;

/// Returns the stored value; stores and returns the given one if there was none.
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

/// Returns the previous value.
pub async fn replace(db: &Db, name: &str, value: &[u8]) -> sqlx::Result<Option<Vec<u8>>> {
    transaction!(db, |on| {
        let before = sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *on)
            .await?;
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *on)
        .await?;
        before
    })
}

/// Answers whether the value existed.
pub async fn delete(db: &Db, name: &str) -> sqlx::Result<bool> {
    execute!(db, sqlx::query("DELETE FROM settings WHERE name = $1").bind(name)).map(|rows| rows > 0)
}

pub async fn find(db: &Db, name: &str) -> sqlx::Result<Option<Vec<u8>>> {
    read!(db, |on| sqlx::query_scalar("SELECT value FROM settings WHERE name = $1").bind(name).fetch_optional(on))
}
