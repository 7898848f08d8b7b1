//! Whether the database accepts writes: tested at most once a second, for any number of callers.
use super::Db;
use crate::clock::{Clock, Moment};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};

/// How long a result is reused.
const RESULT_LIFETIME: time::Duration = time::Duration::SECOND;
/// A write that takes longer counts as failed.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// Reads still work when the disk is full, the file is read-only or the server is a standby, so a write is tested.
pub struct Writable {
    db: Db,
    clock: Clock,
    last: Mutex<Option<(Moment, WriteResult)>>,
}

/// The error says why the database does not accept writes.
type WriteResult = Result<(), Arc<str>>;

impl Writable {
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, last: Mutex::default() }
    }

    /// Concurrent callers share one write and its result.
    pub async fn check(&self) -> WriteResult {
        let mut last = self.last.lock().await;
        if let Some((at, outcome)) = &*last
            && self.clock.age(*at) < RESULT_LIFETIME
        {
            return outcome.clone();
        }
        let outcome = match timeout(TIMEOUT, write(&self.db, self.clock.now())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the database takes no write: {error}").into()),
            Err(_) => Err("the database takes no write in time".into()),
        };
        *last = Some((self.clock.moment(), outcome.clone()));
        outcome
    }
}

/// Writes a different value each time, so that the database cannot skip the write.
async fn write(db: &Db, now: OffsetDateTime) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ('last_probe', $1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(now.unix_timestamp().to_be_bytes().to_vec())
    )
    .map(drop)
}
