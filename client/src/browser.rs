//! What becomes of the address of a sign-in page: printed, opened in a browser, or followed without a person.
use crate::address::Address;
use clap::ValueEnum;
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Browser {
    /// Print the address.
    Print,
    /// Start the system's browser.
    Open,
    /// Follow the redirects without a person: for test servers that approve by themselves.
    Follow,
}

/// Starts the system's browser, without a shell; whether it started.
pub fn open(url: &Address) -> bool {
    let command: &[&str] = match std::env::consts::OS {
        "macos" => &["open"],
        "windows" => &["rundll32", "url.dll,FileProtocolHandler"],
        _ => &["xdg-open"],
    };
    Command::new(command[0])
        .args(&command[1..])
        .arg(url.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}
