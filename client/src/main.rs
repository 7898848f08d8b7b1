//! The `mcp-auth` program: parses its arguments, runs a verb, and says how it went by its exit code.
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    mcp_auth::main().await
}
