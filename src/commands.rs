//! Commands: one file and one variant each. Commands for operators consist of a noun and a verb.
mod audit;
mod check;
mod client;
mod consent;
#[cfg(feature = "demo")]
mod demo;
mod grant;
mod key;
mod operator;
mod output;
mod registration_token;
mod restore;
mod serve;
pub mod server;
mod settings;
mod user;

use settings::{load_config, load_for_serving};

#[cfg(feature = "demo")]
const EXAMPLES: &str = "Try it:\n  keyward demo\n\nRun it:\n  KEYWARD__ISSUER=https://auth.example.com keyward serve";
#[cfg(not(feature = "demo"))]
const EXAMPLES: &str = "Run it:\n  KEYWARD__ISSUER=https://auth.example.com keyward serve";

/// An OAuth 2.1 authorization server for MCP servers.
#[derive(clap::Parser)]
#[command(version, after_help = EXAMPLES)]
pub enum Command {
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    Serve(serve::Serve),
    Check(check::Check),
    User(user::UserCommand),
    Client(client::ClientCommand),
    Grant(grant::GrantCommand),
    Consent(consent::ConsentCommand),
    RegistrationToken(registration_token::RegistrationTokenCommand),
    #[command(visible_alias = "keys")]
    Key(key::KeyCommand),
    Audit(audit::Audit),
    SetupLink(user::SetupLinkCommand),
    Restore(restore::Restore),
}

impl Command {
    pub fn run(self) -> anyhow::Result<()> {
        crate::telemetry::init(self.is_server());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            match self {
                // The future of two servers is large, so it is boxed.
                #[cfg(feature = "demo")]
                Self::Demo(command) => Box::pin(command.run()).await,
                Self::Serve(command) => Box::pin(command.run()).await,
                Self::Check(command) => command.run(),
                Self::User(command) => Box::pin(command.run()).await,
                Self::Client(command) => Box::pin(command.run()).await,
                Self::Grant(command) => Box::pin(command.run()).await,
                Self::Consent(command) => Box::pin(command.run()).await,
                Self::RegistrationToken(command) => Box::pin(command.run()).await,
                Self::Key(command) => Box::pin(command.run()).await,
                Self::Audit(command) => Box::pin(command.run()).await,
                Self::SetupLink(command) => Box::pin(command.run()).await,
                Self::Restore(command) => Box::pin(command.run()).await,
            }
        })
    }

    /// Whether the command runs until somebody stops it.
    fn is_server(&self) -> bool {
        #[cfg(feature = "demo")]
        if matches!(self, Self::Demo(_)) {
            return true;
        }
        matches!(self, Self::Serve(_))
    }
}
