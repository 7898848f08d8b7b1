//! The command line: every verb with its flags, help and an example.
use crate::{
    address::Address,
    bounds::Deadline,
    commands::{call, debug, discover, doctor, login, logout, profile, read, status, token, tools},
    http,
    mcp::{Elicitation, Protocol},
    terminal,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{num::NonZeroU64, path::PathBuf, time::Duration};

const MORE: &str = "\
Examples:
  mcp-auth discover https://mcp.example.com/mcp        what does this server want?
  mcp-auth login https://mcp.example.com/mcp           sign in once
  mcp-auth status                                      who am I, where, until when?
  mcp-auth tools https://mcp.example.com/mcp           what can it do?
  mcp-auth call https://mcp.example.com/mcp tools/call --tool-name whoami
  mcp-auth doctor https://mcp.example.com/mcp          what is wrong with it, and for whom?
  curl -H \"Authorization: Bearer $(mcp-auth token URL)\" ...

Environment:
  MCP_AUTH_CLI_HOME   where logins are kept, as --profile-home
  MCP_AUTH_BROWSER    print, open or follow, as --browser
  MCP_AUTH_KEYRING    1: as login --keyring

Exit codes:
  0  done
  1  failed: standard error says why; --json prints {\"error\":{\"code\",\"message\",\"http_status\"}}
  2  misused: standard error says what to try";

/// Discover, log in to, call and diagnose any MCP server.
///
/// The first argument of a verb is the address of the MCP server; everything else is found out from there.
#[derive(Parser)]
#[command(bin_name = "mcp-auth", version, after_help = MORE, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand)]
pub enum Verb {
    Discover(discover::Discover),
    Doctor(doctor::Doctor),
    Login(Box<login::Login>),
    Status(status::Status),
    Logout(logout::Logout),
    Profile(profile::Profile),
    Token(token::Token),
    Tools(tools::Tools),
    Read(read::Read),
    Call(call::Call),
    Debug(debug::Debug),
}

impl Verb {
    /// The MCP server that the person named: what it names is judged by where it is.
    pub fn server(&self) -> Option<&Address> {
        match self {
            Self::Discover(verb) => Some(&verb.url),
            Self::Doctor(verb) => Some(&verb.url),
            Self::Login(verb) => Some(&verb.url),
            Self::Status(verb) => verb.url.as_ref(),
            Self::Logout(verb) => Some(&verb.url),
            Self::Token(verb) => Some(&verb.url),
            Self::Tools(verb) => Some(&verb.url),
            Self::Read(verb) => Some(&verb.url),
            Self::Call(verb) => Some(&verb.url),
            Self::Debug(verb) => Some(&verb.url),
            Self::Profile(_) => None,
        }
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every verb")]
pub struct Global {
    /// Show every request and challenge on standard error, credentials masked.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Print one JSON object on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Keep logins in this directory [default: ~/.config/mcp-auth].
    #[arg(long, global = true, value_name = "DIR", env = "MCP_AUTH_CLI_HOME", hide_env_values = true)]
    pub profile_home: Option<PathBuf>,
    /// Give the servers so long for all their answers together.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "120")]
    pub timeout: NonZeroU64,
    /// Give a person so long to sign in or to answer.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "300")]
    pub patience: NonZeroU64,
    /// Trust these certificate authorities (PEM) besides the system's.
    #[arg(long, global = true, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Allow plain http to other machines than this one.
    #[arg(long, global = true)]
    pub insecure_http: bool,
    /// What to do with the address of a sign-in page [default: open at a terminal with a display, else print].
    #[arg(long, global = true, value_enum, value_name = "HOW", env = "MCP_AUTH_BROWSER", hide_env_values = true)]
    pub browser: Option<Browser>,
}

impl Global {
    pub fn http(&self) -> http::Settings {
        http::Settings { cacert: self.cacert.clone(), insecure_http: self.insecure_http, verbose: self.verbose }
    }

    /// As asked for; else as fits whoever is there.
    pub fn browser(&self) -> Browser {
        let fitting = || if terminal::has_display() { Browser::Open } else { Browser::Print };
        self.browser.unwrap_or_else(fitting)
    }

    pub fn deadline(&self) -> Deadline {
        let seconds = |number: NonZeroU64| Duration::from_secs(number.get());
        Deadline::new(seconds(self.timeout), seconds(self.patience))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Browser {
    /// Print the address.
    Print,
    /// Start the system's browser.
    Open,
    /// Follow the redirects without a person: for test servers that approve by themselves.
    Follow,
}

/// Where to find what discovery would find.
#[derive(Args, Clone, Debug, Default)]
pub struct Hints {
    /// Read the resource metadata (RFC 9728) here, instead of asking the server where it is.
    #[arg(long, value_name = "URL")]
    pub resource_metadata_url: Option<Address>,
    /// Use the authorization server with this issuer, instead of the first one the resource names.
    #[arg(long, value_name = "ISSUER")]
    pub authorization_server: Option<String>,
}

impl From<&Hints> for crate::discover::Hints {
    fn from(hints: &Hints) -> Self {
        Self {
            resource_metadata_url: hints.resource_metadata_url.clone(),
            authorization_server: hints.authorization_server.clone(),
        }
    }
}

/// How a verb speaks to the MCP server.
#[derive(Args, Clone, Debug)]
pub struct Calling {
    /// Use this profile instead of the active one of the address.
    #[arg(long, value_name = "ID")]
    pub profile_id: Option<String>,
    /// Speak this revision of MCP.
    #[arg(long, value_enum, value_name = "REVISION", default_value_t)]
    pub protocol: Protocol,
    /// Fail on a missing scope instead of asking for it.
    #[arg(long)]
    pub no_step_up: bool,
    /// Answer so when the server asks back.
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub elicitation: Elicitation,
}
