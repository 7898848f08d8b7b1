//! SQLite: reads run on the calling thread, writes on one thread where they share a durable commit.
mod checkpointer;
mod readers;
mod writer;

use super::{
    driver::{Connection, executes},
    migrations::{SQLITE_MIGRATIONS, not_migrated},
};
use anyhow::{Context, anyhow, bail};
use checkpointer::Checkpointer;
use readers::Readers;
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};
pub(super) use writer::Loan;
use writer::Writer;

#[derive(Clone, Debug)]
pub struct Sqlite(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    readers: Arc<Readers>,
    writer: Writer,
    checkpointer: Arc<Checkpointer>,
    registering: tokio::sync::Mutex<()>,
    /// Registrations that found room and are not on disk yet.
    admitted: AtomicI64,
    /// Reads `data_version`, which SQLite counts separately for each connection; `None` once closed.
    watcher: Mutex<Option<Connection>>,
}

/// The error for both databases.
pub(super) const INVALID_URL: &str = "the database URL is not valid";

pub(super) fn options(url: &str) -> anyhow::Result<SqliteConnectOptions> {
    let options: SqliteConnectOptions = url.parse().context(INVALID_URL)?;
    if options.get_filename().as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
        bail!("the database URL must name a file: keyward keeps what it acknowledged");
    }
    Ok(options)
}

/// A registration that found room.
pub(super) struct Admission<'a>(&'a AtomicI64);

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs short queries at once, on the calling thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads<'a>(&'a Sqlite);

/// Runs queries that may read many rows, on a thread that may wait for the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scans<'a>(&'a Sqlite);

/// Runs each statement on the writer's thread, and answers when it is on disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writes<'a>(&'a Sqlite);

executes!('c, Reads<'c>, async |reads, query| reads.0.0.readers.run(query));
executes!('c, Scans<'c>, async |scans, query| scans.0.0.readers.scan(query).await);
executes!('c, Writes<'c>, async |writes, query| writes.0.0.writer.run(query).await);

impl Sqlite {
    /// An empty file, or the database of another program, is none of ours. A file that cannot be read may be, so that
    /// [`Self::open`] says why it cannot.
    pub(super) async fn exists(url: &str) -> anyhow::Result<bool> {
        let options = options(url)?;
        if !options.get_filename().try_exists().unwrap_or(false) {
            return Ok(false);
        }
        let Ok(mut connection) = options.connect().await else { return Ok(true) };
        // Other programs that use sqlx have the first table too.
        let ours = "SELECT COUNT(*) = 2 FROM sqlite_master WHERE name IN ('_sqlx_migrations', 'clients')";
        let is_ours = sqlx::query_scalar(ours).fetch_one(&mut connection).await.unwrap_or(true);
        connection.close().await?;
        Ok(is_ours)
    }

    pub(super) async fn open(url: &str) -> anyhow::Result<Self> {
        let options = options(url)?;
        let path = options.get_filename().to_owned();
        create_private(&path).map_err(|error| anyhow!("cannot write the database file {}: {error}", path.display()))?;
        let cannot_open = || format!("cannot open the database file {}", path.display());
        migrate(options).await.with_context(cannot_open)??;
        let checkpointer = Checkpointer::start(&path).with_context(cannot_open)?;
        let writer = Writer::start(&path, checkpointer.clone()).with_context(cannot_open)?;
        let readers = Arc::new(Readers::new(&path));
        let watcher = Mutex::new(Some(readers.connect().with_context(cannot_open)?));
        Ok(Self(Arc::new(Shared {
            readers,
            writer,
            checkpointer,
            registering: tokio::sync::Mutex::default(),
            admitted: AtomicI64::new(0),
            watcher,
        })))
    }

    pub(super) fn reads(&self) -> Reads<'_> {
        Reads(self)
    }

    pub(super) fn scans(&self) -> Scans<'_> {
        Scans(self)
    }

    pub(super) fn writes(&self) -> Writes<'_> {
        Writes(self)
    }

    /// Lends the writer's connection for several statements: everybody else waits until it is back.
    pub(super) async fn borrow(&self) -> sqlx::Result<Loan> {
        self.0.writer.lend().await
    }

    /// Counts registrations by `count`, one caller at a time, with those that are not on disk yet. `None` if there are
    /// `most` or more; else the caller's own counts until the result is dropped.
    pub(super) async fn admit(
        &self,
        most: i64,
        count: impl Future<Output = sqlx::Result<i64>>,
    ) -> sqlx::Result<Option<Admission<'_>>> {
        let _alone = self.0.registering.lock().await;
        // Read before the count: one that is written in between counts twice, and never not at all.
        let admitted = self.0.admitted.load(Ordering::Acquire);
        if admitted + count.await? >= most {
            return Ok(None);
        }
        self.0.admitted.fetch_add(1, Ordering::AcqRel);
        Ok(Some(Admission(&self.0.admitted)))
    }

    /// The number changes whenever another connection has committed.
    pub(super) fn data_version(&self) -> sqlx::Result<i64> {
        let watcher = self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        watcher.as_ref().ok_or(sqlx::Error::PoolClosed)?.number("PRAGMA data_version", 0)
    }

    pub(super) async fn close(&self) -> sqlx::Result<()> {
        let written = self.0.writer.close().await;
        self.0.readers.close();
        self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        written.and(self.0.checkpointer.close().await)
    }
}

/// Migrations are sqlx's, and so is the connection that makes them. It does not wait for the disk, twice for each: if the
/// machine stops, the last ones are made again, and the first durable commit of the server covers them all.
async fn migrate(options: SqliteConnectOptions) -> sqlx::Result<anyhow::Result<()>> {
    let options = options.journal_mode(SqliteJournalMode::Wal).pragma("wal_autocheckpoint", "0");
    let options = options.synchronous(SqliteSynchronous::Normal);
    let mut connection = options.connect().await?;
    let migrated = SQLITE_MIGRATIONS.run(&mut connection).await;
    connection.close().await?;
    Ok(migrated.map_err(|error| not_migrated(error, &SQLITE_MIGRATIONS)))
}

/// Creates the file if it is missing, readable by its owner only; SQLite gives its log the same permissions.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
