//! The command line: every verb with its flags, help and an example.
use crate::{
    address::Address,
    commands::{Context, call, debug, discover, doctor, login, logout, profile, read, status, token, tools},
    error::Result,
    http::Http,
    options::GlobalOptions,
    output::Output,
    profiles::Store,
};
use clap::{Parser, Subcommand};

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
    pub global: GlobalOptions,
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
    /// The MCP server that the person named. Addresses that it names must not be nearer than itself.
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

/// Does what the command line asks for.
pub async fn run(cli: Cli) -> Result<()> {
    let context = Context {
        http: Http::new(cli.global.http(), cli.global.deadline(), cli.verb.server().cloned())?,
        store: Store::open(cli.global.profile_home.clone())?,
        out: Output { json: cli.global.json },
        browser: cli.global.browser(),
    };
    let http = context.http.clone();
    http.deadline().hold(Box::pin(run_verb(cli.verb, context))).await
}

async fn run_verb(verb: Verb, context: Context) -> Result<()> {
    match verb {
        Verb::Discover(verb) => verb.run(&context).await,
        Verb::Login(verb) => verb.run(context).await,
        Verb::Call(verb) => verb.run(&context).await,
        Verb::Tools(verb) => verb.run(&context).await,
        Verb::Read(verb) => verb.run(&context).await,
        Verb::Token(verb) => verb.run(&context).await,
        Verb::Profile(verb) => verb.run(&context),
        Verb::Status(verb) => verb.run(&context).await,
        Verb::Logout(verb) => verb.run(&context).await,
        Verb::Debug(verb) => verb.run(&context).await,
        Verb::Doctor(verb) => verb.run(&context).await,
    }
}
