//! `keyward consent`: lists and deletes stored consents.
use super::{
    grant::WhoseArguments,
    operator::{CommonArguments, Confirmation, Desk, List, count, help},
    output::CommandOutput,
};
use crate::{
    model::ConsentRecord,
    operations::{consents, date},
};
use serde_json::json;

/// Look at consents, and delete them, so that people are asked again.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward consent list --user alice --config /etc/keyward.toml\n  \
    keyward consent delete --user alice --client robot"))]
pub struct ConsentCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// List consents, person after person.
    #[command(after_help = help!("Examples:\n  keyward consent list --user alice\n  \
        keyward consent list --client robot --json"))]
    List(List<WhoseArguments>),
    Delete(Delete),
}

/// Delete consents: these people are asked again the next time. What was granted stays, until it is revoked.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward consent delete --user alice --client robot\n  \
    keyward consent delete --client robot --yes --json"))]
#[group(id = "chosen", required = true, multiple = true, args = ["user", "client"])]
struct Delete {
    #[command(flatten)]
    whose: WhoseArguments,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl ConsentCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        common
            .run(async |desk| match verb {
                Verb::List(wanted) => list(desk, wanted).await,
                Verb::Delete(delete) => delete.run(desk).await,
            })
            .await
    }
}

async fn chosen(desk: &Desk, whose: &WhoseArguments) -> anyhow::Result<consents::Filter> {
    let chosen = whose.of(desk).await?;
    Ok(consents::Filter { user_id: chosen.user_id, client_id: chosen.client_id })
}

async fn list(desk: &Desk, List { filter, page }: List<WhoseArguments>) -> anyhow::Result<CommandOutput> {
    let page = consents::list(&desk.app, &chosen(desk, &filter).await?, &page.paging()).await?;
    let headings = ["PERSON", "CLIENT", "GRANTED", "RESOURCE", "SCOPE"];
    Ok(CommandOutput::list("consents", &page, consents::shown, headings, |ConsentRecord { consent, username }| {
        let (client, granted) = (consent.client_id.to_string(), date(consent.granted_at));
        [username.clone(), client, granted, consent.resource.clone(), consent.scopes.to_string()]
    }))
}

impl Delete {
    async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let wanted = chosen(desk, &self.whose).await?;
        let there = count(consents::count(&desk.app, &wanted).await?, "consent");
        self.confirmation.confirm(&format!("This deletes {there}, and people are asked again."))?;
        let deleted = consents::delete(&desk.app, &desk.by, &wanted).await?;
        Ok(CommandOutput::new(json!({"consents_deleted": deleted}), format!("Deleted {}.", count(deleted, "consent"))))
    }
}
