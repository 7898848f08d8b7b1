//! sqlx's interface to SQLite without a thread between: statements run where they are called, through rusqlite.
//!
//! sqlx's own driver hands each statement to a thread and waits for its answer, which costs ten times what an indexed
//! read costs. Queries, arguments and rows are sqlx's, so that each statement is written once for both databases.
mod connection;
pub mod database;
mod error;
pub mod executor;
pub mod query;
pub mod row;
mod types;

pub use connection::{ConnectOptions, Connection};
pub(super) use executor::executes;
pub use query::{Answer, Query};
