//! The sample database, and a reader that no query can hold up or get around: SQLite itself asks it before touching
//! anything, and at every hundredth step whether to go on.
use crate::{digest, tools::Failure};
use rusqlite::{
    Batch, Connection,
    fallible_iterator::FallibleIterator,
    ffi::ErrorCode,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    types::ValueRef,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

const TABLES: [&str; 3] = ["users", "orders", "products"];
/// What a query may take. Steps are those of SQLite's virtual machine.
const LONGEST: Duration = Duration::from_secs(1);
const STEPS_BETWEEN: i32 = 100;
const MOST_STEPS: i32 = 3_000_000;
/// Bytes of all its rows.
const LARGEST: usize = 512 * 1024;
/// Bytes of one value or row, and the other bounds within which a step takes no time worth telling.
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

const SAMPLE: &str = "
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    country TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL,
    price REAL NOT NULL,
    stock INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL,
    status TEXT NOT NULL,
    ordered_at TEXT NOT NULL
);
CREATE INDEX orders_user ON orders (user_id);
INSERT INTO users (id, name, email, country, created_at) VALUES
    (1, 'Ada Novak', 'ada@mail.example', 'CZ', '2025-01-07'),
    (2, 'Ben Okoro', 'ben@mail.example', 'NG', '2025-01-19'),
    (3, 'Chen Li', 'chen@mail.example', 'CN', '2025-02-02'),
    (4, 'Dana Weiss', 'dana@mail.example', 'DE', '2025-02-28'),
    (5, 'Emil Sand', 'emil@mail.example', 'NO', '2025-03-14'),
    (6, 'Fatima Haddad', 'fatima@mail.example', 'MA', '2025-04-01'),
    (7, 'Grace Kim', 'grace@mail.example', 'KR', '2025-04-22'),
    (8, 'Hugo Silva', 'hugo@mail.example', 'BR', '2025-05-05');
INSERT INTO products (id, name, category, price, stock) VALUES
    (1, 'Desk lamp', 'home', 39.5, 120),
    (2, 'Notebook', 'office', 4.25, 900),
    (3, 'Fountain pen', 'office', 28.0, 75),
    (4, 'Tea pot', 'kitchen', 24.9, 60),
    (5, 'Water bottle', 'outdoor', 15.0, 310),
    (6, 'Backpack', 'outdoor', 79.0, 42);
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 48)
INSERT INTO orders (id, user_id, product_id, quantity, status, ordered_at)
    SELECT n, n * 5 % 8 + 1, n * 7 % 6 + 1, n * 3 % 4 + 1,
        CASE n % 5 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'open' ELSE 'delivered' END,
        date('2025-06-01', '+' || (n * 3) || ' days')
    FROM numbers;
";

pub(super) struct Rows {
    pub rows: Vec<Map<String, Value>>,
    pub truncated: bool,
}

pub(super) struct Table {
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
    pub constraints: Vec<Constraint>,
    pub row_count: usize,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
    primary_key: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Index {
    name: String,
    columns: Vec<String>,
    unique: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Constraint {
    /// `PRIMARY KEY`, `UNIQUE` or `FOREIGN KEY`.
    #[serde(rename = "type")]
    kind: &'static str,
    columns: Vec<String>,
    /// Table and column.
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<String>,
}

fn open() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(SAMPLE)?;
    Ok(connection)
}

/// The rows of one `SELECT`, up to `limit`.
pub(super) fn read(query: &str, limit: usize) -> Result<Rows, Failure> {
    let connection = open()?;
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    connection.authorizer(Some(judge))?;
    let (started, mut steps) = (Instant::now(), 0);
    let ends = move || {
        steps += STEPS_BETWEEN;
        steps >= MOST_STEPS || started.elapsed() >= LONGEST
    };
    connection.progress_handler(STEPS_BETWEEN, Some(ends))?;
    rows(&connection, query, limit).map_err(|error| told(&error))
}

/// What SQLite asks while it compiles a query. Whatever is not named here is refused.
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

/// One of SQLite's own. Of what it counts and reads no column of, it tells the name only, and that may be one which the
/// query gave to a part of itself.
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

/// Bytes are shown in hexadecimal; a number that JSON cannot say is `null`.
fn json_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => digest::hex(bytes).into(),
    }
}

/// Every failure is the query's: the sample is there, and nobody else has it. What SQLite says would repeat the query.
fn told(error: &rusqlite::Error) -> Failure {
    let (code, text) = match error {
        rusqlite::Error::SqliteFailure(failure, text) => (Some(failure.code), text.as_deref().unwrap_or_default()),
        rusqlite::Error::MultipleStatement => return Failure::new("Only one statement at a time"),
        _ => (None, ""),
    };
    let names = |names: &[&str]| names.iter().any(|name| text.starts_with(name));
    match code {
        Some(ErrorCode::OperationInterrupted) => Failure::new("The query took too long"),
        _ if code == Some(ErrorCode::AuthorizationForStatementDenied) || names(&["not authorized"]) => {
            Failure::new("Only reading the tables users, orders and products is allowed")
        }
        Some(ErrorCode::TooBig) => Failure::new("A value of the query is too long"),
        _ if names(&["no such table", "no such database"]) => {
            Failure::new("Unknown table; there are users, orders and products")
        }
        _ if names(&["no such column", "ambiguous column"]) => Failure::new("Unknown or ambiguous column"),
        _ => Failure::new("The query is no SQL that can be run here"),
    }
}

pub(super) fn describe(table: &str) -> Result<Table, Failure> {
    if !TABLES.contains(&table) {
        return Err(Failure::new("Unknown table; there are users, orders and products"));
    }
    let connection = open()?;
    let columns = columns(&connection, table)?;
    let primary = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    let indexes = indexes(&connection, table)?;
    let mut constraints = vec![Constraint { kind: "PRIMARY KEY", columns: primary, references: None }];
    let unique = indexes.iter().filter(|index| index.unique);
    constraints.extend(unique.map(|index| Constraint {
        kind: "UNIQUE",
        columns: index.columns.clone(),
        references: None,
    }));
    let mut statement = connection.prepare("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1)")?;
    let foreign = statement.query_map([table], |row| {
        let references = format!("{}.{}", row.get::<_, String>(1)?, row.get::<_, String>(2)?);
        Ok(Constraint { kind: "FOREIGN KEY", columns: vec![row.get(0)?], references: Some(references) })
    })?;
    constraints.extend(foreign.collect::<Result<Vec<_>, _>>()?);
    // One of the three names above.
    let row_count = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, u32>(0))?;
    Ok(Table { columns, indexes, constraints, row_count: usize::try_from(row_count)? })
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let query = "SELECT name, type, \"notnull\", pk, dflt_value FROM pragma_table_info(?1)";
    let mut statement = connection.prepare(query)?;
    let columns = statement.query_map([table], |row| {
        let primary_key = row.get::<_, i32>(3)? > 0;
        let nullable = !primary_key && row.get::<_, i32>(2)? == 0;
        Ok(Column { name: row.get(0)?, kind: row.get(1)?, nullable, primary_key, default: row.get(4)? })
    })?;
    columns.collect()
}

fn indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let mut statement = connection.prepare("SELECT name, \"unique\" FROM pragma_index_list(?1) ORDER BY name")?;
    let names = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let names: Vec<(String, bool)> = names.collect::<Result<_, _>>()?;
    let of = |(name, unique): (String, bool)| {
        let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1)")?;
        let columns = statement.query_map([&name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(Index { name, columns, unique })
    };
    names.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(query: &str) -> String {
        match read(query, 100) {
            Ok(rows) => panic!("{query}: {:?}", rows.rows),
            Err(Failure::Told(told)) => {
                assert_eq!(told["success"], false);
                told["error"].as_str().unwrap().to_owned()
            }
            Err(Failure::Internal(error)) => panic!("{query}: {error:#}"),
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
    fn no_query_goes_on_for_long_or_grows_without_end() {
        let endless = [
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
            "WITH RECURSIVE c(x) AS (SELECT zeroblob(8000) UNION ALL SELECT x FROM c) SELECT x FROM c ORDER BY 1",
            "SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e",
        ];
        let slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + instr(printf('%.*c', 8000, 'a'), \
                    printf('%.*c', 4000, 'a') || n) FROM c) SELECT n FROM c WHERE n < 0";
        for query in endless.into_iter().chain([slow]) {
            assert_eq!(error(query), "The query took too long", "{query}");
        }
        let long = ["SELECT zeroblob(100000000)", "SELECT hex(zeroblob(8000))"];
        for query in long {
            let error = error(query);
            assert!(error.contains("too long"), "{query}: {error}");
        }
        let none = read("SELECT printf('%.*c', 100000000, 'x') AS x", 1).unwrap();
        assert_eq!(none.rows[0]["x"], Value::Null);
        let many = read(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 900) \
                         SELECT printf('%.*c', 8000, 'x') AS x FROM c",
            1000,
        );
        let many = many.unwrap();
        assert!(many.truncated && many.rows.len() < 70, "{}", many.rows.len());
    }

    #[test]
    fn tables_are_described_as_they_are() {
        let orders = describe("orders").unwrap();
        assert_eq!(orders.row_count, 48);
        assert_eq!(
            orders.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>()[..2],
            ["id", "user_id"]
        );
        assert_eq!(orders.indexes[0].columns, ["user_id"]);
        let kinds: Vec<_> = orders.constraints.iter().map(|one| (one.kind, one.references.as_deref())).collect();
        assert!(
            kinds.contains(&("PRIMARY KEY", None)) && kinds.contains(&("FOREIGN KEY", Some("users.id"))),
            "{kinds:?}"
        );
        assert!(describe("sqlite_master").is_err());
        let products = describe("products").unwrap();
        assert!(products.constraints.iter().any(|one| one.kind == "UNIQUE" && one.columns == ["name"]));
        assert_eq!(products.columns[4].default.as_deref(), Some("0"));
    }
}
