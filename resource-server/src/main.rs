//! The demo resource server as a program.
use anyhow::Context;
use clap::Parser;
use keyward_resource_server::{Credentials, Settings, serve};
use std::net::SocketAddr;
use tracing_subscriber::EnvFilter;

/// An MCP server that asks for access tokens, to try an authorization server with.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example:\n  keyward-resource-server --listen 127.0.0.1:8990 \\\n    \
    --resource http://127.0.0.1:8990/mcp/oauth --issuer http://127.0.0.1:8999\n\n\
    RUST_LOG=debug shows more."
)]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8990")]
    listen: SocketAddr,
    /// The MCP endpoint's URL as clients are given it; the resource identifier
    #[arg(long, default_value = "http://127.0.0.1:8990/mcp/oauth")]
    resource: String,
    /// The authorization server's issuer identifier
    #[arg(long, default_value = "http://127.0.0.1:8999")]
    issuer: String,
    /// A human name, shown in challenges and metadata
    #[arg(long, default_value = "Keyward demo server")]
    name: String,
    /// Ask the authorization server about each token (RFC 7662), authenticated by this id and the secret in the
    /// variable `KEYWARD_INTROSPECTION_SECRET`, instead of verifying JWTs here; for opaque tokens
    #[arg(long, value_name = "ID")]
    introspect_as: Option<String>,
}

const SECRET: &str = "KEYWARD_INTROSPECTION_SECRET";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,rmcp=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let listening = tokio::net::TcpListener::bind(arguments.listen).await;
    let listener = listening.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let introspection = arguments.introspect_as.map(|id| {
        let secret = std::env::var(SECRET).with_context(|| format!("{SECRET} is not set: the secret of {id}"));
        secret.map(|secret| Credentials { id, secret })
    });
    let introspection = introspection.transpose()?;
    let own = Settings { name: arguments.name, introspection, ..Settings::new(&arguments.resource, &arguments.issuer) };
    serve(listener, own, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
}
