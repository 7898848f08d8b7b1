//! Everything that persists: two dialects behind one set of functions, each one atomic step.
//!
//! Every statement is written once: SQLite and PostgreSQL both read `$1`, `RETURNING` and `ON CONFLICT`. What a
//! function answered as done is on disk.
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

/// Asks where no transaction of ours is needed: on SQLite one of the readers, on PostgreSQL the pool.
macro_rules! read {
    ($db:expr, |$on:ident| $query:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let $on = sqlite.readers();
                $query.await
            }
            $crate::storage::Db::Postgres($on) => $query.await,
        }
    };
}

/// One statement that changes something and answers rows. On SQLite no such statement may be able to break a
/// foreign key, for the driver stops listening after the first row and would miss the refusal.
macro_rules! fetch {
    ($db:expr, |$on:ident| $query:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let mut write = sqlite.write().await?;
                let $on = write.connection()?;
                let answer = $query.await?;
                write.committed().await?;
                Ok(answer)
            }
            $crate::storage::Db::Postgres($on) => $query.await,
        }
    };
}

/// One statement that changes something; answers how many rows it changed.
macro_rules! execute {
    ($db:expr, $query:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let mut write = sqlite.write().await?;
                let rows = $query.execute(write.connection()?).await?.rows_affected();
                write.committed().await?;
                sqlx::Result::Ok(rows)
            }
            $crate::storage::Db::Postgres(pool) => $query.execute(pool).await.map(|done| done.rows_affected()),
        }
    };
}

/// Several statements, all or none: leaving the body by `?` undoes what it did.
macro_rules! transaction {
    ($db:expr, |$on:ident| $body:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let mut write = sqlite.write().await?;
                write.begin_step().await?;
                let $on = write.connection()?;
                let answer = $body;
                write.end_step().await?;
                write.committed().await?;
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

pub mod access_tokens;
pub mod answered_forms;
pub mod audit_chain;
pub mod audit_events;
pub mod changes;
pub mod clients;
pub mod codes;
pub mod consents;
pub mod dates;
pub mod device_codes;
pub mod dpop_proofs;
pub mod grants;
pub mod initial_access_tokens;
pub mod logos;
mod migrations;
pub mod pushed_requests;
pub mod registration_access_tokens;
pub mod revoked_tokens;
mod sessions;
pub mod settings;
pub mod setup_tokens;
pub mod signing_keys;
mod sqlite;
pub mod subject_links;
pub mod used_assertions;
pub mod users;
pub mod writable;

pub use sessions::{Sessions, USER as SESSION_USER};

/// Which rows somebody wants to look at; the newest of them first.
#[derive(Clone, Debug)]
pub struct Selection {
    pub limit: i64,
    pub client_id: Option<ClientId>,
    pub since: Option<OffsetDateTime>,
}

/// The pattern of `LIKE` for what contains this text; of all without one.
fn containing(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// What can be said of a database URL without opening it, and without telling it: it may hold a password.
///
/// # Errors
/// What is wrong with it.
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
    /// Opens and migrates. `sqlite:PATH` creates the file, in a folder that exists; `postgres://` takes libpq's
    /// parameters, `options=-c search_path=...` among them.
    ///
    /// # Errors
    /// One sentence for the operator: what cannot be opened and why, or that a newer keyward wrote it.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Sqlite::open(url).await.map(Self::Sqlite),
            Some("postgres" | "postgresql") => open_postgres(url).await.map(Self::Postgres),
            _ => bail!("the database URL must begin with sqlite: or postgres:"),
        }
    }

    /// Whether a server has made it. Looking makes nothing, and migrates nothing.
    ///
    /// # Errors
    /// As of [`Db::open`].
    pub async fn exists(url: &str) -> anyhow::Result<bool> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Sqlite::exists(url),
            Some("postgres" | "postgresql") => is_migrated(url).await,
            _ => bail!("the database URL must begin with sqlite: or postgres:"),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> sqlx::Result<()> {
        read!(self, |on| sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(on)).map(drop)
    }

    /// Commits what is under way, leaves nothing in SQLite's log, closes. Later calls are refused.
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

/// Outside the pool, which would try again until it gives up without saying why.
async fn connect(url: &str) -> anyhow::Result<(PgConnection, PgConnectOptions)> {
    let options: PgConnectOptions = url.parse().context(sqlite::INVALID_URL)?;
    Ok((options.connect().await.context("cannot connect to PostgreSQL")?, options))
}

async fn is_migrated(url: &str) -> anyhow::Result<bool> {
    let (mut connection, _) = connect(url).await?;
    let found =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut connection).await;
    connection.close().await.ok();
    found.context("cannot read the database")
}

async fn open_postgres(url: &str) -> anyhow::Result<PgPool> {
    let (mut connection, options) = connect(url).await?;
    let migrated = POSTGRES_MIGRATIONS.run(&mut connection).await;
    connection.close().await.ok();
    migrated.map_err(|error| not_migrated(error, &POSTGRES_MIGRATIONS))?;
    // Asking whether a connection still lives costs as much as a statement: only ask those that have been idle.
    Ok(PgPoolOptions::new()
        .max_connections(20)
        // Whoever asks while it is away hears so before they give up.
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

/// Begins where no hang-up reaches. Abandoned halfway, the driver would give the connection back to the pool with
/// the transaction open, and the next one's acknowledged writes would be rolled back with it.
async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    tokio::spawn(async move { pool.begin().await }).await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// What a client should do about a failure: not the same again if a statement or a row of ours is wrong, and later
/// if the database cannot answer now.
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
