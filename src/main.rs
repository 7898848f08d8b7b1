//! The `keyward` program: parses its arguments and runs a command.
use clap::Parser;
use keyward::commands::Command;
#[cfg(feature = "demo")]
use keyward_resource_server::answer_query;
use std::{
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    match answer_query().unwrap_or_else(|| Command::parse().run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(wrong_arguments) => wrong_arguments.exit(),
            Err(error) => {
                writeln!(io::stderr(), "keyward: {}", sentence(&error)).ok();
                ExitCode::FAILURE
            }
        },
    }
}

/// Joins an error and its causes into one sentence, without repeating a cause that the error already quotes.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |sentence, cause| match &*sentence {
        "" => cause,
        said if said.contains(&cause) => sentence,
        said => format!("{said}: {cause}"),
    })
}

/// Only the demo starts this program as its own subprocess, to answer a query.
#[cfg(not(feature = "demo"))]
fn answer_query() -> Option<anyhow::Result<()>> {
    None
}
