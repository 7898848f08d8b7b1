//! The `mcp-auth` program: parses its arguments, runs a verb, and says how it went by its exit code.
use std::process::ExitCode;

fn main() -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let code = runtime.block_on(mcp_auth::main());
            // Nobody waits for a name that is looked up, a lock, or a line that nobody types.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("mcp-auth: {error}");
            ExitCode::FAILURE
        }
    }
}
