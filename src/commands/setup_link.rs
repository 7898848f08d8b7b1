//! `keyward setup-link`: an administrator who is locked out gets in again, by who can run commands on this machine.
use super::{load_config, serve::at, server};
use crate::{
    audit::chain,
    people::setup_link::{self, SetupLink},
};
use std::path::PathBuf;

/// Make a link that creates an administrator, or gives one a new password. It replaces the link before it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  keyward setup-link --config /etc/keyward.toml\n\n\
    Opened in a browser, the link asks for a user name and a password. The name of an administrator who is locked out \
    gets the new password, and is let in again if it was disabled; any other name becomes a new administrator. The \
    audit trail has it as setup_link_created, then as password_reset or user_created.")]
pub struct SetupLinkCommand {
    /// Settings, as TOML; the same as the server's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SetupLinkCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let app = Box::pin(server::open_existing(load_config("", self.config.as_deref())?)).await?;
        let SetupLink { url, expires_at } = setup_link::anew(&app).await?;
        chain::extend(&app).await?;
        app.db.close().await?;
        say!("{url}\n")?;
        say!("That link is good once, until {}. Whoever opens it becomes an administrator.", at(expires_at))?;
        Ok(())
    }
}
