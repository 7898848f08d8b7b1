//! What other processes change in the database, heard of while we run: nothing kept in memory is believed by who is
//! deaf.
//!
//! Table `changes` counts. On SQLite `PRAGMA data_version` tells when to look at it; on PostgreSQL each change is also
//! notified, and so is a heartbeat of our own, which must come back: a connection may be dead without an error.
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

/// PostgreSQL only: the channel on which every changed or deleted client's id is notified.
pub const CLIENTS_CHANNEL: &str = "keyward_clients";
/// PostgreSQL only: the channel on which every change of the signing keys is notified, without saying which.
pub const SIGNING_KEYS_CHANNEL: &str = "keyward_signing_keys";
/// PostgreSQL only: the channel on which every process notifies itself.
const HEARTBEAT_CHANNEL: &str = "keyward_heartbeat";

/// SQLite answers without touching the disk.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who heard nothing for this long is deaf: a look or a beat is late, and all that may be waited for it.
const DEAF_AFTER_ON_SQLITE: time::Duration = time::Duration::SECOND;
const DEAF_AFTER_ON_POSTGRES: time::Duration = time::Duration::seconds(3);
/// While listening fails. Each try may leave a dead connection behind until the system gives it up.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
const TRY_AGAIN_AFTER_AT_MOST: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Client(ClientId),
    /// Any of them.
    Clients,
    SigningKeys,
}

/// What of the changes has been heard.
pub struct Changes {
    db: Db,
    clock: Clock,
    /// All that was committed before this was heard.
    heard_until: Mutex<Option<Moment>>,
}

type Numbers = BTreeMap<String, i64>;

impl Changes {
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, heard_until: Mutex::default() }
    }

    /// Whether what is kept in memory may be believed: else what changed may not have been heard.
    #[must_use]
    pub fn are_heard(&self) -> bool {
        let until = *self.heard_until.lock().unwrap_or_else(PoisonError::into_inner);
        let deaf_after = match self.db {
            Db::Sqlite(_) => DEAF_AFTER_ON_SQLITE,
            Db::Postgres(_) => DEAF_AFTER_ON_POSTGRES,
        };
        until.is_some_and(|until| self.clock.age(until) < deaf_after)
    }

    /// Tells of each change, until dropped. After a time of not hearing everything may have changed.
    pub async fn watch(&self, tell: impl Fn(Change)) {
        let mut wait = TRY_AGAIN_AFTER;
        loop {
            let since = self.clock.moment();
            let ended = match &self.db {
                Db::Sqlite(sqlite) => self.look(sqlite, &tell).await,
                Db::Postgres(pool) => self.listen(pool, &tell).await,
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "not hearing of changes; trying again");
            }
            let lasted = self.clock.age(since) > time::Duration::MINUTE;
            wait = if lasted { TRY_AGAIN_AFTER } else { (wait * 2).min(TRY_AGAIN_AFTER_AT_MOST) };
            sleep(wait).await;
        }
    }

    async fn look(&self, sqlite: &Sqlite, tell: &impl Fn(Change)) -> sqlx::Result<()> {
        let (mut version, mut known) = (None, Numbers::new());
        loop {
            let asked = self.clock.moment();
            let found = Some(sqlite.data_version().await?);
            if found != version {
                self.compare(&mut known, tell).await?;
                version = found;
            }
            self.heard(asked);
            sleep(LOOK_EVERY).await;
        }
    }

    async fn listen(&self, pool: &PgPool, tell: &impl Fn(Change)) -> sqlx::Result<()> {
        // It is from a pool of its own: given back to the common pool, a dead connection would take a place there.
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
            // Notifications come in the order of their commits: with this one, all before it came.
            let came_back = timeout(PATIENCE, echo.wait_for(|came| *came >= beat)).await.is_ok_and(|came| came.is_ok());
            if !came_back {
                return Err(silent("the heartbeat did not come back"));
            }
            self.heard(sent);
            sleep(BEAT_EVERY).await;
        }
        Ok(())
    }

    /// Tells what has another number than is known, at first everything.
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
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(silent("no answer in time")))
}

fn silent(rule: &'static str) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, rule))
}
