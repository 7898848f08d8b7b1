//! `keyward audit`: lists events, and checks that the audit trail is unchanged.
mod list;

use super::{
    operator::{CommonArguments, Desk, count},
    output::CommandOutput,
};
use crate::operations::audit::{self, ChainState};
use anyhow::bail;
use serde_json::json;

/// Read the audit trail, or check that nobody has changed it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keyward audit list --event login_failure --since 2026-11-30\n  \
    keyward audit verify --config /etc/keyward.toml\n\nWithout a verb: verify.\n\n\
    Exit codes: 0 listed, or intact; 1 not intact, or it could not be read; 2 wrong arguments.")]
pub struct Audit {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    List(list::List),
    /// Check that nobody has changed the audit trail, or taken an event out of it.
    #[command(after_help = "Example:\n  keyward audit verify --config /etc/keyward.toml\n\n\
        Exit codes: 0 intact; 1 not intact, or it could not be read; 2 wrong arguments.")]
    Verify,
}

impl Audit {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        if let Some(Verb::List(list)) = &verb {
            list.check()?;
        }
        common
            .run(async |desk| match verb {
                Some(Verb::List(list)) => list.run(desk).await,
                Some(Verb::Verify) | None => verify(desk).await,
            })
            .await
    }
}

async fn verify(desk: &Desk) -> anyhow::Result<CommandOutput> {
    match audit::verify(&desk.app, None).await? {
        ChainState::Whole(events) => Ok(CommandOutput::new(json!({"intact": true, "events": events}), intact(events))),
        ChainState::BrokenAt(place) => bail!("event {place} of the audit trail is gone, or is not as it was written"),
    }
}

fn intact(events: i64) -> String {
    format!("The audit trail is intact: {}.", count(events, "event"))
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
