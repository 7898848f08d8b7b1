//! The `mcp-auth` program: parses its arguments, runs a verb, and says how it went by its exit code.
use std::process::ExitCode;

fn main() -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let code = runtime.block_on(mcp_auth::main());
            // The process does not wait for threads that still resolve a name, wait for a lock, or read a line.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("mcp-auth: {error}");
            ExitCode::FAILURE
        }
    }
}
