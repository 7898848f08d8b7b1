//! Fills the SQLite database of a server that does not run, as years would: people, clients, grants and audit events,
//! each like one that is there.
use anyhow::{Context, ensure};
use rusqlite::Connection;
use std::path::Path;

/// In one transaction. More would make the log as large as the database.
const AT_ONCE: u64 = 100_000;
/// Ids are by age: these are older than all that a server made.
const ID: &str = "unhex(printf('%016x%016x', n, n * 2654435761))";

/// A table, the row that others are made after, and the columns in which they differ from it.
type Table = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// In the order of their references.
const TABLES: [Table; 4] = [
    ("users", "username = 'alice'", &[("id", ID), ("username", "printf('person%d', n)"), ("email", "NULL")]),
    (
        "clients",
        "id = 'app'",
        &[("id", "printf('client-%d', n)"), ("fingerprint", "randomblob(32)"), ("source", "'dcr'")],
    ),
    (
        "grants",
        "client_id = 'app'",
        &[
            ("id", ID),
            ("client_id", "printf('client-%d', n)"),
            ("user_id", ID),
            ("refresh_hash", "randomblob(32)"),
            ("refreshed_with", "NULL"),
            ("decision", "NULL"),
        ],
    ),
    // Their places are before that at which the chain begins, so that its seals hold.
    ("audit_events", "grant_id IS NOT NULL", &[("id", ID), ("place", "-n"), ("seal", "randomblob(32)")]),
];

/// Adds so many to each table.
pub fn add(database: &Path, rows: u64) -> anyhow::Result<()> {
    ensure!(database.exists(), "there is no {}", database.display());
    let on = Connection::open(database)?;
    for (table, like, differ) in TABLES {
        let sql = statement(&on, table, like, differ)?;
        let mut done = 0;
        while done < rows {
            let more = AT_ONCE.min(rows - done);
            let added = on.execute(&sql, [i64::try_from(done + 1)?, i64::try_from(done + more)?]);
            ensure!(added.context(table)? > 0, "{table} has no row that others could be made after");
            done += more;
            eprint!("\r\x1b[K{table} {done}");
        }
    }
    eprint!("\r\x1b[K");
    on.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// Rows of the numbers from `?1` to `?2`.
fn statement(on: &Connection, table: &str, like: &str, differ: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut columns = on.prepare("SELECT name FROM pragma_table_info(?)")?;
    let columns: Vec<String> = columns.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let known = |column: &str| differ.iter().find(|(name, _)| *name == column).map(|(_, value)| *value);
    let values: Vec<_> = columns.iter().map(|column| known(column).unwrap_or(column)).collect();
    Ok(format!(
        "WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
         INSERT INTO {table} ({}) SELECT {} FROM numbers, (SELECT * FROM {table} WHERE {like} LIMIT 1)",
        columns.join(", "),
        values.join(", ")
    ))
}
