//! Table `api_keys`: keys that people made for themselves.
use super::{Store, StoreError};
use crate::accounts::roles::Permission;
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

pub(super) const TABLE: &str = "\
    CREATE TABLE IF NOT EXISTS api_keys (\
        id TEXT PRIMARY KEY, surface TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL, \
        permissions TEXT NOT NULL, hash BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, \
        last_used INTEGER, revoked_at INTEGER);\
    CREATE INDEX IF NOT EXISTS api_keys_of_user ON api_keys (surface, user_id);";

/// Alive at a time, of one person.
const MOST: i64 = 100;
/// How exactly the last use is known.
const STEP: Duration = Duration::minutes(1);

/// Times are in seconds since 1970.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ApiKey {
    pub id: String,
    pub surface: String,
    pub user_id: String,
    pub name: String,
    pub permissions: Json<Vec<Permission>>,
    /// Of the secret.
    pub hash: Vec<u8>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used: Option<i64>,
}

impl ApiKey {
    pub fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now.unix_timestamp())
    }
}

impl Store {
    pub async fn add_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let query = "INSERT INTO api_keys (id, surface, user_id, name, permissions, hash, created_at, expires_at) \
            SELECT $2, $3, $4, $5, $6, $7, $1, $8 WHERE (SELECT count(*) FROM api_keys WHERE surface = $3 \
            AND user_id = $4 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)) < $9";
        let added = sqlx::query(query)
            .bind(key.created_at)
            .bind(&key.id)
            .bind(&key.surface)
            .bind(&key.user_id)
            .bind(&key.name)
            .bind(&key.permissions)
            .bind(&key.hash)
            .bind(key.expires_at)
            .bind(MOST)
            .execute(&self.pool)
            .await?;
        if added.rows_affected() == 0 { Err(StoreError::Full) } else { Ok(()) }
    }

    /// One of this surface's people that is not revoked.
    pub async fn api_key(&self, surface: &str, id: &str) -> sqlx::Result<Option<ApiKey>> {
        let query = "SELECT * FROM api_keys WHERE surface = $1 AND id = $2 AND revoked_at IS NULL";
        sqlx::query_as(query).bind(surface).bind(id).fetch_optional(&self.pool).await
    }

    /// Of a surface's people, or of this one, oldest first; also expired ones, which explain themselves.
    pub async fn api_keys(&self, surface: &str, user: Option<&str>) -> sqlx::Result<Vec<ApiKey>> {
        let query = "SELECT * FROM api_keys WHERE surface = $1 AND ($2 IS NULL OR user_id = $2) \
            AND revoked_at IS NULL ORDER BY created_at, id LIMIT 1000";
        sqlx::query_as(query).bind(surface).bind(user).fetch_all(&self.pool).await
    }

    /// Was it the first use for a while?
    pub async fn note_use(&self, key: &ApiKey) -> sqlx::Result<bool> {
        let query = "UPDATE api_keys SET last_used = $1 WHERE id = $2 AND coalesce(last_used, 0) <= $3";
        let now = self.clock.now().unix_timestamp();
        let noted = sqlx::query(query).bind(now).bind(&key.id).bind(now - STEP.whole_seconds());
        Ok(noted.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// One of the surface's, or of this person's there; whether there was one.
    pub async fn revoke_api_key(&self, surface: &str, user: Option<&str>, id: &str) -> sqlx::Result<bool> {
        let query = "UPDATE api_keys SET revoked_at = $1 \
            WHERE surface = $2 AND ($3 IS NULL OR user_id = $3) AND id = $4 AND revoked_at IS NULL";
        let now = self.clock.now().unix_timestamp();
        let revoked = sqlx::query(query).bind(now).bind(surface).bind(user).bind(id);
        Ok(revoked.execute(&self.pool).await?.rows_affected() > 0)
    }
}
