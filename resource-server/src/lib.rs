//! A guard for MCP servers (OAuth 2.1 resource server, RFC 9728, RFC 9068), and an MCP server that shows it.
//!
//! # Protect your own MCP server
//!
//! Give the guard the URL your users configure, the issuer you trust, and the scopes of your tools. It answers
//! for what must not get through and for the metadata; the rest reaches your server, with an [`Access`] in the
//! extensions of the request that says who is calling.
//!
//! ```no_run
//! use axum::{Extension, routing::post};
//! use keyward_resource_server::{Access, Guard};
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     // Any tower service that speaks MCP: rmcp's `StreamableHttpService`, or this.
//!     let server = post(|Extension(access): Extension<Access>| async move { access.subject });
//!     let app = Guard::new("http://127.0.0.1:3000/mcp", "http://127.0.0.1:8999")?
//!         .name("Notes")?
//!         .tool("read_note", "mcp:tools:read")
//!         .tool("delete_note", "mcp:tools:admin")
//!         .protect(server);
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     Ok(axum::serve(listener, app).await?)
//! }
//! ```
//!
//! With rmcp, a tool finds it in `context.extensions.get::<http::request::Parts>()`, among that one's extensions.
mod access;
mod access_tokens;
mod accounts;
mod admission;
mod allowance;
mod answers;
#[doc(hidden)]
pub mod api;
mod arguments;
mod attempts;
mod audit;
mod authorization_server;
mod bodies;
mod callback;
mod caller;
mod challenge;
mod check;
mod checks;
mod claims;
mod client;
pub mod clock;
mod connection;
mod credential;
mod credentials;
mod debug;
mod digest;
mod dpop;
mod endpoint;
mod events;
mod failure;
mod gate;
mod guard;
mod health;
mod index;
mod introspection;
mod json;
mod jwks;
mod keys;
pub mod mask;
mod mcp;
mod messages;
pub mod metadata;
mod metrics;
mod names;
mod observer;
mod origin;
mod page;
mod request_id;
mod resources;
mod schema;
pub mod scopes;
mod sessions;
pub mod settings;
mod source;
mod sse;
mod stdio;
mod step_up;
mod store;
mod surface;
mod surfaces;
mod tool_lists;
mod tools;
mod trace;
mod transport;
mod upstream;
mod verify;
mod whole;
mod wire;

pub use access::{Access, Scheme};
pub use arguments::ArgumentRule;
pub use guard::Guard;
pub use settings::{
    BodyLimit, Credentials, Heartbeat, InFront, PageOrigin, ResourceAlias, Secret, Settings, UpstreamHeaders,
};
pub use stdio::converse;
pub use surfaces::{Prepared, prepare, router, serve};
pub use tools::database::answer_query;
