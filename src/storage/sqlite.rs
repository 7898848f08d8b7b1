//! SQLite: a few readers, and one writer whose operations share a durable commit.
//!
//! The writer is a fair lock around one connection. A caller that finds no open transaction begins one and schedules
//! its commit, which queues for the same lock behind everyone already waiting. All of them join the batch, and each
//! returns only after the batch's COMMIT has returned.
use super::migrations::{SQLITE_MIGRATIONS, not_migrated};
use anyhow::{Context, anyhow, bail};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, MutexGuard, watch};

/// How long after a commit its pages are copied from the log into the database file.
const CHECKPOINT_DELAY: Duration = Duration::from_millis(500);
/// Pages of 4 KiB (32 MiB): a larger log is restarted.
const MAX_LOG_PAGES: i64 = 8192;

#[derive(Clone, Debug)]
pub struct Sqlite(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    readers: SqlitePool,
    options: SqliteConnectOptions,
    writer: Mutex<Writer>,
    /// Copies the log into the file without blocking the writer; `None` once closed.
    checkpointer: Mutex<Option<SqliteConnection>>,
    checkpoint_due: AtomicBool,
    registering: Mutex<()>,
    /// Registrations that found room and are not on disk yet.
    admitted: AtomicI64,
    /// Reads `data_version`, which SQLite counts separately for each connection; `None` once closed.
    watcher: Mutex<Option<SqliteConnection>>,
}

#[derive(Debug, Default)]
struct Writer {
    /// `None` after a failure that left its state unknown; the next batch opens a new connection.
    connection: Option<SqliteConnection>,
    batch: Option<watch::Sender<BatchResult>>,
    /// Whether a step of several statements began and has not ended: the next writer rolls it back first.
    unfinished: bool,
    closed: bool,
}

/// The result of a batch; `None` while it is open.
type BatchResult = Option<Result<(), Arc<sqlx::Error>>>;

/// An operation that holds the writer, within an open transaction. Dropping it releases the lock; its statements stay
/// in the batch, except those of an unfinished step.
pub(super) struct Write<'a> {
    writer: MutexGuard<'a, Writer>,
    outcome: watch::Receiver<BatchResult>,
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
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("wal_autocheckpoint", "0");
        let cannot_open = || format!("cannot open the database file {}", path.display());
        let mut connection = options.connect().await.with_context(cannot_open)?;
        if let Err(error) = SQLITE_MIGRATIONS.run(&mut connection).await {
            connection.close().await?;
            return Err(not_migrated(error, &SQLITE_MIGRATIONS));
        }
        let checkpointer =
            options.clone().busy_timeout(Duration::from_millis(250)).connect().await.with_context(cannot_open)?;
        let watcher = options.clone().read_only(true).connect().await.with_context(cannot_open)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.clone().read_only(true));
        Ok(Self(Arc::new(Shared {
            readers,
            options,
            writer: Mutex::new(Writer { connection: Some(connection), ..Writer::default() }),
            checkpointer: Mutex::new(Some(checkpointer)),
            checkpoint_due: AtomicBool::new(false),
            registering: Mutex::default(),
            admitted: AtomicI64::new(0),
            watcher: Mutex::new(Some(watcher)),
        })))
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.0.readers
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
    pub(super) async fn data_version(&self) -> sqlx::Result<i64> {
        let mut watcher = self.0.watcher.lock().await;
        let watcher = watcher.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        sqlx::query_scalar("PRAGMA data_version").fetch_one(watcher).await
    }

    /// Waits for the writer; joins the open batch or begins a new one.
    pub(super) async fn write(&self) -> sqlx::Result<Write<'_>> {
        let mut writer = self.0.writer.lock().await;
        if writer.closed {
            return Err(sqlx::Error::PoolClosed);
        }
        writer.undo_unfinished().await?;
        let outcome = match &writer.batch {
            Some(batch) => batch.subscribe(),
            None => self.begin(&mut writer).await?,
        };
        Ok(Write { writer, outcome })
    }

    async fn begin(&self, writer: &mut Writer) -> sqlx::Result<watch::Receiver<BatchResult>> {
        // Taken out while its state is in doubt: if BEGIN fails or this future is dropped, the connection is closed.
        let mut connection = match writer.connection.take() {
            Some(connection) => connection,
            None => self.0.options.connect().await?,
        };
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await?;
        writer.connection = Some(connection);
        let (batch, outcome) = watch::channel(None);
        writer.batch = Some(batch);
        let this = self.clone();
        tokio::spawn(async move {
            let mut writer = this.0.writer.lock().await;
            writer.commit().await;
            drop(writer);
            this.checkpoint_soon();
        });
        Ok(outcome)
    }

    fn checkpoint_soon(&self) {
        if !self.0.checkpoint_due.swap(true, Ordering::AcqRel) {
            let this = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(CHECKPOINT_DELAY).await;
                this.0.checkpoint_due.store(false, Ordering::Release);
                if let Some(connection) = this.0.checkpointer.lock().await.as_mut()
                    && let Err(error) = checkpoint(connection).await
                {
                    tracing::warn!(%error, "checkpoint failed; the next one tries again");
                }
            });
        }
    }

    pub(super) async fn close(&self) -> sqlx::Result<()> {
        let mut writer = self.0.writer.lock().await;
        writer.closed = true;
        writer.commit().await;
        self.0.readers.close().await;
        if let Some(connection) = self.0.watcher.lock().await.take() {
            connection.close().await?;
        }
        if let Some(connection) = writer.connection.take() {
            connection.close().await?;
        }
        if let Some(mut connection) = self.0.checkpointer.lock().await.take() {
            sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
            connection.close().await?;
        }
        Ok(())
    }
}

impl Writer {
    async fn undo_unfinished(&mut self) -> sqlx::Result<()> {
        if let (true, Some(connection)) = (self.unfinished, &mut self.connection) {
            match sqlx::raw_sql("ROLLBACK TO step; RELEASE step").execute(connection).await {
                Err(error) if !is_no_such_savepoint(&error) => return Err(error),
                _ => self.unfinished = false,
            }
        }
        Ok(())
    }

    /// Commits the open batch, if any, and reports the result to all its operations.
    async fn commit(&mut self) {
        let undone = self.undo_unfinished().await;
        let Some(batch) = self.batch.take() else { return };
        self.unfinished = false;
        let outcome = match self.connection.take() {
            Some(mut connection) => {
                let committed = match undone {
                    Ok(()) => sqlx::raw_sql("COMMIT").execute(&mut connection).await,
                    Err(error) => Err(error),
                };
                if committed.is_ok() {
                    self.connection = Some(connection);
                } else {
                    // Closing the connection rolls back; the next batch opens a new one.
                    connection.close().await.ok();
                }
                committed.map(drop)
            }
            None => Err(sqlx::Error::WorkerCrashed),
        };
        batch.send_replace(Some(outcome.map_err(Arc::new)));
    }
}

impl Write<'_> {
    pub(super) fn connection(&mut self) -> sqlx::Result<&mut SqliteConnection> {
        self.writer.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// The statements from here to [`Self::end_step`] take effect together or not at all, also if the caller is dropped
    /// in between.
    pub(super) async fn begin_step(&mut self) -> sqlx::Result<()> {
        self.writer.unfinished = true;
        sqlx::raw_sql("SAVEPOINT step").execute(self.connection()?).await.map(drop)
    }

    pub(super) async fn end_step(&mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("RELEASE step").execute(self.connection()?).await?;
        self.writer.unfinished = false;
        Ok(())
    }

    /// Releases the lock and waits until the batch is on disk.
    pub(super) async fn committed(self) -> sqlx::Result<()> {
        let Self { writer, mut outcome } = self;
        drop(writer);
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(sqlx::Error::Io(io::Error::other(Arc::clone(error)))),
            Ok(None) | Err(_) => Err(sqlx::Error::WorkerCrashed),
        }
    }
}

/// The caller was dropped before its SAVEPOINT or after its RELEASE: there is nothing to roll back.
fn is_no_such_savepoint(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().starts_with("no such savepoint"))
}

async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let (_, pages, _): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *connection).await?;
    if pages > MAX_LOG_PAGES {
        sqlx::raw_sql("PRAGMA wal_checkpoint(RESTART)").execute(connection).await?;
    }
    Ok(())
}

/// Creates the file if it is missing, readable by its owner only; SQLite gives its log the same permissions.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
