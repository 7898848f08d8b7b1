//! Whether the database takes writes: asked once a second at most, however many want to know.
use super::Db;
use crate::clock::{Clock, Moment};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};

/// How long an answer is believed.
const BELIEVED: time::Duration = time::Duration::SECOND;
/// A write that takes longer is none.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Reading goes on where the disk is full, the file is read-only or the server is a standby: only a write tells.
pub struct Writable {
    db: Db,
    clock: Clock,
    last: Mutex<Option<(Moment, Outcome)>>,
}

/// Or why not.
type Outcome = Result<(), Arc<str>>;

impl Writable {
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, last: Mutex::default() }
    }

    /// If several ask at once, one of them writes, and the others hear of it.
    pub async fn check(&self) -> Outcome {
        let mut last = self.last.lock().await;
        if let Some((at, outcome)) = &*last
            && self.clock.age(*at) < BELIEVED
        {
            return outcome.clone();
        }
        let outcome = match timeout(PATIENCE, write(&self.db, self.clock.now())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the database takes no write: {error}").into()),
            Err(_) => Err("the database takes no write in time".into()),
        };
        *last = Some((self.clock.moment(), outcome.clone()));
        outcome
    }
}

/// Another value each time, so that something has to be written.
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
