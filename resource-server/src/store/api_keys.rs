//! Table `api_keys`: keys that people made for themselves.
use super::{Store, StoreError, events::QueryAs};
use crate::accounts::roles::Permission;
use sqlx::{SqliteConnection, types::Json};
use time::{Duration, OffsetDateTime};

/// Condition for a row of `api_keys` whose key has not ended, and neither has the key or session it was made with, nor
/// any before that. `$1` is now; a session renewed before `$2` has ended.
const STANDS: &str = "revoked_at IS NULL AND NOT EXISTS (\
    WITH RECURSIVE parents (id) AS (\
        SELECT parent_id FROM api_key_parents WHERE key_id = api_keys.id \
        UNION SELECT parent_id FROM api_key_parents JOIN parents ON key_id = parents.id) \
    SELECT 1 FROM parents \
    WHERE NOT EXISTS (SELECT 1 FROM api_keys AS parent WHERE parent.id = parents.id \
        AND parent.revoked_at IS NULL AND (parent.expires_at IS NULL OR parent.expires_at > $1)) \
    AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = parents.id AND ended_at IS NULL AND renewed_at > $2))";

/// Valid keys of one person.
const MOST: i64 = 100;
/// How long ended keys are kept, and how many of one person.
const KEPT: Duration = Duration::days(30);
const MOST_ENDED: i64 = 100;
/// How precisely the last use is recorded.
const STEP: Duration = Duration::minutes(1);

/// Times are in seconds since 1970.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ApiKey {
    pub id: String,
    pub surface: String,
    pub user_id: String,
    pub name: String,
    pub permissions: Json<Vec<Permission>>,
    /// Digest of the secret.
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
    /// Adds a key that ends together with `parent`, the session or key it was made with.
    pub async fn add_api_key(&self, key: &ApiKey, parent: Option<&str>) -> Result<(), StoreError> {
        let query = format!(
            "INSERT INTO api_keys (id, surface, user_id, name, permissions, hash, created_at, expires_at) \
             SELECT $3, $4, $5, $6, $7, $8, $1, $9 WHERE (SELECT count(*) FROM api_keys WHERE surface = $4 \
             AND user_id = $5 AND (expires_at IS NULL OR expires_at > $1) AND {STANDS}) < $10"
        );
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        self.forget_ended(key, &mut transaction).await?;
        let added = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(key.created_at)
            .bind(self.oldest())
            .bind(&key.id)
            .bind(&key.surface)
            .bind(&key.user_id)
            .bind(&key.name)
            .bind(&key.permissions)
            .bind(&key.hash)
            .bind(key.expires_at)
            .bind(MOST)
            .execute(&mut *transaction)
            .await?;
        if added.rows_affected() == 0 {
            return Err(StoreError::Full);
        }
        if let Some(parent) = parent {
            let query = sqlx::query("INSERT INTO api_key_parents (key_id, parent_id) VALUES ($1, $2)");
            query.bind(&key.id).bind(parent).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Deletes old ended keys of this key's person. Keys made with a deleted key have ended too.
    async fn forget_ended(&self, key: &ApiKey, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let query = format!(
            "WITH ended AS (\
                SELECT id, rowid AS number, CASE WHEN revoked_at IS NOT NULL THEN revoked_at \
                    WHEN expires_at <= $1 THEN expires_at ELSE created_at END AS at \
                FROM api_keys WHERE surface = $3 AND user_id = $4 AND NOT ((expires_at IS NULL OR expires_at > $1) AND {STANDS})) \
             DELETE FROM api_keys WHERE id IN (SELECT id FROM ended WHERE at <= $5) \
             OR id IN (SELECT id FROM ended ORDER BY at DESC, number DESC LIMIT -1 OFFSET $6)"
        );
        sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(key.created_at)
            .bind(self.oldest())
            .bind(&key.surface)
            .bind(&key.user_id)
            .bind(key.created_at - KEPT.whole_seconds())
            .bind(MOST_ENDED)
            .execute(&mut *connection)
            .await?;
        let without = "DELETE FROM api_key_parents WHERE key_id NOT IN (SELECT id FROM api_keys)";
        sqlx::query(without).execute(connection).await.map(drop)
    }

    /// A key of this surface, if neither it nor the session or key it was made with has ended.
    pub async fn api_key(&self, surface: &str, id: &str) -> sqlx::Result<Option<ApiKey>> {
        let query = format!("SELECT * FROM api_keys WHERE surface = $3 AND id = $4 AND {STANDS}");
        let query = self.standing(&query).bind(surface).bind(id);
        query.fetch_optional(&self.pool).await
    }

    /// Binds `$1` and `$2`.
    fn standing<'q>(&self, query: &str) -> QueryAs<'q, ApiKey> {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query.to_owned()));
        query.bind(self.clock.now().unix_timestamp()).bind(self.oldest())
    }

    /// Keys of the surface, or of this person, the oldest first; expired ones are included.
    pub async fn api_keys(&self, surface: &str, user: Option<&str>) -> sqlx::Result<Vec<ApiKey>> {
        let query = format!(
            "SELECT * FROM api_keys WHERE surface = $3 AND ($4 IS NULL OR user_id = $4) AND {STANDS} \
             ORDER BY created_at, id LIMIT 1000"
        );
        let query = self.standing(&query).bind(surface).bind(user);
        query.fetch_all(&self.pool).await
    }

    /// Records a use; answers whether it is the first one for a while.
    pub async fn note_use(&self, key: &ApiKey) -> sqlx::Result<bool> {
        let query = "UPDATE api_keys SET last_used = $1 WHERE id = $2 AND coalesce(last_used, 0) <= $3";
        let now = self.clock.now().unix_timestamp();
        let noted = sqlx::query(query).bind(now).bind(&key.id).bind(now - STEP.whole_seconds());
        Ok(noted.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// Revokes a key of the surface, or of this person there; answers whether it existed.
    pub async fn revoke_api_key(&self, surface: &str, user: Option<&str>, id: &str) -> sqlx::Result<bool> {
        let query = "UPDATE api_keys SET revoked_at = $1 \
            WHERE surface = $2 AND ($3 IS NULL OR user_id = $3) AND id = $4 AND revoked_at IS NULL";
        let now = self.clock.now().unix_timestamp();
        let revoked = sqlx::query(query).bind(now).bind(surface).bind(user).bind(id);
        Ok(revoked.execute(&self.pool).await?.rows_affected() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_guard::clock::Clock;

    async fn add(store: &Store, user: &str, id: &str, parent: Option<&str>, lifetime: Option<i64>) {
        let now = store.clock.now().unix_timestamp();
        let key = ApiKey {
            id: id.to_owned(),
            surface: "s".to_owned(),
            user_id: user.to_owned(),
            name: id.to_owned(),
            permissions: Json(Vec::new()),
            hash: Vec::new(),
            created_at: now,
            expires_at: lifetime.map(|seconds| now + seconds),
            last_used: None,
        };
        store.add_api_key(&key, parent).await.unwrap();
    }

    async fn kept(store: &Store) -> Vec<String> {
        sqlx::query_scalar("SELECT id FROM api_keys ORDER BY rowid").fetch_all(&store.pool).await.unwrap()
    }

    #[tokio::test]
    async fn keys_that_ended_are_kept_for_a_month() {
        let clock = Clock::stopped();
        let store = Store::new(None, clock.clone());
        add(&store, "bob", "bobs", None, Some(60)).await;
        for (id, parent, lifetime) in [
            ("lasts", None, None),
            ("revoked", None, None),
            ("child", Some("revoked"), None),
            ("expires", None, Some(60)),
        ] {
            add(&store, "alice", id, parent, lifetime).await;
        }
        store.revoke_api_key("s", None, "revoked").await.unwrap();
        clock.advance(KEPT - Duration::seconds(1));
        add(&store, "alice", "second", None, None).await;
        assert_eq!(kept(&store).await, ["bobs", "lasts", "revoked", "child", "expires", "second"]);
        clock.advance(Duration::minutes(2));
        add(&store, "alice", "third", None, None).await;
        assert_eq!(kept(&store).await, ["bobs", "lasts", "second", "third"]);
        assert!(store.api_key("s", "child").await.unwrap().is_none());
        let links: i64 =
            sqlx::query_scalar("SELECT count(*) FROM api_key_parents").fetch_one(&store.pool).await.unwrap();
        assert_eq!(links, 0);
    }

    #[tokio::test]
    async fn of_keys_that_ended_the_last_hundred_are_kept() {
        let store = Store::new(None, Clock::stopped());
        add(&store, "alice", "lasts", None, None).await;
        for number in 0..300 {
            add(&store, "alice", &number.to_string(), None, None).await;
            store.revoke_api_key("s", None, &number.to_string()).await.unwrap();
        }
        add(&store, "alice", "last", None, None).await;
        let kept = kept(&store).await;
        assert_eq!((kept.len(), &*kept[0], &*kept[1], &*kept[101]), (102, "lasts", "200", "last"));
    }
}
