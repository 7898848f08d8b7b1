//! `keyward audit`: whether the audit trail is as it was written.
use super::{load_config, server};
use crate::audit::chain::{self, Chain};
use anyhow::bail;
use std::path::PathBuf;

/// Check that nobody has changed the audit trail, or taken an event out of it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  keyward audit --config /etc/keyward.toml")]
pub struct Audit {
    /// The settings of the server, as TOML; variables such as `KEYWARD__DATABASE__URL` override them.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Audit {
    pub async fn run(self) -> anyhow::Result<()> {
        let app = Box::pin(server::open_existing(load_config("", self.config.as_deref())?)).await?;
        let chain = chain::verify(&app, None).await?;
        app.db.close().await?;
        match chain {
            Chain::Whole(events) => println!("All {events} events of the audit trail are as they were written."),
            Chain::BrokenAt(place) => bail!("event {place} of the audit trail is gone, or is not as it was written"),
        }
        Ok(())
    }
}
