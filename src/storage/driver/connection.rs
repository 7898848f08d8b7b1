//! A connection, whose statements run on the calling thread.
use super::{
    error::error,
    query::{Answer, Query},
};
use rusqlite::OpenFlags;
use std::{path::PathBuf, time::Duration};

/// Statements that stay prepared; there are about 200, most of them rare.
const PREPARED_STATEMENTS: usize = 128;
/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Connection {
    pub inner: rusqlite::Connection,
}

/// Where and how a database is opened.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    pub file: PathBuf,
    pub read_only: bool,
    /// How long a statement waits while another connection writes.
    pub busy_timeout: Duration,
}

impl ConnectOptions {
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), read_only: false, busy_timeout: BUSY_TIMEOUT }
    }

    pub fn open(&self) -> sqlx::Result<Connection> {
        let access = if self.read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        let open = || {
            let inner = rusqlite::Connection::open_with_flags(&self.file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            inner.busy_timeout(self.busy_timeout)?;
            inner.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
            // A commit is on disk when it returns; the log is copied into the file by a connection of its own.
            inner
                .execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0")?;
            Ok(Connection { inner })
        };
        open().map_err(error)
    }
}

impl Connection {
    /// Runs the query to its end.
    pub fn run(&self, query: Query) -> sqlx::Result<Answer> {
        query.run(&self.inner).map_err(error)
    }

    /// Runs statements without arguments.
    pub fn batch(&self, sql: &str) -> sqlx::Result<()> {
        self.inner.execute_batch(sql).map_err(error)
    }

    /// The number in this column of the first row.
    pub fn number(&self, sql: &str, column: usize) -> sqlx::Result<i64> {
        self.inner.query_row(sql, [], |row| row.get(column)).map_err(error)
    }
}
