//! An MCP endpoint written with axum, protected.
//!
//! `cargo run --example axum -- 127.0.0.1:3000 http://127.0.0.1:8999` answers at `http://127.0.0.1:3000/mcp` for
//! tokens of that issuer.
use anyhow::Context;
use axum::{Extension, Json, Router, routing::post};
use keyward_guard::{Access, Guard};
use serde_json::{Value, json};

/// The endpoint, and the metadata by which clients find the issuer.
pub fn protected(resource: &str, issuer: &str) -> anyhow::Result<Router> {
    Ok(Guard::new(resource, issuer)?
        .name("Notes")?
        .tool("read_note", "mcp:tools:read")
        .tool("delete_note", "mcp:tools:admin")
        .protect(post(answer)))
}

/// What the guard let through. An MCP server answers by the method; this one tells who calls.
async fn answer(Extension(access): Extension<Access>, Json(message): Json<Value>) -> Json<Value> {
    let text = format!("{} may read: {}", access.subject, access.may_call("read_note"));
    let result = json!({"content": [{"type": "text", "text": text}]});
    Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (address, issuer) = arguments.next().zip(arguments.next()).context("usage: axum ADDRESS ISSUER")?;
    let app = protected(&format!("http://{address}/mcp"), &issuer)?;
    Ok(axum::serve(tokio::net::TcpListener::bind(&address).await?, app).await?)
}
