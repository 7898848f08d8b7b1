//! Keyward: an OAuth 2.1 authorization server for MCP servers. A room uses only rooms below it in this list; a test
//! reads the list and checks that.
pub mod commands; // the subcommands of the program, which start everything else
#[cfg(feature = "demo")]
pub mod demo; // the people and clients that `keyward demo` comes with
pub mod published; // secrets that the demo publishes, which are refused elsewhere

pub mod http; // the only room with HTTP in it: endpoints for programs, pages for people, views for operators

pub mod operations; // what operators do: one act, one function, one event

pub mod jobs; // housekeeping: deletes what has expired

pub mod authorization; // what a client asks of a person, and what the person answers

pub mod grants; // what can be exchanged for tokens: a file per grant type

pub mod clients; // clients: found, authenticated, registered

pub mod people; // how people prove who they are

pub mod issuers; // other issuers that we trust: verifies their assertions

pub mod tokens; // access and refresh tokens: issued, found again, rotated

pub mod app; // the parts that requests share (database, keys, ...), built once
pub mod audit; // the audit trail
pub mod config; // one tree of settings
pub mod fetch; // requests to addresses that strangers choose
pub mod keys; // signing keys: made, sealed, published
pub mod limits; // budgets: how often a source may try something
pub mod metrics; // counters for `/metrics`
pub mod passwords; // argon2, on threads of its own
pub mod storage; // SQLite and PostgreSQL, one statement for both
pub mod trace; // recent decisions, each with its rule

pub mod telemetry; // logs, each line with its request

pub mod events; // the catalogue of events

pub mod resources; // the servers that accept our tokens, and the scopes that mean something there

/// The package `oauth/`: the protocol's rules, without IO.
pub mod oauth {
    pub use crate::resources as resource;
    pub use keyward_oauth::*;
}

pub mod model; // the data types that all rooms share

pub mod clock; // the current time, and dates set by other clocks
pub mod error; // the protocol's one error
pub mod secrets; // random values and their digests
