//! `keyward key`: shows the signing keys, and rotates them before their time.
use super::{
    operator::{CommonArguments, Desk, NOT_SHOWN, help},
    output::CommandOutput,
};
use crate::{
    model::KeyStatus,
    operations::{
        Page, date,
        keys::{self, KeyRecord},
    },
};
use anyhow::Context;

/// Show the signing keys, or rotate them now. Servers on the same database follow within seconds, without a restart.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward key list --config /etc/keyward.toml\n  keyward key rotate --json"))]
pub struct KeyCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Show each key, what it is doing, and what happens to it next.
    #[command(after_help = help!("Example:\n  keyward key list --config /etc/keyward.toml"))]
    List,
    /// Publish new keys now. They sign after `keys.publish_before` seconds; no token dies.
    #[command(after_help = help!("Examples:\n  keyward key rotate --config /etc/keyward.toml\n  \
        keyward key rotate --emergency   (a private key was stolen)"))]
    Rotate {
        /// Sign with new keys at once and withdraw all old ones: every issued JWT becomes invalid, access tokens and ID
        /// tokens. Clients refresh; nobody has to sign in again. This is done without a question: in an emergency
        /// nothing waits.
        #[arg(long)]
        emergency: bool,
    },
}

const REPLACED: &str = "All keys were replaced. Tokens signed by the old ones are refused: by running servers within \
    seconds, by MCP servers that verify tokens themselves as soon as they fetch the keys again. Clients refresh.\n\n";
const PUBLISHED: &str = "New keys are published, and sign once everybody who verifies knows them. No token dies.\n\n";

impl KeyCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        common
            .run(async |Desk { app, by, .. }| {
                let said = match verb {
                    Verb::List => "",
                    Verb::Rotate { emergency: false } => keys::rotate(app, by).await.map(|_| PUBLISHED)?,
                    Verb::Rotate { emergency: true } => keys::replace_all(app, by).await.map(|_| REPLACED)?,
                };
                if !said.is_empty() {
                    app.keys.reload().await.context(NOT_SHOWN)?;
                }
                let page = Page { rows: keys::list(app), next: None };
                let headings = ["KID", "ALG", "STATUS", "THEN"];
                Ok(CommandOutput::list("keys", &page, keys::shown, headings, |record| {
                    let KeyRecord { key, .. } = record;
                    [key.kid.clone(), key.algorithm.clone(), key.status.name().into(), then(record)]
                })
                .after(said))
            })
            .await
    }
}

fn then(KeyRecord { key, next_step_at, signs_until }: &KeyRecord) -> String {
    match (key.status, next_step_at.map(date), signs_until.map(date)) {
        (KeyStatus::Next, Some(at), _) => format!("signs from {at}"),
        (KeyStatus::Retired, Some(at), _) => format!("verifies until {at}"),
        (KeyStatus::Current, _, Some(until)) => format!("signs until {until}"),
        (KeyStatus::Current, Some(at), None) => format!("signs; a successor is published {at}"),
        (_, None, _) => "signs".to_owned(),
    }
}
