//! The sample database and its reader: an authorizer inside SQLite permits each access, so that no query can evade it.
use keyward_guard::digest;
use rusqlite::{
    Batch, Connection,
    fallible_iterator::FallibleIterator,
    ffi::ErrorCode,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    types::ValueRef,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) const TABLES: [&str; 3] = ["users", "orders", "products"];
/// Bytes of all rows of a query.
const LARGEST: usize = 512 * 1024;
/// SQLite's limits: bytes of one value or row, and others.
const LIMITS: [(Limit, i32); 9] = [
    (Limit::SQLITE_LIMIT_LENGTH, 8 * 1024),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 50),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
    (Limit::SQLITE_LIMIT_VDBE_OP, 20_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 16),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

const SAMPLE: &str = include_str!("sample.sql");

#[derive(Serialize, Deserialize)]
pub(super) struct Rows {
    pub rows: Vec<Map<String, Value>>,
    pub truncated: bool,
}

pub(super) fn open() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(SAMPLE)?;
    Ok(connection)
}

/// The rows of one `SELECT`, up to `limit`, or an error. `heap` limits SQLite's memory in this process, in bytes.
pub(super) fn read(query: &str, limit: usize, heap: Option<u32>) -> rusqlite::Result<Result<Rows, &'static str>> {
    let connection = open()?;
    // Temporary data must fit into memory: no files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if let Some(heap) = heap {
        connection.pragma_update_and_check(None, "hard_heap_limit", heap, |_| Ok(()))?;
    }
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    connection.authorizer(Some(judge))?;
    Ok(rows(&connection, query, limit).map_err(|error| told(&error)))
}

/// SQLite's authorizer, called while it compiles a query. Everything not named here is refused.
fn judge(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read { table_name, column_name: "" } => !is_internal(table_name),
        AuthAction::Read { table_name, .. } => TABLES.contains(&table_name),
        AuthAction::Function { function_name } => function_name != "load_extension",
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

/// Whether it is an internal table of SQLite. When no column is read, SQLite passes only a name, which may be an alias
/// in the query.
fn is_internal(table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    ["sqlite_", "pragma_"].iter().any(|prefix| table.starts_with(prefix))
}

fn rows(connection: &Connection, query: &str, limit: usize) -> rusqlite::Result<Rows> {
    let mut batch = Batch::new(connection, query);
    let mut statement = batch.next()?.ok_or(rusqlite::Error::InvalidQuery)?;
    if batch.next()?.is_some() {
        return Err(rusqlite::Error::MultipleStatement);
    }
    let names: Vec<_> = statement.column_names().into_iter().map(str::to_owned).collect();
    let (mut found, mut size, mut all) = (statement.query([])?, 0, Vec::new());
    while let Some(row) = found.next()? {
        let mut shown = Map::new();
        for (index, name) in names.iter().enumerate() {
            let value = json_of(row.get_ref(index)?);
            size += name.len() + value.as_str().map_or(16, str::len);
            shown.insert(name.clone(), value);
        }
        if all.len() >= limit || size > LARGEST {
            return Ok(Rows { rows: all, truncated: true });
        }
        all.push(shown);
    }
    Ok(Rows { rows: all, truncated: false })
}

/// Blobs become hexadecimal text; numbers that JSON cannot express become `null`.
fn json_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => digest::hex(bytes).into(),
    }
}

/// Every failure is the query's, as the sample always exists. SQLite's message would quote the query, so it is
/// replaced.
fn told(error: &rusqlite::Error) -> &'static str {
    let (code, text) = match error {
        rusqlite::Error::SqliteFailure(failure, text) => (Some(failure.code), text.as_deref().unwrap_or_default()),
        rusqlite::Error::MultipleStatement => return "Only one statement at a time",
        _ => (None, ""),
    };
    let names = |names: &[&str]| names.iter().any(|name| text.starts_with(name));
    match code {
        Some(ErrorCode::OutOfMemory) => "The query needs too much memory",
        _ if code == Some(ErrorCode::AuthorizationForStatementDenied) || names(&["not authorized"]) => {
            "Only reading the tables users, orders and products is allowed"
        }
        Some(ErrorCode::TooBig) => "A value of the query is too long",
        _ if names(&["no such table", "no such database"]) => "Unknown table; there are users, orders and products",
        _ if names(&["no such column", "ambiguous column"]) => "Unknown or ambiguous column",
        _ => "The query is no SQL that can be run here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(query: &str, limit: usize) -> Result<Rows, &'static str> {
        super::read(query, limit, None).unwrap()
    }

    fn error(query: &str) -> &'static str {
        match read(query, 100) {
            Ok(rows) => panic!("{query}: {:?}", rows.rows),
            Err(told) => told,
        }
    }

    #[test]
    fn reading_is_real_sql() {
        let rows = |query: &str| {
            Value::from(read(query, 100).unwrap().rows.into_iter().map(Value::Object).collect::<Vec<_>>())
        };
        assert_eq!(rows("SELECT name FROM users WHERE id = 3;"), json!([{"name": "Chen Li"}]));
        let joined = rows(
            "SELECT u.name, p.name AS product FROM orders o JOIN users u ON u.id = o.user_id \
             JOIN products p ON p.id = o.product_id WHERE o.id = 1",
        );
        assert_eq!(joined, json!([{"name": "Fatima Haddad", "product": "Notebook"}]));
        assert_eq!(
            rows("WITH big AS (SELECT * FROM orders WHERE quantity > 3) SELECT count(*) AS n FROM big"),
            json!([{"n": 12}])
        );
        assert_eq!(rows("SELECT NULL AS a, 1.5 AS b, x'00ff' AS c"), json!([{"a": null, "b": 1.5, "c": "00ff"}]));
        assert_eq!(rows("SELECT 1e999 AS a"), json!([{"a": null}]));
        let some = read("SELECT * FROM orders", 5).unwrap();
        assert_eq!((some.rows.len(), some.truncated), (5, true));
        let all = read("SELECT * FROM orders", 48).unwrap();
        assert_eq!((all.rows.len(), all.truncated), (48, false));
    }

    #[test]
    fn nothing_but_reading_the_three_tables_is_allowed() {
        let forbidden = [
            "DELETE FROM users",
            "UPDATE users SET name = 'x'",
            "INSERT INTO users SELECT * FROM users",
            "WITH a AS (SELECT 1) DELETE FROM users",
            "DROP TABLE users",
            "CREATE TABLE t (a)",
            "CREATE TEMP TABLE t (a)",
            "PRAGMA query_only",
            "PRAGMA table_info(users)",
            "SELECT * FROM pragma_database_list",
            "SELECT * FROM sqlite_schema",
            "SELECT * FROM sqlite_master",
            "SELECT count(*) FROM SQLite_Schema",
            "SELECT count(*) FROM pragma_database_list",
            "SELECT load_extension('x')",
            "ATTACH 'file.db' AS other",
            "VACUUM INTO 'file.db'",
            "BEGIN",
            "ANALYZE",
            "REINDEX",
        ];
        for query in forbidden {
            let error = error(query);
            assert!(error.starts_with("Only reading") || error.starts_with("Unknown table"), "{query}: {error}");
        }
        assert!(error("SELECT * FROM secrets").starts_with("Unknown table"));
        assert!(error("SELECT 1; SELECT 2").starts_with("Only one statement"));
        assert!(error("SELECT 1; DELETE FROM users").starts_with("Only reading"));
        assert!(error("SELECT tell_tale FROM users").starts_with("Unknown or ambiguous column"));
        for query in ["", "  -- nothing", "SELEC 1", "SELECT 'tell-tale", "\0"] {
            assert!(!error(query).contains("tell-tale"), "{query}");
        }
    }

    #[test]
    fn no_value_and_no_answer_is_too_long() {
        for query in ["SELECT zeroblob(100000000)", "SELECT hex(zeroblob(8000))"] {
            assert!(error(query).contains("too long"), "{query}");
        }
        let none = read("SELECT printf('%.*c', 100000000, 'x') AS x", 1).unwrap();
        assert_eq!(none.rows[0]["x"], Value::Null);
        let many = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 900) \
                    SELECT printf('%.*c', 8000, 'x') AS x FROM c";
        let many = read(many, 1000).unwrap();
        assert!(many.truncated && many.rows.len() < 70, "{}", many.rows.len());
    }
}
