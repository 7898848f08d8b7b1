//! Keyward: an OAuth 2.1 authorization server for MCP servers. A room uses only rooms below it in this list; a test
//! reads the list and checks that.
pub mod commands; // the subcommands of the program, which start everything else
#[cfg(feature = "demo")]
pub mod demo; // the people and clients that `keyward demo` comes with
pub mod published; // secrets that the demo publishes, which are refused elsewhere

pub mod http; // serves HTTP: endpoints for programs, pages for people, views for operators

pub mod operations; // what operators do: one act, one function, one event

pub mod jobs; // housekeeping: what has expired, keys that are due, changes by other nodes

pub mod authorization; // what a client asks of a person, and what the person answers

pub mod grants; // what can be exchanged for tokens, refresh tokens too: a file per grant type

pub mod clients; // clients: found, authenticated, registered

pub mod people; // accounts: how people get one, and prove that it is theirs

pub mod issuers; // other issuers that we trust: their assertions, and the rules for workloads

pub mod tokens; // access and refresh tokens: made, read, found again

pub mod app; // the parts that requests share (database, keys, ...), built once
pub mod audit; // the audit trail
pub mod config; // one tree of settings
pub mod fetch; // requests to addresses that strangers choose
pub mod keys; // signing keys: made, sealed, published; the master key and what is derived from it
pub mod limits; // our budgets, of the kinds in the package `limits/`: how often a source may try something
pub mod metrics; // counters for `/metrics`
pub mod passwords; // argon2, on threads of its own
pub mod storage; // SQLite and PostgreSQL, one statement for both
pub mod trace; // recent decisions, each with its rule

pub mod telemetry; // logs, each line with its request

pub mod events; // the catalogue of events

pub mod resources; // the servers that accept our tokens, and the scopes that mean something there

/// No room: the package `oauth/`, the protocol's rules without IO, beside our `resources`.
pub mod oauth {
    pub use crate::resources as resource;
    pub use keyward_oauth::*;
}

pub mod model; // the data types that all rooms share

pub mod clock; // the current time, and dates set by other clocks
pub mod error; // the protocol's one error
pub mod secrets; // random values and their digests
