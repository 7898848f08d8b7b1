//! `keyward audit`: what happened, and whether the audit trail is as it was written.
mod list;

use super::{load_config, server};
use crate::audit::chain::{self, Chain};
use anyhow::bail;
use std::path::PathBuf;

/// Read the audit trail, or check that nobody has changed it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keyward audit list --event login_failure --since 2026-11-30\n  \
    keyward audit verify --config /etc/keyward.toml\n\nWithout a verb: verify.\n\n\
    Exit codes: 0 listed, or intact; 1 not intact, or it could not be read; 2 wrong arguments.")]
pub struct Audit {
    #[command(subcommand)]
    action: Option<Action>,
    /// The settings of the server, as TOML; variables such as `KEYWARD__DATABASE__URL` override them.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Action {
    List(list::List),
    /// Check that nobody has changed the audit trail, or taken an event out of it.
    #[command(after_help = "Example:\n  keyward audit verify --config /etc/keyward.toml\n\n\
        Exit codes: 0 intact; 1 not intact, or it could not be read; 2 wrong arguments.")]
    Verify,
}

impl Audit {
    pub async fn run(self) -> anyhow::Result<()> {
        let app = Box::pin(server::open_existing(load_config("", self.config.as_deref())?)).await?;
        let done = match self.action {
            Some(Action::List(list)) => list.run(&app).await,
            Some(Action::Verify) | None => chain::verify(&app, None).await.map_err(Into::into).and_then(say),
        };
        app.db.close().await?;
        done
    }
}

fn say(chain: Chain) -> anyhow::Result<()> {
    match chain {
        Chain::Whole(events) => say!("{}", intact(events)),
        Chain::BrokenAt(place) => bail!("event {place} of the audit trail is gone, or is not as it was written"),
    }
}

fn intact(events: i64) -> String {
    let noun = if events == 1 { "event" } else { "events" };
    format!("The audit trail is intact: {events} {noun}.")
}

#[cfg(test)]
mod tests {
    use super::intact;

    #[test]
    fn one_event_is_one_event() {
        assert_eq!(intact(0), "The audit trail is intact: 0 events.");
        assert_eq!(intact(1), "The audit trail is intact: 1 event.");
        assert_eq!(intact(12), "The audit trail is intact: 12 events.");
    }
}
