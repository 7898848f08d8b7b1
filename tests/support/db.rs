//! A database per test: a SQLite file, or a schema of the PostgreSQL database that `TEST_DATABASE_URL` names.
use keyward::{
    model::{ClientId, Grant, UserId},
    storage::Db,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::ops::Deref;
use time::OffsetDateTime;

/// An open, empty database, gone when dropped.
pub struct TestDb {
    db: Db,
    /// Opens the same database again.
    pub url: String,
    _home: Home,
}

/// Changes one row on a connection of its own.
macro_rules! change_one {
    ($db:expr, $query:expr) => {
        let changed = match &$db.db {
            Db::Postgres(pool) => $query.execute(pool).await.unwrap().rows_affected(),
            Db::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&$db.url).await.unwrap();
                let changed = $query.execute(&mut connection).await.unwrap().rows_affected();
                connection.close().await.unwrap();
                changed
            }
        };
        assert_eq!(changed, 1);
    };
}

enum Home {
    Folder(#[allow(dead_code)] tempfile::TempDir), // held for its Drop
    Schema { server: String, name: String },
    Database { server: String, name: String },
}

impl TestDb {
    /// Runs SQL on a connection of its own, as another program would.
    pub async fn outside(&self, sql: &'static str) {
        match self.db {
            Db::Postgres(_) => run(&self.url, sql.into()).await,
            Db::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// As before any server was here.
    pub async fn empty(&self) {
        const EMPTY: &str = "DO $$ DECLARE own text := current_schema(); BEGIN \
            EXECUTE format('DROP SCHEMA %I CASCADE', own); EXECUTE format('CREATE SCHEMA %I', own); END $$";
        match (&self.db, self.url.strip_prefix("sqlite:")) {
            (Db::Sqlite(_), Some(file)) => std::fs::remove_file(file).unwrap(),
            _ => self.outside(EMPTY).await,
        }
    }

    /// A grant as it was once, as a backup has it.
    pub async fn put_back(&self, grant: &Grant) {
        change_one!(
            self,
            sqlx::query("UPDATE grants SET generation = $2, refresh_hash = $3, refreshed_at = $4 WHERE id = $1")
                .bind(grant.id)
                .bind(grant.generation)
                .bind(&grant.refresh_hash)
                .bind(grant.refreshed_at)
        );
    }

    /// What is left of an operator's act if nothing but the account changes.
    pub async fn set_user_disabled(&self, id: UserId, at: Option<OffsetDateTime>) {
        change_one!(self, sqlx::query("UPDATE users SET disabled_at = $2 WHERE id = $1").bind(id).bind(at));
    }

    /// As an operator's act does, without its event.
    pub async fn set_client_disabled(&self, id: &ClientId, at: Option<OffsetDateTime>) {
        change_one!(self, sqlx::query("UPDATE clients SET disabled_at = $2 WHERE id = $1").bind(id).bind(at));
    }

    /// The one number that this asks for.
    pub async fn number(&self, sql: &'static str) -> i64 {
        match &self.db {
            Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Db::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                let number = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                number
            }
        }
    }
}

impl Deref for TestDb {
    type Target = Db;
    fn deref(&self) -> &Db {
        &self.db
    }
}

pub async fn fresh_db() -> TestDb {
    match std::env::var("TEST_DATABASE_URL") {
        Ok(server) => fresh_schema(server).await,
        Err(_) => fresh_sqlite().await,
    }
}

/// One whose locale folds the case of every letter, where the database has locales.
pub async fn fresh_db_of_another_locale() -> TestDb {
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else { return fresh_sqlite().await };
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let locale = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'";
    run(&server, format!("CREATE DATABASE {name} {locale}")).await;
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    let url = String::from(url);
    TestDb { db: Db::open(&url).await.unwrap(), url, _home: Home::Database { server, name } }
}

/// For what only PostgreSQL does. Such a test is `#[ignore = "PostgreSQL alone"]`, so that it is seen where it is left out.
pub async fn fresh_postgres() -> TestDb {
    fresh_schema(std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL, for PostgreSQL alone")).await
}

/// SQLite whatever the environment says, for what only SQLite does.
pub async fn fresh_sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    TestDb { db: Db::open(&url).await.unwrap(), url, _home: Home::Folder(folder) }
}

async fn fresh_schema(server: String) -> TestDb {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    run(&server, format!("CREATE SCHEMA {name}")).await;
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-c%20search_path%3D{name}");
    TestDb { db: Db::open(&url).await.unwrap(), url, _home: Home::Schema { server, name } }
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for Home {
    fn drop(&mut self) {
        let (server, sql) = match self {
            Self::Folder(_) => return,
            Self::Database { server, name } => (server.clone(), format!("DROP DATABASE {name} WITH (FORCE)")),
            Self::Schema { server, name } => {
                // A task that the test leaves behind may hold a transaction, and goes on only after this.
                let others = format!(
                    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                       JOIN pg_namespace n ON n.oid = c.relnamespace \
                       JOIN pg_database d ON d.oid = l.database \
                      WHERE d.datname = current_database() AND n.nspname = '{name}' AND l.pid <> pg_backend_pid()"
                );
                (server.clone(), format!("{others}; DROP SCHEMA {name} CASCADE"))
            }
        };
        // Drop cannot wait for a future, but it can wait for a thread that does.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, sql));
        });
        if dropped.join().is_err() {
            eprintln!("a test database was left behind");
        }
    }
}
