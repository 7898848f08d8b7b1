//! Listens for changes that other processes make in the database. While listening fails, caches are not used.
//!
//! Table `changes` holds a counter for each kind of change. On SQLite `PRAGMA data_version` tells when to read it. On
//! PostgreSQL each change sends a notification; a heartbeat is also sent and must come back, because a connection may
//! be dead without an error.
use super::{Db, Sqlite};
use crate::{
    clock::{Clock, Moment},
    model::ClientId,
    secrets,
};
use sqlx::{
    PgPool, Postgres,
    pool::PoolOptions,
    postgres::{PgListener, PgPoolOptions},
};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// PostgreSQL only: the channel for the id of every changed or deleted client.
pub const CLIENTS_CHANNEL: &str = "keyward_clients";
/// PostgreSQL only: the channel for changes of the signing keys, without their ids.
pub const SIGNING_KEYS_CHANNEL: &str = "keyward_signing_keys";
/// PostgreSQL only: the channel on which every process notifies itself.
const HEARTBEAT_CHANNEL: &str = "keyward_heartbeat";

/// How often SQLite is polled; this does not touch the disk.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// A query or heartbeat that takes longer counts as failed.
const TIMEOUT: Duration = Duration::from_secs(2);
/// After this time without an answer, changes may have been missed: several polls on SQLite; the heartbeat's interval
/// and its timeout on PostgreSQL.
const MAX_SILENCE_ON_SQLITE: time::Duration = time::Duration::SECOND;
const MAX_SILENCE_ON_POSTGRES: time::Duration = time::Duration::seconds(3);
/// Pause after listening failed. Each attempt may leave a dead connection behind until the system closes it.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Client(ClientId),
    /// Any client may have changed.
    Clients,
    SigningKeys,
}

/// The state of listening for changes.
pub struct Changes {
    db: Db,
    clock: Clock,
    /// All changes committed before this moment have been received.
    heard_until: Mutex<Option<Moment>>,
}

type Numbers = BTreeMap<String, i64>;

impl Changes {
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, heard_until: Mutex::default() }
    }

    /// Whether caches may be used: no change can have been missed.
    #[must_use]
    pub fn are_heard(&self) -> bool {
        let until = *self.heard_until.lock().unwrap_or_else(PoisonError::into_inner);
        let deaf_after = match self.db {
            Db::Sqlite(_) => MAX_SILENCE_ON_SQLITE,
            Db::Postgres(_) => MAX_SILENCE_ON_POSTGRES,
        };
        until.is_some_and(|until| self.clock.age(until) < deaf_after)
    }

    /// Calls `tell` for each change, until the future is dropped. After an interruption it reports that everything may
    /// have changed.
    pub async fn watch(&self, tell: impl Fn(Change)) {
        let mut wait = MIN_RETRY_DELAY;
        loop {
            let since = self.clock.moment();
            let ended = match &self.db {
                Db::Sqlite(sqlite) => self.look(sqlite, &tell).await,
                Db::Postgres(pool) => self.listen(pool, &tell).await,
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "listening for changes failed; trying again");
            }
            let lasted = self.clock.age(since) > time::Duration::MINUTE;
            wait = if lasted { MIN_RETRY_DELAY } else { (wait * 2).min(MAX_RETRY_DELAY) };
            sleep(wait).await;
        }
    }

    async fn look(&self, sqlite: &Sqlite, tell: &impl Fn(Change)) -> sqlx::Result<()> {
        let (mut version, mut known) = (None, Numbers::new());
        loop {
            let asked = self.clock.moment();
            let found = Some(sqlite.data_version()?);
            if found != version {
                self.compare(&mut known, tell).await?;
                version = found;
            }
            self.heard(asked);
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn listen(&self, pool: &PgPool, tell: &impl Fn(Change)) -> sqlx::Result<()> {
        // A pool of its own: returned to the common pool, a dead connection would take a place there.
        let own: PoolOptions<Postgres> = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let own = in_time(own.connect_with((*pool.connect_options()).clone())).await?;
        let mut listener = in_time(PgListener::connect_with(&own)).await?;
        listener.eager_reconnect(false);
        in_time(listener.listen_all([CLIENTS_CHANNEL, SIGNING_KEYS_CHANNEL, HEARTBEAT_CHANNEL])).await?;
        let (name, (came_back, echo)) = (secrets::random(), watch::channel(0_u64));
        tokio::select! {
            ended = hear(&mut listener, &name, &came_back, tell) => ended,
            ended = self.beat(pool, &name, echo, tell) => ended,
        }
    }

    async fn beat(
        &self,
        pool: &PgPool,
        name: &str,
        mut echo: watch::Receiver<u64>,
        tell: &impl Fn(Change),
    ) -> sqlx::Result<()> {
        let mut known = Numbers::new();
        for beat in 1_u64.. {
            let sent = self.clock.moment();
            in_time(self.compare(&mut known, tell)).await?;
            let payload = format!("{name} {beat}");
            let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(HEARTBEAT_CHANNEL).bind(payload);
            in_time(notify.execute(pool)).await?;
            // Notifications arrive in commit order: when the heartbeat arrives, all earlier ones have.
            let came_back = timeout(TIMEOUT, echo.wait_for(|came| *came >= beat)).await.is_ok_and(|came| came.is_ok());
            if !came_back {
                return Err(silent("the heartbeat did not come back"));
            }
            self.heard(sent);
            sleep(HEARTBEAT_INTERVAL).await;
        }
        Ok(())
    }

    /// Reports the kinds of change whose counter differs from `known`; on the first call, all of them.
    async fn compare(&self, known: &mut Numbers, tell: &impl Fn(Change)) -> sqlx::Result<()> {
        let found: Vec<(String, i64)> =
            read!(&self.db, |on| sqlx::query_as("SELECT name, number FROM changes").fetch_all(on))?;
        for (name, number) in found {
            let change = if name == "clients" { Change::Clients } else { Change::SigningKeys };
            if known.insert(name, number) != Some(number) {
                tell(change);
            }
        }
        Ok(())
    }

    fn heard(&self, until: Moment) {
        *self.heard_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

async fn hear(
    listener: &mut PgListener,
    name: &str,
    came_back: &watch::Sender<u64>,
    tell: &impl Fn(Change),
) -> sqlx::Result<()> {
    while let Some(notification) = listener.try_recv().await? {
        let payload = notification.payload();
        match notification.channel() {
            HEARTBEAT_CHANNEL => match payload.split_once(' ') {
                Some((from, beat)) if from == name => drop(came_back.send_replace(beat.parse().unwrap_or(0))),
                _ => {}
            },
            SIGNING_KEYS_CHANNEL => tell(Change::SigningKeys),
            _ => tell(Change::Client(ClientId::from(payload))),
        }
    }
    Err(silent("the connection ended"))
}

async fn in_time<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(TIMEOUT, answer).await.unwrap_or_else(|_| Err(silent("no answer in time")))
}

fn silent(rule: &'static str) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, rule))
}
