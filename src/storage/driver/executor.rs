//! sqlx's executors, by the way in which a query runs.
use super::{
    connection::Connection,
    database::{Arguments, Direct},
    query::{Answer, Changed, Query},
    row::Row,
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use sqlx::{Either, Execute};
use std::pin::Pin;

pub type BoxFuture<'e, T> = Pin<Box<dyn Future<Output = sqlx::Result<T>> + Send + 'e>>;
pub type BoxStream<'e> = Pin<Box<dyn Stream<Item = sqlx::Result<Either<Changed, Row>>> + Send + 'e>>;

pub fn query<'q>(mut execute: impl Execute<'q, Direct>) -> sqlx::Result<Query> {
    let arguments = execute.take_arguments().map_err(sqlx::Error::Encode)?;
    let persistent = execute.persistent();
    Ok(Query { sql: execute.sql(), arguments: arguments.map(|Arguments(values)| values), persistent })
}

/// The rows of the answer, and at its end the number of changed ones.
pub fn stream<'e>(answer: impl Future<Output = sqlx::Result<Answer>> + Send + 'e) -> BoxStream<'e> {
    let items = |answer: sqlx::Result<Answer>| match answer {
        Ok(Answer { rows, changed }) => {
            let rows = rows.into_iter().map(|row| Ok(Either::Right(row)));
            rows.chain([Ok(Either::Left(changed))]).collect()
        }
        Err(error) => vec![Err(error)],
    };
    answer.into_stream().flat_map(move |answer| stream::iter(items(answer))).boxed()
}

/// Implements sqlx's executor for a type, by the way in which a query runs on it.
macro_rules! executes {
    ($c:lifetime, $on:ty, async |$self:ident, $query:ident| $answer:expr) => {
        const _: () = {
            use sqlx::{Describe, Execute, Executor, SqlStr};
            use $crate::storage::driver::{
                database::{Direct, Statement},
                executor::{BoxFuture, BoxStream, stream},
                query::Changed,
                row::{Row, TypeInfo},
            };

            impl<$c> Executor<$c> for $on {
                type Database = Direct;

                fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Changed>
                where
                    $c: 'e,
                    E: 'q + Execute<'q, Direct>,
                {
                    let query = $crate::storage::driver::executor::query(query);
                    Box::pin(async move {
                        let ($self, $query) = (self, query?);
                        $answer.map(|answer| answer.changed)
                    })
                }

                fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e>
                where
                    $c: 'e,
                    E: 'q + Execute<'q, Direct>,
                {
                    let query = $crate::storage::driver::executor::query(query);
                    stream(async move {
                        let ($self, $query) = (self, query?);
                        $answer
                    })
                }

                fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Option<Row>>
                where
                    $c: 'e,
                    E: 'q + Execute<'q, Direct>,
                {
                    let query = $crate::storage::driver::executor::query(query);
                    Box::pin(async move {
                        let ($self, $query) = (self, query?);
                        $answer.map(|answer| answer.rows.into_iter().next())
                    })
                }

                fn prepare_with<'e>(self, sql: SqlStr, _: &'e [TypeInfo]) -> BoxFuture<'e, Statement>
                where
                    $c: 'e,
                {
                    Box::pin(std::future::ready(Ok(Statement::new(sql))))
                }

                /// Only sqlx's checks at compile time ask for it.
                fn describe<'e>(self, _: SqlStr) -> BoxFuture<'e, Describe<Direct>>
                where
                    $c: 'e,
                {
                    let nothing = Describe { columns: vec![], parameters: None, nullable: vec![] };
                    Box::pin(std::future::ready(Ok(nothing)))
                }
            }
        };
    };
}
executes!('c, &'c mut Connection, async |connection, query| connection.run(query));

pub(crate) use executes;
