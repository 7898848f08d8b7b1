//! How a statement runs, and what it answers.
use super::row::{Column, Row};
use rusqlite::{Connection, Rows, Statement, types::Value};
use sqlx::SqlStr;
use std::sync::Arc;

/// A statement with its arguments; it borrows nothing, so that it can run on any thread.
#[derive(Debug)]
pub struct Query {
    pub sql: SqlStr,
    /// `None` for several statements at once, which have no arguments and answer nothing.
    pub arguments: Option<Vec<Value>>,
    /// Whether it will come again with the same text, and stays prepared.
    pub persistent: bool,
}

/// The rows of a statement, and the number of rows that it changed.
#[derive(Debug)]
pub struct Answer {
    pub rows: Vec<Row>,
    pub changed: Changed,
}

/// The number of rows that a statement changed.
#[derive(Debug, Default)]
pub struct Changed(pub u64);

impl Changed {
    #[must_use]
    pub fn rows_affected(&self) -> u64 {
        self.0
    }
}

impl Extend<Self> for Changed {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, more: I) {
        self.0 += more.into_iter().map(|changed| changed.0).sum::<u64>();
    }
}

impl Query {
    pub fn run(self, on: &Connection) -> rusqlite::Result<Answer> {
        tracing::trace!(statement = self.sql.as_str(), "sqlite");
        let Some(arguments) = self.arguments else {
            on.execute_batch(self.sql.as_str())?;
            return Ok(Answer { rows: vec![], changed: Changed(on.changes()) });
        };
        if self.persistent {
            return answer(on, &mut *on.prepare_cached(self.sql.as_str())?, &arguments);
        }
        answer(on, &mut on.prepare(self.sql.as_str())?, &arguments)
    }
}

fn answer(on: &Connection, statement: &mut Statement<'_>, arguments: &[Value]) -> rusqlite::Result<Answer> {
    bind(statement, arguments)?;
    let rows = rows(statement.raw_query())?;
    // Of a statement that changes nothing, SQLite would tell what the one before it changed.
    let changed = if statement.readonly() { 0 } else { on.changes() };
    Ok(Answer { rows, changed: Changed(changed) })
}

fn columns(statement: &Statement<'_>) -> Arc<[Column]> {
    let names = statement.column_names().into_iter().enumerate();
    names.map(|(ordinal, name)| Column { ordinal, name: name.into() }).collect()
}

/// `$2` is the second argument wherever it stands, and `?` the next one: SQLite itself numbers both as they come.
fn bind(statement: &mut Statement<'_>, arguments: &[Value]) -> rusqlite::Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = match statement.parameter_name(index) {
            Some(name) => name.get(1..).and_then(|number| number.parse().ok()).unwrap_or(0),
            None => index,
        };
        let argument = arguments.get(number.wrapping_sub(1));
        let missing = || rusqlite::Error::InvalidParameterCount(arguments.len(), statement.parameter_count());
        statement.raw_bind_parameter(index, argument.ok_or_else(missing)?)?;
    }
    Ok(())
}

/// All rows: SQLite finds a violated foreign key only after the last one.
fn rows(mut found: Rows<'_>) -> rusqlite::Result<Vec<Row>> {
    let (mut rows, mut names) = (vec![], None);
    while let Some(row) = found.next()? {
        // Asked for after the first step, which prepares the statement again if another process changed a table.
        let columns = names.get_or_insert_with(|| columns(row.as_ref()));
        let values = (0..columns.len()).map(|index| row.get(index)).collect::<rusqlite::Result<_>>()?;
        rows.push(Row { columns: Arc::clone(columns), values });
    }
    Ok(rows)
}
