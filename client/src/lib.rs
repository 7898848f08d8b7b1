//! `mcp-auth`: discovers, logs in to, calls and diagnoses any MCP server. It shares only the wire with the servers.
//!
//! From the top down. Each line uses lines below it, and no file uses one that uses it:
//!
//! - `cli`: the command line; `commands`: what each verb does
//! - `doctor`: what is wrong with a server, and whom that hurts
//! - `refresh`: a token that is still good; `flows`: the ways to a token; `identity`: which client asks for it
//! - `modes`: the ways to log in; `discover`: from an address to an authorization server; `options`: shared by verbs
//! - `mcp`: from the token to an answer
//! - `credential`, `token`, `bound`: what goes to which server
//! - `profiles`: what is remembered, sealed where a keyring holds the key; `http`: the one way out
//! - `terminal`: what is typed; `output`: what is printed; `browser`: where a sign-in page is shown
//! - `metadata`: what servers publish; `reach`: what may be connected to; `dpop`: proofs of a key
//! - `address`: what a URL may be; `bounds`: how long and how much; `keys`: what signs
//! - `error`: what went wrong; `mask`: what is shown of a credential
//! - `challenge`, `clock`, `encode`, `scope`: leaves
mod address;
mod bound;
mod bounds;
mod browser;
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
mod modes;
mod options;
mod output;
mod profiles;
mod reach;
mod refresh;
mod scope;
mod terminal;
mod token;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// Runs the verb of the command line: 0 done, 1 failed, 2 misused.
pub async fn main() -> ExitCode {
    let parsed = cli::Cli::command().try_get_matches().and_then(|matches| {
        let verb = matches.subcommand_name().unwrap_or_default().to_owned();
        cli::Cli::from_arg_matches(&matches).map(|cli| (cli, verb))
    });
    let (cli, verb) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return misused(&error),
    };
    let out = output::Output { json: cli.global.json };
    match Box::pin(cli::run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.code == "usage" => {
            out.failure(&failure);
            output::note(&format!("Try: mcp-auth {verb} --help"));
            ExitCode::from(2)
        }
        Err(failure) => {
            out.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Prints help, or what is wrong with the command line. A mistyped argument may be a secret, so the text is masked.
fn misused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    text.lines().for_each(output::note);
    if std::env::args().any(|argument| argument == "--json") {
        let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        output::object(&error::Failure::usage(mask::text(first)).to_json());
    }
    ExitCode::from(2)
}
