//! A sample database for SQL queries: each call has its own copy, and can only read.
mod process;
mod sample;
mod tables;

pub use process::answer_query;

use super::{
    Failure,
    call::Call,
    fake::Fake,
    fake::round,
    tool::{Set, Tool},
};
use crate::store::StoreError;
use keyward_limits::shares::Seats;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{sync::LazyLock, time::Instant};
use time::{Duration, format_description::well_known::Rfc3339};
use tokio::time::timeout;

pub(super) const SET: Set = Set { name: "database", title: "Database", tools };

/// Kind of document: the number of rows of a query.
const QUERY: &str = "query";
const DATABASES: [&str; 2] = ["default", "main"];
/// Concurrent queries in all and for one source, and the length of the queue: each query may occupy a processor.
static QUERIES: LazyLock<Seats> = LazyLock::new(|| Seats::new(2, 1, 64));
/// The longest wait in the queue.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

#[derive(Deserialize, JsonSchema)]
struct QueryArguments {
    /// One `SELECT`, in the dialect of SQLite.
    #[schemars(length(min = 1, max = 5000))]
    query: String,
    /// `default` or `main`, which are the same.
    #[serde(default = "default_database")]
    #[schemars(length(max = 100))]
    database: String,
    /// Rows at most.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    success: bool,
    /// For `export_query_results`.
    query_id: String,
    query_type: &'static str,
    rows_returned: usize,
    execution_time_ms: f64,
    /// By name of column; of columns with the same name, the last.
    results: Vec<Map<String, Value>>,
    /// There is more than was returned.
    truncated: bool,
}

#[derive(Deserialize, JsonSchema)]
struct SchemaArguments {
    /// `users`, `orders` or `products`.
    #[schemars(length(min = 1, max = 100))]
    table_name: String,
    /// `default` or `main`, which are the same.
    #[serde(default = "default_database")]
    #[schemars(length(max = 100))]
    database: String,
}

#[derive(Serialize, JsonSchema)]
struct TableSchema {
    success: bool,
    table_name: String,
    columns: Vec<tables::Column>,
    indexes: Vec<tables::Index>,
    constraints: Vec<tables::Constraint>,
    row_count: usize,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Json,
    Xlsx,
    Sql,
}

#[derive(Deserialize, JsonSchema)]
struct ExportArguments {
    /// From a result of `run_sql_query`.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[A-Za-z0-9_-]+$"))]
    query_id: String,
    #[serde(default)]
    format: Format,
}

#[derive(Serialize, JsonSchema)]
struct Export {
    success: bool,
    file_name: String,
    format: Format,
    row_count: usize,
    /// Leads nowhere.
    download_url: String,
    /// RFC 3339, UTC.
    expires_at: String,
    status: &'static str,
    /// There was no such query; the answer is made up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    synthetic: bool,
}

fn default_database() -> String {
    DATABASES[0].to_owned()
}

fn hundred() -> usize {
    100
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    let runs = "Reads from a sample database with the tables users, orders and products.";
    let exports = "Tells where the results of a query could be had as a file; no file is written.";
    Ok(vec![
        Tool::waiting("run_sql_query", "Run a query", runs, run)?.scope("mcp:tools:call"),
        Tool::waiting("get_table_schema", "Describe a table", "Describes a table of the sample database.", describe)?
            .scope("mcp:tools:read"),
        Tool::waiting("export_query_results", "Export results", exports, export)?.scope("mcp:tools:call"),
    ])
}

fn check_database(name: &str) -> Result<(), Failure> {
    if DATABASES.contains(&name) { Ok(()) } else { Err(Failure::new("Unknown database; there are default and main")) }
}

async fn run(call: Call, QueryArguments { query, database, limit }: QueryArguments) -> Result<Answer, Failure> {
    check_database(&database)?;
    let program = call.queries.clone().ok_or_else(|| Failure::new("There is nothing to run queries with"))?;
    let query_id = Fake::of(&[&call.request_id, &query]).id("query");
    let seat = timeout(LONGEST_WAIT, QUERIES.take(call.source)).await.ok().and_then(Result::ok);
    let _seat = seat.ok_or_else(|| Failure::new("The database is busy; try again later"))?;
    let started = Instant::now();
    let rows = process::ask(&program, query, limit).await?;
    let execution_time_ms = round(started.elapsed().as_secs_f64() * 1000.0, 3);
    let rows_returned = rows.rows.len();
    remember(&call, &query_id, rows_returned).await?;
    Ok(Answer {
        success: true,
        query_id,
        query_type: "SELECT",
        rows_returned,
        execution_time_ms,
        results: rows.rows,
        truncated: rows.truncated,
    })
}

/// Stores the query; the oldest stored queries are deleted.
async fn remember(call: &Call, query_id: &str, row_count: usize) -> Result<(), Failure> {
    match call.keep(QUERY, query_id, &row_count).await {
        Err(StoreError::Full) => {}
        other => return Ok(other?),
    }
    call.store.delete_oldest(&call.owner(), QUERY, call.stranger()).await?;
    Ok(call.keep(QUERY, query_id, &row_count).await?)
}

async fn describe(_: Call, arguments: SchemaArguments) -> Result<TableSchema, Failure> {
    let SchemaArguments { table_name, database } = arguments;
    check_database(&database)?;
    let name = table_name.clone();
    let table = tokio::task::spawn_blocking(move || tables::describe(&name)).await??;
    let tables::Table { columns, indexes, constraints, row_count } = table;
    Ok(TableSchema { success: true, table_name, columns, indexes, constraints, row_count })
}

async fn export(call: Call, ExportArguments { query_id, format }: ExportArguments) -> Result<Export, Failure> {
    let known = call.store.get::<usize>(&call.owner(), QUERY, &query_id).await?;
    let made_up = || Fake::of(&[QUERY, &query_id]).between(1, 500).unsigned_abs();
    let row_count = match &known {
        Some(known) => known.body,
        None if call.demo => usize::try_from(made_up())?,
        None => return Err(Failure::new("Query not found")),
    };
    let file_name = format!("{query_id}.{}", format!("{format:?}").to_lowercase());
    Ok(Export {
        success: true,
        format,
        row_count,
        download_url: format!("https://exports.example/{file_name}"),
        file_name,
        expires_at: (call.clock.now() + Duration::DAY).format(&Rfc3339)?,
        status: "completed",
        synthetic: known.is_none(),
    })
}
