//! Every way to protect an MCP server, to try clients with: surfaces with tools, behind the gates of `keyward-guard`.
mod accounts;
mod admission;
mod allowance;
mod answers;
mod arguments;
mod attempts;
mod audit;
mod authorization_server;
mod callback;
mod checks;
mod client;
mod connection;
mod credentials;
mod debug;
mod endpoint;
mod failure;
mod health;
mod index;
mod keys;
mod masking;
mod mcp;
mod messages;
mod metadata;
mod metrics;
mod own;
mod page;
mod resources;
mod schema;
pub mod settings;
mod sse;
mod stdio;
mod store;
mod surface;
mod surfaces;
mod tools;
mod trace;
mod upstream;

pub use arguments::ArgumentRule;
pub use keyward_guard::{Access, Guard, Scheme, clock, scopes};
pub use settings::{
    BodyLimit, Credentials, Heartbeat, InFront, PageOrigin, ResourceAlias, Secret, Settings, UpstreamHeaders,
};
pub use stdio::converse;
pub use surfaces::{Prepared, prepare, router, serve};
pub use tools::database::answer_query;
