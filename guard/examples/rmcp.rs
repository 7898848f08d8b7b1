//! An MCP server written with rmcp, protected.
//!
//! `cargo run --example rmcp -- 127.0.0.1:3000 http://127.0.0.1:8999` answers at `http://127.0.0.1:3000/mcp` for
//! tokens of that issuer.
#![allow(clippy::unused_self)] // a tool belongs to its server, also if it needs nothing of it
use anyhow::Context;
use axum::{Router, http::request::Parts};
use keyward_guard::{Access, Guard};
use rmcp::{
    ServerHandler,
    handler::server::tool::Extension,
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};

#[derive(Clone)]
struct Notes;

#[tool_router]
impl Notes {
    #[tool(description = "Tells who is calling")]
    fn read_note(&self, Extension(parts): Extension<Parts>) -> String {
        // The guard leaves it in the request that the call came with.
        parts.extensions.get::<Access>().map(|access| access.subject.clone()).unwrap_or_default()
    }

    #[tool(description = "Deletes a note")]
    fn delete_note(&self) -> String {
        "deleted".to_owned()
    }
}

#[tool_handler]
impl ServerHandler for Notes {}

/// The server, and the metadata by which clients find the issuer.
pub fn protected(resource: &str, issuer: &str) -> anyhow::Result<Router> {
    // The guard judges Host and Origin.
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts().disable_allowed_origins();
    let server = StreamableHttpService::new(|| Ok(Notes), LocalSessionManager::default().into(), config);
    Ok(Guard::new(resource, issuer)?
        .name("Notes")?
        .tool("read_note", "mcp:tools:read")
        .tool("delete_note", "mcp:tools:admin")
        .protect(server))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (address, issuer) = arguments.next().zip(arguments.next()).context("usage: rmcp ADDRESS ISSUER")?;
    let app = protected(&format!("http://{address}/mcp"), &issuer)?;
    Ok(axum::serve(tokio::net::TcpListener::bind(&address).await?, app).await?)
}
