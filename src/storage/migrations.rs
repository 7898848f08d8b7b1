//! The migrations of both databases, and the errors when one cannot run.
use sqlx::migrate::{MigrateError, Migrator};

pub(super) static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
pub(super) static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

pub(super) fn not_migrated(error: MigrateError, ours: &Migrator) -> anyhow::Error {
    let newest = ours.iter().map(|migration| migration.version).max();
    match error {
        MigrateError::VersionMissing(version) if Some(version) > newest => {
            anyhow::anyhow!("the database was written by a newer version of keyward")
        }
        other => anyhow::Error::new(other).context("cannot migrate the database"),
    }
}
