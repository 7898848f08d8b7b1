//! Everything that is stored: two databases behind one set of functions, each of which is one atomic step.
//!
//! Every statement is written once: SQLite and PostgreSQL both read `$1`, `RETURNING` and `ON CONFLICT`. When a
//! function has returned, its changes are on disk.
use crate::{error::OAuthError, model::ClientId};
use anyhow::{Context, anyhow, bail, ensure};
use migrations::{POSTGRES_MIGRATIONS, not_migrated};
pub use sqlite::Sqlite;
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;
use time::OffsetDateTime;

/// Runs a query that finds few rows by an index. On SQLite it runs at once, on the calling thread.
macro_rules! read {
    ($db:expr, |$on:ident| $query:expr) => {
        query!(reads, $db, |$on| $query)
    };
}

/// Runs a query that may read many rows. On SQLite it runs on a thread that may wait for the disk.
macro_rules! scan {
    ($db:expr, |$on:ident| $query:expr) => {
        query!(scans, $db, |$on| $query)
    };
}

/// Runs one statement that changes rows and returns some.
macro_rules! fetch {
    ($db:expr, |$on:ident| $query:expr) => {
        query!(writes, $db, |$on| $query)
    };
}

/// Runs one statement that changes rows; returns the number of changed rows.
macro_rules! execute {
    ($db:expr, $query:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                $query.execute(sqlite.writes()).await.map(|done| done.rows_affected())
            }
            $crate::storage::Db::Postgres(pool) => $query.execute(pool).await.map(|done| done.rows_affected()),
        }
    };
}

macro_rules! query {
    ($way:ident, $db:expr, |$on:ident| $query:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let $on = sqlite.$way();
                $query.await
            }
            $crate::storage::Db::Postgres($on) => $query.await,
        }
    };
}

/// Runs several statements as one transaction: leaving the body with `?` rolls it back.
macro_rules! transaction {
    ($db:expr, |$on:ident| $body:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let mut loan = sqlite.borrow().await?;
                let mut step = sqlx::Connection::begin(loan.connection()?).await?;
                let $on = &mut *step;
                let answer = $body;
                step.commit().await?;
                loan.committed().await?;
                sqlx::Result::Ok(answer)
            }
            $crate::storage::Db::Postgres(pool) => {
                let mut transaction = $crate::storage::begin(pool).await?;
                let $on = &mut *transaction;
                let answer = $body;
                transaction.commit().await?;
                sqlx::Result::Ok(answer)
            }
        }
    };
}

pub mod answered_forms;
pub mod audit_chain;
pub mod audit_events;
pub mod changes;
pub mod consents;
pub mod dates;
pub mod dpop_proofs;
mod driver;
mod migrations;
pub mod registration_access_tokens;
pub mod revoked_tokens;
pub mod settings;
pub mod signing_keys;
mod sqlite;
pub mod subject_links;
pub mod used_assertions;
pub mod users;
pub mod writable;

/// Tables with dates that move when the clock was set back, see [`dates`]: each module is named like its table, and its
/// constant `DATES` names the columns.
macro_rules! dated {
    ($($table:ident),* $(,)?) => {
        $(pub mod $table;)*
        const DATES: &[(&str, &[&str])] = &[$((stringify!($table), $table::DATES)),*];
    };
}

dated!(
    access_tokens,
    clients,
    codes,
    device_codes,
    grants,
    initial_access_tokens,
    logos,
    pushed_requests,
    sessions,
    setup_tokens
);

pub use sessions::{Sessions, USER as SESSION_USER, VERIFIED_HASH};

/// Selects rows to show, the newest first.
#[derive(Clone, Debug)]
pub struct Selection {
    pub limit: i64,
    pub client_id: Option<ClientId>,
    pub since: Option<OffsetDateTime>,
}

/// The `LIKE` pattern for rows that contain this text; without a text, for all rows.
fn containing(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Checks a database URL without opening it. The error does not repeat the URL, which may hold a password.
///
/// # Errors
/// Why the URL is not valid.
pub fn check_url(url: &str) -> anyhow::Result<()> {
    if url.starts_with("sqlite:") {
        return sqlite::options(url).map(drop);
    }
    ensure!(
        ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)),
        "this is neither sqlite:FILE nor postgres://USER:PASSWORD@HOST/NAME"
    );
    let parsed = url.parse::<PgConnectOptions>();
    parsed.map(drop).map_err(|error| {
        anyhow!("{error}; in a name or password, signs such as @ : / ? # are written %40 %3A %2F %3F %23")
    })
}

/// The open database; clones share it.
#[derive(Clone, Debug)]
pub enum Db {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

impl Db {
    /// Opens and migrates the database. `sqlite:PATH` creates the file in an existing folder; `postgres://` takes
    /// libpq's parameters, such as `options=-c search_path=...`.
    ///
    /// # Errors
    /// One sentence for the operator: why it cannot be opened, or that a newer version wrote it.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Sqlite::open(url).await.map(Self::Sqlite),
            Some("postgres" | "postgresql") => open_postgres(url).await.map(Self::Postgres),
            _ => bail!("the database URL must begin with sqlite: or postgres:"),
        }
    }

    /// Whether the database exists and was created by this program. Creates and migrates nothing.
    ///
    /// # Errors
    /// As of [`Db::open`].
    pub async fn exists(url: &str) -> anyhow::Result<bool> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Sqlite::exists(url).await,
            Some("postgres" | "postgresql") => is_migrated(url).await,
            _ => bail!("the database URL must begin with sqlite: or postgres:"),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> sqlx::Result<()> {
        read!(self, |on| sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(on)).map(drop)
    }

    /// Commits running batches, empties SQLite's log, and closes the database. Later calls are refused.
    pub async fn close(&self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(pool) => {
                pool.close().await;
                Ok(())
            }
        }
    }
}

/// Connects outside the pool, because the pool would retry until its timeout and lose the reason.
async fn connect(url: &str) -> anyhow::Result<(PgConnection, PgConnectOptions)> {
    let options: PgConnectOptions = url.parse().context(sqlite::INVALID_URL)?;
    Ok((options.connect().await.context("cannot connect to PostgreSQL")?, options))
}

async fn is_migrated(url: &str) -> anyhow::Result<bool> {
    let (mut connection, _) = connect(url).await?;
    // Other programs that use sqlx have the first table too.
    let ours = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AND to_regclass('clients') IS NOT NULL";
    let found = sqlx::query_scalar(ours).fetch_one(&mut connection).await;
    connection.close().await.ok();
    found.context("cannot read the database")
}

async fn open_postgres(url: &str) -> anyhow::Result<PgPool> {
    let (mut connection, options) = connect(url).await?;
    let migrated = POSTGRES_MIGRATIONS.run(&mut connection).await;
    connection.close().await.ok();
    migrated.map_err(|error| not_migrated(error, &POSTGRES_MIGRATIONS))?;
    // Testing a connection costs as much as a statement, so only idle connections are tested.
    Ok(PgPoolOptions::new()
        .max_connections(20)
        // While the database is away, callers get an error before their own timeout.
        .acquire_timeout(Duration::from_millis(1500))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Begins a transaction in a task that a disconnecting client cannot cancel. Cancelled halfway, the driver would return
/// the connection to the pool with an open transaction, which would later roll back other callers' writes.
async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    tokio::spawn(async move { pool.begin().await }).await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// Tells clients whether retrying helps: not if a statement or row is wrong, but later if the database cannot answer
/// now.
impl From<sqlx::Error> for OAuthError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::{
            Error::{ColumnDecode, ColumnNotFound, Decode, Encode, RowNotFound, TypeNotFound},
            error::ErrorKind,
        };
        let ours = match &error {
            RowNotFound | ColumnNotFound(_) | ColumnDecode { .. } | TypeNotFound { .. } | Decode(_) | Encode(_) => true,
            other => other.as_database_error().is_some_and(|error| !matches!(error.kind(), ErrorKind::Other)),
        };
        if ours { Self::server_error(error) } else { Self::unavailable(error) }
    }
}
