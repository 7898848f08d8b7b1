//! The command line: every verb with its flags, help and an example.
use crate::{
    commands::{call, debug, discover, doctor, login, logout, profile, read, token, tools},
    http,
    mcp::{Elicitation, Protocol},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{num::NonZeroU64, path::PathBuf, time::Duration};

const EXAMPLES: &str = "\
Examples:
  mcp-auth discover https://mcp.example.com/mcp        what does this server want?
  mcp-auth login https://mcp.example.com/mcp           sign in once
  mcp-auth tools https://mcp.example.com/mcp           what can it do?
  mcp-auth call https://mcp.example.com/mcp tools/call --tool-name echo --tool-arguments '{\"message\":\"hi\"}'
  mcp-auth doctor https://mcp.example.com/mcp          what is wrong with it, and for whom?
  curl -H \"Authorization: Bearer $(mcp-auth token URL)\" ...

Exit codes: 0 done, 1 failed, 2 misused.";

/// Discover, log in to, call and diagnose any MCP server.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand)]
pub enum Verb {
    Discover(discover::Discover),
    Login(Box<login::Login>),
    Call(call::Call),
    Tools(tools::Tools),
    Read(read::Read),
    Token(token::Token),
    Profile(profile::Profile),
    Logout(logout::Logout),
    Debug(debug::Debug),
    Doctor(doctor::Doctor),
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every verb")]
pub struct Global {
    /// Show every request and challenge on standard error, credentials masked.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// One JSON object on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where logins are kept [default: ~/.config/mcp-auth].
    #[arg(long, global = true, value_name = "DIR", env = "MCP_AUTH_CLI_HOME", hide_env_values = true)]
    pub profile_home: Option<PathBuf>,
    /// Seconds to wait for a connection, or for the next bytes of an answer.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30")]
    pub timeout: NonZeroU64,
    /// Certificate authorities to trust besides the system's, as PEM.
    #[arg(long, global = true, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Allow plain http to other machines than this one.
    #[arg(long, global = true)]
    pub insecure_http: bool,
    /// How an authorization page is opened.
    #[arg(long, global = true, value_enum, env = "MCP_AUTH_BROWSER", default_value_t, hide_env_values = true)]
    pub browser: Browser,
}

impl Global {
    pub fn http(&self) -> http::Settings {
        http::Settings {
            timeout: Duration::from_secs(self.timeout.get()),
            cacert: self.cacert.clone(),
            insecure_http: self.insecure_http,
            verbose: self.verbose,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Browser {
    /// Print the address.
    #[default]
    Print,
    /// Start the system's browser.
    Open,
    /// Follow the redirects without a person: for test servers that approve by themselves.
    Follow,
}

/// Where to find what discovery would find.
#[derive(Args, Clone, Debug, Default)]
pub struct Hints {
    /// Address of the resource metadata (RFC 9728), instead of asking the server for it.
    #[arg(long, value_name = "URL")]
    pub resource_metadata_url: Option<url::Url>,
    /// Issuer of the authorization server, instead of the first one the resource names.
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
    /// The revision of MCP to speak.
    #[arg(long, value_enum, default_value_t)]
    pub protocol: Protocol,
    /// Fail on a missing scope instead of asking for it.
    #[arg(long)]
    pub no_step_up: bool,
    /// What to answer when the server asks back.
    #[arg(long, value_enum, default_value_t)]
    pub elicitation: Elicitation,
}
