//! Table `sessions`: browser sessions, by the digest of the id in their cookie.
use super::Db;
use crate::{clock::Clock, model::UserId, secrets::Digest};
use async_trait::async_trait;
use serde_json::Value;
use sqlx::types::Json;
use std::collections::HashMap;
use time::{Duration, OffsetDateTime};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

pub(super) const DATES: &[&str] = &["expires_at"];

/// The member of a session's data with the user's id.
pub const USER: &str = "user_id";
/// The member with the password hash by which the user signed in. It is compared when the session is created, and not
/// stored.
pub const VERIFIED_HASH: &str = "verified_hash";

/// The statement that stores a session unless its id is taken. A user's session is stored only while the account is
/// enabled and has the password hash that was verified. On PostgreSQL it locks the account's row (`FOR SHARE`), so that
/// a concurrent change of the password ends this session too. SQLite has one writer at a time and does not know that
/// clause.
macro_rules! insert_session {
    ($held:literal) => {
        concat!(
            "INSERT INTO sessions (id_hash, data, expires_at, user_id)
             SELECT $1, $2, $3, $4 WHERE $4 IS NULL OR EXISTS
                 (SELECT 1 FROM users WHERE id = $4 AND password_hash = $5 AND disabled_at IS NULL",
            $held,
            ") ON CONFLICT (id_hash) DO NOTHING"
        )
    };
}

/// Sessions expire by the given clock, in whole seconds; the library would use the system's clock.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub db: Db,
    pub clock: Clock,
    /// Counts from the last write.
    pub lifetime: Duration,
}

impl Sessions {
    /// Deletes expired sessions. Returns their number.
    pub async fn sweep(&self, now: OffsetDateTime) -> sqlx::Result<u64> {
        execute!(&self.db, sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now))
    }

    /// The number of this user's valid sessions.
    pub async fn count(&self, user: UserId) -> sqlx::Result<i64> {
        scan!(&self.db, |on| sqlx::query_scalar("SELECT count(*) FROM sessions WHERE user_id = $1 AND expires_at > $2")
            .bind(user)
            .bind(self.clock.now())
            .fetch_one(on))
    }

    /// `false` if the id is taken, or the account is disabled or no longer has this hash.
    async fn insert(&self, record: &Record, verified_hash: Option<&str>) -> sqlx::Result<bool> {
        let statement = match &self.db {
            Db::Sqlite(_) => insert_session!(""),
            Db::Postgres(_) => insert_session!(" FOR SHARE"),
        };
        execute!(
            &self.db,
            sqlx::query(statement)
                .bind(digest(&record.id))
                .bind(Json(&record.data))
                .bind(self.clock.now() + self.lifetime)
                .bind(user(record))
                .bind(verified_hash)
        )
        .map(|rows| rows > 0)
    }

    async fn update(&self, record: &Record) -> sqlx::Result<u64> {
        execute!(
            &self.db,
            sqlx::query("UPDATE sessions SET data = $2, expires_at = $3, user_id = $4 WHERE id_hash = $1")
                .bind(digest(&record.id))
                .bind(Json(&record.data))
                .bind(self.clock.now() + self.lifetime)
                .bind(user(record))
        )
    }

    async fn find(&self, id: &Id) -> sqlx::Result<Option<Row>> {
        read!(&self.db, |on| sqlx::query_as(
            "SELECT data, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > $2"
        )
        .bind(digest(id))
        .bind(self.clock.now())
        .fetch_optional(on))
    }

    async fn remove(&self, id: &Id) -> sqlx::Result<u64> {
        execute!(&self.db, sqlx::query("DELETE FROM sessions WHERE id_hash = $1").bind(digest(id)))
    }
}

#[async_trait]
impl SessionStore for Sessions {
    /// Empties the record if its account is disabled or no longer has the verified hash.
    async fn create(&self, record: &mut Record) -> Result<()> {
        let verified_hash = record.data.remove(VERIFIED_HASH);
        let verified_hash = verified_hash.as_ref().and_then(Value::as_str);
        while !self.insert(record, verified_hash).await.map_err(backend)? {
            // An id of 128 random bits is never taken, so the account was refused.
            if user(record).is_some() {
                record.data.clear();
                break;
            }
            record.id = Id::default();
        }
        Ok(())
    }

    /// Updates an existing row only: a session that was signed out meanwhile must not come back.
    async fn save(&self, record: &Record) -> Result<()> {
        self.update(record).await.map(drop).map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let row = self.find(id).await.map_err(backend)?;
        Ok(row.map(|row| Record { id: *id, data: row.data, expiry_date: row.expires_at }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.remove(id).await.map(drop).map_err(backend)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(json)]
    data: HashMap<String, Value>,
    expires_at: OffsetDateTime,
}

fn user(record: &Record) -> Option<UserId> {
    record.data.get(USER)?.as_str()?.parse().ok()
}

fn digest(id: &Id) -> Digest {
    Digest::of(id.0.to_le_bytes())
}

#[allow(clippy::needless_pass_by_value)] // `map_err` needs this signature
fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}
