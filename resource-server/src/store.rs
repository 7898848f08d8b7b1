//! Documents of tools, each with a kind and an owner, in a SQLite file or in memory.
mod api_keys;
mod events;
mod sessions;
mod strangers;
mod tables;

pub(crate) use api_keys::ApiKey;
pub(crate) use events::Filter;
pub(crate) use sessions::{Renewal, Session};

use crate::settings::SessionLimits;
use keyward_guard::clock::{self, Clock};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Executor, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// Bytes that a document counts for at least, and the budget for one kind and owner: a thousand small documents.
const LEAST: u32 = 8 * 1024;
const ROOM: u32 = 1000 * LEAST;

#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: SqlitePool,
    sessions: SessionLimits,
    clock: Clock,
    probed: Arc<Mutex<Option<Probe>>>,
}

/// The result of a test write, and the second in which it was made.
type Probe = (i64, Result<(), Arc<str>>);

/// A document, and the time of its last write.
#[derive(Debug)]
pub(crate) struct Document<T> {
    pub id: String,
    pub body: T,
    pub updated_at: OffsetDateTime,
}

#[derive(Debug)]
pub(crate) enum StoreError {
    /// The owner's budget for this kind is used up, or the stranger's share of it.
    Full,
    Broken(anyhow::Error),
}

impl StoreError {
    /// For kinds that users cannot fill up: reports it as an internal error.
    pub fn broken(self) -> anyhow::Error {
        match self {
            Self::Full => anyhow::anyhow!("there is no room for more documents of a kind"),
            Self::Broken(error) => error,
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

type Row = (String, String, i64);

impl Store {
    /// Opens the file, or a database in memory that lives as long as this store; on first use.
    pub fn new(file: Option<&Path>, clock: Clock) -> Self {
        let options = SqliteConnectOptions::new().create_if_missing(true).synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().after_connect(|connection, _| Box::pin(make_tables(connection)));
        let pool = match file {
            Some(file) => {
                make_private(file);
                pool.max_connections(4).connect_lazy_with(options.filename(file).journal_mode(SqliteJournalMode::Wal))
            }
            // A single connection that is never closed: a second one would get another memory database.
            None => {
                pool.max_connections(1).idle_timeout(None).max_lifetime(None).connect_lazy_with(options.in_memory(true))
            }
        };
        Self { pool, sessions: SessionLimits::default(), clock, probed: Arc::default() }
    }

    /// Sets how long logins last.
    pub fn with_sessions(self, sessions: SessionLimits) -> Self {
        Self { sessions, ..self }
    }

    /// Whether the store accepts writes. Tested with a write at most once a second, and for at most two seconds: reads
    /// still work with a full disk or a read-only file.
    pub async fn takes_writes(&self) -> Result<(), Arc<str>> {
        let mut probed = self.probed.lock().await;
        let now = self.clock.now().unix_timestamp();
        if let Some((_, outcome)) = probed.as_ref().filter(|(at, _)| *at == now) {
            return outcome.clone();
        }
        let write = sqlx::query(
            "INSERT INTO documents (owner, kind, id, body, updated_at) VALUES ('', 'probe', '', '', $1) \
             ON CONFLICT (owner, kind, id) DO UPDATE SET updated_at = excluded.updated_at",
        );
        let outcome = match tokio::time::timeout(Duration::from_secs(2), write.bind(now).execute(&self.pool)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the store takes no write: {error}").into()),
            Err(_) => Err("the store takes no write in time".into()),
        };
        *probed = Some((now, outcome.clone()));
        outcome
    }

    /// Inserts or replaces a document.
    pub async fn put(&self, owner: &str, kind: &str, id: &str, body: &impl Serialize) -> Result<(), StoreError> {
        let written = sqlx::query(
            "INSERT INTO documents (owner, kind, id, body, updated_at) SELECT $1, $2, $3, $4, $5 \
             WHERE max(octet_length($4), $6) + (SELECT coalesce(sum(max(octet_length(body), $6)), 0) FROM documents \
             WHERE owner = $1 AND kind = $2 AND id <> $3) <= $7 \
             ON CONFLICT (owner, kind, id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        )
        .bind(owner)
        .bind(kind)
        .bind(id)
        .bind(serde_json::to_string(body)?)
        .bind(self.clock.now().unix_timestamp())
        .bind(LEAST)
        .bind(ROOM)
        .execute(&self.pool)
        .await?;
        if written.rows_affected() == 0 { Err(StoreError::Full) } else { Ok(()) }
    }

    pub async fn get<T: DeserializeOwned>(
        &self,
        owner: &str,
        kind: &str,
        id: &str,
    ) -> Result<Option<Document<T>>, StoreError> {
        let query = "SELECT id, body, updated_at FROM documents WHERE owner = $1 AND kind = $2 AND id = $3";
        let row: Option<Row> = sqlx::query_as(query).bind(owner).bind(kind).bind(id).fetch_optional(&self.pool).await?;
        row.map(document).transpose()
    }

    /// In the order of their first write.
    pub async fn list<T: DeserializeOwned>(&self, owner: &str, kind: &str) -> Result<Vec<Document<T>>, StoreError> {
        let query = "SELECT id, body, updated_at FROM documents WHERE owner = $1 AND kind = $2 ORDER BY rowid";
        let rows: Vec<Row> = sqlx::query_as(query).bind(owner).bind(kind).fetch_all(&self.pool).await?;
        rows.into_iter().map(document).collect()
    }

    /// Answers whether it existed.
    pub async fn delete(&self, owner: &str, kind: &str, id: &str) -> Result<bool, StoreError> {
        let query = "DELETE FROM documents WHERE owner = $1 AND kind = $2 AND id = $3";
        let deleted = sqlx::query(query).bind(owner).bind(kind).bind(id).execute(&self.pool).await?;
        Ok(deleted.rows_affected() > 0)
    }
}

async fn make_tables(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    for tables in tables::ALL {
        connection.execute(tables).await?;
    }
    Ok(())
}

/// Makes the file readable for its owner only; SQLite gives its other files the same mode.
fn make_private(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // If the file is unusable, opening the database reports it.
    let _ = options.open(file);
}

fn document<T: DeserializeOwned>((id, body, updated_at): Row) -> Result<Document<T>, StoreError> {
    let updated_at = clock::date(updated_at)?;
    Ok(Document { id, body: serde_json::from_str(&body)?, updated_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_document_is_its_owners_until_it_is_deleted() {
        let store = Store::new(None, Clock::stopped());
        for id in ["b", "a"] {
            store.put("alice", "note", id, &id).await.unwrap();
        }
        store.put("alice", "note", "b", &"anew").await.unwrap();
        assert!(store.get::<String>("bob", "note", "a").await.unwrap().is_none());
        assert!(store.get::<String>("alice", "mail", "a").await.unwrap().is_none());
        assert_eq!(store.get::<String>("alice", "note", "b").await.unwrap().unwrap().body, "anew");
        let all = store.list::<String>("alice", "note").await.unwrap();
        assert_eq!(all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert!(!store.delete("bob", "note", "a").await.unwrap());
        assert!(store.delete("alice", "note", "a").await.unwrap());
        assert!(!store.delete("alice", "note", "a").await.unwrap());
    }

    #[tokio::test]
    async fn an_owner_has_room_for_a_thousand_of_a_kind() {
        let store = Store::new(None, Clock::stopped());
        for number in 0..1_000 {
            store.put("alice", "note", &number.to_string(), &number).await.unwrap();
        }
        assert!(matches!(store.put("alice", "note", "more", &1).await, Err(StoreError::Full)));
        store.put("alice", "note", "7", &1).await.unwrap();
        store.put("alice", "mail", "more", &1).await.unwrap();
        store.put("bob", "note", "more", &1).await.unwrap();
    }

    #[tokio::test]
    async fn a_long_document_counts_as_several() {
        let store = Store::new(None, Clock::stopped());
        let of = |eighths: usize| "x".repeat(eighths * 8 * 1024 - 2);
        store.put("alice", "note", "long", &of(600)).await.unwrap();
        assert!(matches!(store.put("alice", "note", "second", &of(401)).await, Err(StoreError::Full)));
        store.put("alice", "note", "second", &of(400)).await.unwrap();
        assert!(matches!(store.put("alice", "note", "short", &1).await, Err(StoreError::Full)));
        // A replacement does not count in addition to the document it replaces.
        assert!(matches!(store.put("alice", "note", "long", &of(601)).await, Err(StoreError::Full)));
        store.put("alice", "note", "long", &of(599)).await.unwrap();
        store.put("alice", "note", "short", &1).await.unwrap();
        assert!(matches!(store.put("alice", "mail", "longest", &of(1_001)).await, Err(StoreError::Full)));
    }
}
