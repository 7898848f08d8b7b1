//! Keyward: an OAuth 2.1 authorization server for MCP servers. A room uses only rooms below it in this list, which a
//! test reads.
pub mod commands; // starts things
#[cfg(feature = "demo")]
pub mod demo; // the people and clients that `keyward demo` comes with
pub mod published; // secrets that the demo publishes, which are refused elsewhere

pub mod http; // the only room with HTTP in it: endpoints for programs, pages for people, views for operators

pub mod operations; // what operators do: one act, one function, one event

pub mod jobs; // housekeeping: what has expired goes

pub mod authorization; // what a client asks of a person, and what the person answers

pub mod grants; // what can be exchanged for tokens: a file per grant type

pub mod clients; // programs: found, authenticated, registered

pub mod people; // how people prove who they are

pub mod issuers; // others whose word counts: their assertions, verified

pub mod tokens; // issued, found again, rotated

pub mod app; // the tools, built once
pub mod audit; // the trail of what happened
pub mod config; // one tree of settings
pub mod fetch; // requests to addresses that strangers choose
pub mod keys; // signing keys: made, sealed, published
pub mod limits; // how often somebody may try
pub mod metrics; // counts
pub mod passwords; // argon2 off the async threads
pub mod storage; // SQLite and PostgreSQL, one statement for both
pub mod trace; // what was decided lately, and by which rule

pub mod telemetry; // logs, and the request that they belong to

pub mod events; // the catalogue of what can happen

pub mod resources; // the servers that accept our tokens, and the scopes that mean something there

/// The protocol, pure: the package `oauth/`.
pub mod oauth {
    pub use crate::resources as resource;
    pub use keyward_oauth::*;
}

pub mod model; // nouns

pub mod clock; // the time, and the dates of others
pub mod error; // the protocol's one error
pub mod secrets; // random values and their digests
