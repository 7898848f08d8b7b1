//! Options that several verbs share.
use crate::{
    bounds::Deadline,
    browser::Browser,
    http,
    mcp::{Elicitation, Protocol},
    terminal,
};
use clap::Args;
use std::{num::NonZeroU64, path::PathBuf, time::Duration};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every verb")]
pub struct GlobalOptions {
    /// Show every request and challenge on standard error, credentials masked.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Print one JSON object on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Keep logins in this directory [default: ~/.config/mcp-auth].
    #[arg(long, global = true, value_name = "DIR", env = "MCP_AUTH_CLI_HOME", hide_env_values = true)]
    pub profile_home: Option<PathBuf>,
    /// How long the servers may take for all their answers together.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "120")]
    pub timeout: NonZeroU64,
    /// How long a person may take to sign in or to answer a question.
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

impl GlobalOptions {
    pub fn http(&self) -> http::Settings {
        http::Settings { cacert: self.cacert.clone(), insecure_http: self.insecure_http, verbose: self.verbose }
    }

    /// The way that was asked for; else a browser where a person would see one open, else the printed address.
    pub fn browser(&self) -> Browser {
        let fitting = || if terminal::has_display() { Browser::Open } else { Browser::Print };
        self.browser.unwrap_or_else(fitting)
    }

    pub fn deadline(&self) -> Deadline {
        let seconds = |number: NonZeroU64| Duration::from_secs(number.get());
        Deadline::new(seconds(self.timeout), seconds(self.patience))
    }
}

/// How a verb calls the MCP server.
#[derive(Args, Clone, Debug)]
pub struct CallOptions {
    /// Use this profile instead of the active one of the address.
    #[arg(long, value_name = "ID")]
    pub profile_id: Option<String>,
    /// Speak this revision of MCP.
    #[arg(long, value_enum, value_name = "REVISION", default_value_t)]
    pub protocol: Protocol,
    /// Fail on a missing scope instead of asking for it.
    #[arg(long)]
    pub no_step_up: bool,
    /// How to answer when the server asks back (elicitation).
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub elicitation: Elicitation,
}
