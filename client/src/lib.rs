//! `mcp-auth`: discovers, logs in to, calls and diagnoses any MCP server. It shares only the wire with the servers.
//!
//! - `cli`, `commands`: the verbs, and what each does
//! - `discover`, `metadata`, `challenge`: from an address to an authorization server
//! - `identity`, `flows`, `token`, `refresh`, `keys`, `dpop`: from there to a token
//! - `credential`, `mcp`: from the token to an answer
//! - `profiles`: what is remembered · `http`: the one way out · `mask`, `output`, `error`: what is shown
//! - `doctor`: what is wrong with a server, and whom that hurts
mod challenge;
mod cli;
mod clock;
mod commands;
mod credential;
mod discover;
mod doctor;
mod dpop;
mod encode;
mod error;
mod flows;
mod http;
mod identity;
mod keys;
mod mask;
mod mcp;
mod metadata;
mod output;
mod profiles;
mod refresh;
mod token;

use clap::Parser;
use std::process::ExitCode;

/// Runs the verb of the command line: 0 done, 1 failed, 2 misused.
pub async fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    let out = output::Output { json: cli.global.json };
    match commands::run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(if failure.code == "usage" { 2 } else { 1 })
        }
    }
}
