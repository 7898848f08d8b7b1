//! Moves stored dates when the clock was set back.
use super::{DATES, Db};
use sqlx::AssertSqlSafe;
use time::Duration;

/// Tables and their columns.
fn moving() -> impl Iterator<Item = (&'static str, &'static str)> {
    DATES.iter().flat_map(|(table, columns)| columns.iter().map(|column| (*table, *column)))
}

/// Moves the dates that would make something last longer, or seem younger, than it should back by as much as the clock
/// was. Dates of used-up objects stay, which only remembers them longer.
pub async fn set_back(db: &Db, by: Duration) -> sqlx::Result<()> {
    let seconds = by.whole_seconds();
    transaction!(db, |on| {
        for (table, column) in moving() {
            // The statement contains only the names above and a number.
            let earlier = match db {
                Db::Sqlite(_) => format!("strftime('%Y-%m-%dT%H:%M:%SZ', {column}, '-{seconds} seconds')"),
                Db::Postgres(_) => format!("{column} - interval '{seconds} seconds'"),
            };
            let statement = format!("UPDATE {table} SET {column} = {earlier} WHERE {column} IS NOT NULL");
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *on).await?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    /// Dates that may stay in the future: they are only shown, or say that something is over, or remember a used-up
    /// object for longer than necessary.
    const STAY: [(&str, &str); 22] = [
        ("answered_forms", "answered_at"),
        ("clients", "created_at"),
        ("clients", "disabled_at"),
        ("codes", "consumed_at"),
        ("consents", "granted_at"),
        ("device_codes", "consumed_at"),
        ("device_codes", "created_at"),
        ("device_codes", "decided_at"),
        ("dpop_proofs", "expires_at"),
        ("grants", "caught_up_at"),
        ("grants", "created_at"),
        ("grants", "revoked_at"),
        ("pushed_requests", "opened_at"),
        ("revoked_tokens", "expires_at"),
        ("setup_tokens", "created_at"),
        ("signing_keys", "activated_at"),
        ("signing_keys", "created_at"),
        ("signing_keys", "retired_at"),
        ("subject_links", "linked_at"),
        ("used_assertions", "expires_at"),
        ("users", "created_at"),
        ("users", "disabled_at"),
    ];

    fn in_migrations(dialect: &str) -> BTreeSet<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
        let mut found = BTreeSet::new();
        for migration in fs::read_dir(folder).unwrap() {
            let sql = fs::read_to_string(migration.unwrap().path()).unwrap();
            let mut of = String::new();
            for line in sql.lines() {
                let words: Vec<_> = line.split([' ', '(', ',', ';']).filter(|word| !word.is_empty()).collect();
                let (table, column) = match words[..] {
                    ["CREATE", "TABLE", table, ..] => {
                        // A new form of a table takes the old one's name.
                        table.trim_start_matches("new_").clone_into(&mut of);
                        continue;
                    }
                    ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => (table, column),
                    [column, "TEXT" | "TIMESTAMPTZ", ..] => (of.as_str(), column),
                    _ => continue,
                };
                if column.ends_with("_at") || column.ends_with("_until") {
                    found.insert((table.to_owned(), column.to_owned()));
                }
            }
        }
        found
    }

    #[test]
    fn every_date_in_the_database_is_set_back_with_the_clock_or_prolongs_nothing() {
        let known: BTreeSet<_> = moving().chain(STAY).map(|(of, is)| (of.to_owned(), is.to_owned())).collect();
        assert_eq!(known.len(), moving().count() + STAY.len());
        for dialect in ["sqlite", "postgres"] {
            assert_eq!(in_migrations(dialect), known, "{dialect}");
        }
    }
}
