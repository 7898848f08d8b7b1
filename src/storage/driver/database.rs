//! SQLite as sqlx's traits know a database.
use super::{
    connection::{ConnectOptions, Connection},
    error::error,
    query::Changed,
    row::{Column, Row, TypeInfo, Value, ValueRef},
};
use rusqlite::types::{Value as Stored, ValueRef as Raw};
use sqlx::{ColumnIndex, Either, Encode, SqlSafeStr, SqlStr, Transaction, Type, encode::IsNull, error::BoxDynError};
use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

/// SQLite, as sqlx knows a database.
#[derive(Debug)]
pub struct Direct;

impl sqlx::Database for Direct {
    type Connection = Connection;
    type TransactionManager = Transactions;
    type Row = Row;
    type QueryResult = Changed;
    type Column = Column;
    type TypeInfo = TypeInfo;
    type Value = Value;
    type ValueRef<'r> = ValueRef<'r>;
    type Arguments = Arguments;
    type ArgumentBuffer = Vec<Stored>;
    type Statement = Statement;

    const NAME: &'static str = "SQLite";
    const URL_SCHEMES: &'static [&'static str] = &["sqlite"];
}

impl sqlx::database::HasStatementCache for Direct {}

#[derive(Debug, Default)]
pub struct Arguments(pub Vec<Stored>);

impl sqlx::Arguments for Arguments {
    type Database = Direct;

    fn reserve(&mut self, additional: usize, _: usize) {
        self.0.reserve(additional);
    }

    fn add<'t, T: Encode<'t, Direct> + Type<Direct>>(&mut self, value: T) -> Result<(), BoxDynError> {
        if let IsNull::Yes = value.encode(&mut self.0)? {
            self.0.push(Stored::Null);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl sqlx::IntoArguments<Direct> for Arguments {
    fn into_arguments(self) -> Self {
        self
    }
}

impl sqlx::TypeInfo for TypeInfo {
    fn is_null(&self) -> bool {
        *self == Self::Null
    }

    fn name(&self) -> &str {
        (*self).name()
    }
}

impl fmt::Display for TypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((*self).name())
    }
}

impl sqlx::Column for Column {
    type Database = Direct;

    fn ordinal(&self) -> usize {
        self.ordinal
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// SQLite gives a type to each value, not to a column.
    fn type_info(&self) -> &TypeInfo {
        &TypeInfo::Null
    }
}

impl sqlx::Row for Row {
    type Database = Direct;

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, index: I) -> sqlx::Result<ValueRef<'_>> {
        let index = index.index(self)?;
        let out_of_bounds = || sqlx::Error::ColumnIndexOutOfBounds { index, len: self.values.len() };
        self.values.get(index).map(|value| ValueRef(value.into())).ok_or_else(out_of_bounds)
    }
}

impl ColumnIndex<Row> for usize {
    fn index(&self, _: &Row) -> sqlx::Result<usize> {
        Ok(*self)
    }
}

impl ColumnIndex<Row> for &str {
    fn index(&self, row: &Row) -> sqlx::Result<usize> {
        let found = row.columns.iter().position(|column| *column.name == **self);
        found.ok_or_else(|| sqlx::Error::ColumnNotFound((*self).to_owned()))
    }
}

impl sqlx::Value for Value {
    type Database = Direct;

    fn as_ref(&self) -> ValueRef<'_> {
        ValueRef((&self.0).into())
    }

    fn type_info(&self) -> Cow<'_, TypeInfo> {
        Cow::Owned(self.0.data_type().into())
    }

    fn is_null(&self) -> bool {
        self.0 == Stored::Null
    }
}

impl<'r> sqlx::ValueRef<'r> for ValueRef<'r> {
    type Database = Direct;

    fn to_owned(&self) -> Value {
        Value(self.0.try_into().unwrap_or(Stored::Null))
    }

    fn type_info(&self) -> Cow<'_, TypeInfo> {
        Cow::Owned(self.0.data_type().into())
    }

    fn is_null(&self) -> bool {
        self.0 == Raw::Null
    }
}

/// A statement by its text: each connection keeps the prepared ones itself.
#[derive(Clone, Debug)]
pub struct Statement {
    sql: SqlStr,
}

impl Statement {
    #[must_use]
    pub fn new(sql: SqlStr) -> Self {
        Self { sql }
    }
}

impl sqlx::Statement for Statement {
    type Database = Direct;

    fn into_sql(self) -> SqlStr {
        self.sql
    }

    fn sql(&self) -> &SqlStr {
        &self.sql
    }

    fn parameters(&self) -> Option<Either<&[TypeInfo], usize>> {
        None
    }

    /// Only rows have columns.
    fn columns(&self) -> &[Column] {
        &[]
    }

    sqlx_core::impl_statement_query!(Arguments);
}

impl ColumnIndex<Statement> for &str {
    fn index(&self, _: &Statement) -> sqlx::Result<usize> {
        Err(sqlx::Error::ColumnNotFound((*self).to_owned()))
    }
}

impl FromStr for ConnectOptions {
    type Err = sqlx::Error;

    fn from_str(url: &str) -> sqlx::Result<Self> {
        let options: sqlx::sqlite::SqliteConnectOptions = url.parse()?;
        Ok(Self::new(options.get_filename()))
    }
}

impl sqlx::ConnectOptions for ConnectOptions {
    type Connection = Connection;

    fn from_url(url: &url::Url) -> sqlx::Result<Self> {
        url.as_str().parse()
    }

    async fn connect(&self) -> sqlx::Result<Connection> {
        self.open()
    }

    fn log_statements(self, _: log::LevelFilter) -> Self {
        self
    }

    fn log_slow_statements(self, _: log::LevelFilter, _: Duration) -> Self {
        self
    }
}

impl sqlx::Connection for Connection {
    type Database = Direct;
    type Options = ConnectOptions;

    async fn close(self) -> sqlx::Result<()> {
        self.inner.close().map_err(|(_, cause)| error(cause))
    }

    async fn close_hard(self) -> sqlx::Result<()> {
        self.close().await
    }

    async fn ping(&mut self) -> sqlx::Result<()> {
        self.batch("SELECT 1")
    }

    async fn begin(&mut self) -> sqlx::Result<Transaction<'_, Direct>> {
        Transaction::begin(self, None).await
    }

    fn shrink_buffers(&mut self) {}

    async fn flush(&mut self) -> sqlx::Result<()> {
        Ok(())
    }

    fn should_flush(&self) -> bool {
        false
    }
}

/// Transactions are savepoints, which nest.
pub struct Transactions;

impl sqlx_core::transaction::TransactionManager for Transactions {
    type Database = Direct;

    async fn begin(connection: &mut Connection, statement: Option<SqlStr>) -> sqlx::Result<()> {
        let sql = statement.unwrap_or_else(|| "SAVEPOINT step".into_sql_str());
        connection.batch(sql.as_str())
    }

    async fn commit(connection: &mut Connection) -> sqlx::Result<()> {
        connection.batch("RELEASE step")
    }

    async fn rollback(connection: &mut Connection) -> sqlx::Result<()> {
        Self::start_rollback(connection);
        Ok(())
    }

    /// Where it fails, nothing of the batch may be committed.
    fn start_rollback(connection: &mut Connection) {
        if connection.batch("ROLLBACK TO step; RELEASE step").is_err() {
            connection.batch("ROLLBACK").ok();
        }
    }

    fn get_transaction_depth(connection: &Connection) -> usize {
        usize::from(!connection.inner.is_autocommit())
    }
}
