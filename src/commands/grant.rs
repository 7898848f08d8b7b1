//! `keyward grant`: shows and revokes grants.
use super::{
    operator::{CommonArguments, Confirmation, Desk, List, count, help, name},
    output::CommandOutput,
};
use crate::{
    model::{ClientId, Grant, GrantId, GrantRecord},
    operations::{date, grants, users},
};
use serde_json::json;
use time::OffsetDateTime;

/// Look at grants, and revoke them: one, a person's, a client's.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward grant list --user alice --config /etc/keyward.toml\n  \
    keyward grant revoke --client robot"))]
pub struct GrantCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// List grants that are live, the newest first.
    #[command(after_help = help!("Examples:\n  keyward grant list --user alice\n  \
        keyward grant list --client robot --all --json"))]
    List(List<Grants>),
    /// Show a grant.
    #[command(after_help = help!("Example:\n  keyward grant show 019ad1c0-0000-7000-8000-000000000001"))]
    Show {
        /// The id of a grant.
        #[arg(value_name = "ID", value_parser = id)]
        id: GrantId,
    },
    Revoke(Revoke),
}

/// Selects grants by user and client.
#[derive(clap::Args)]
pub struct WhoseArguments {
    /// Those of this person: a username, or the id of an account.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub user: Option<String>,
    /// Those of this client: its `client_id`.
    #[arg(long, value_name = "ID", value_parser = name)]
    pub client: Option<String>,
}

#[derive(clap::Args)]
struct Grants {
    #[command(flatten)]
    whose: WhoseArguments,
    /// Also revoked and expired ones, which are deleted after a day.
    #[arg(long)]
    all: bool,
}

/// Revoke grants for good: their tokens are refused wherever this server is asked. When an app asks again, people can
/// allow it anew; a stored consent spares them the question.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward grant revoke 019ad1c0-0000-7000-8000-000000000001\n  \
    keyward grant revoke --user alice --client robot\n  keyward grant revoke --client robot --yes --json"))]
#[group(id = "chosen", required = true, multiple = true, args = ["id", "user", "client"])]
struct Revoke {
    /// One, by its id.
    #[arg(value_name = "ID", value_parser = id, conflicts_with_all = ["user", "client"])]
    id: Option<GrantId>,
    #[command(flatten)]
    whose: WhoseArguments,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl GrantCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        common
            .run(async |desk| match verb {
                Verb::List(wanted) => list(desk, wanted).await,
                Verb::Show { id } => show(desk, id).await,
                Verb::Revoke(revoke) => revoke.run(desk).await,
            })
            .await
    }
}

fn id(text: &str) -> Result<GrantId, String> {
    text.parse().map_err(|_| "the id of a grant is a UUID; keyward grant list shows them".to_owned())
}

/// Checks that user and client exist: for a mistyped name, an empty list would look like an answer.
impl WhoseArguments {
    pub async fn of(&self, desk: &Desk) -> anyhow::Result<grants::Filter> {
        let mut wanted = grants::Filter::default();
        if let Some(user) = &self.user {
            wanted.user_id = Some(users::find(&desk.app, user).await?.id);
        }
        if let Some(client) = &self.client {
            let id = ClientId::from(&**client);
            wanted.client_id = Some(crate::operations::clients::find(&desk.app, &id).await?.id);
        }
        Ok(wanted)
    }
}

async fn list(desk: &Desk, List { filter, page }: List<Grants>) -> anyhow::Result<CommandOutput> {
    let now = desk.app.clock.now();
    let wanted = grants::Filter { live_at: (!filter.all).then_some(now), ..filter.whose.of(desk).await? };
    let page = grants::list(&desk.app, &wanted, &page.paging()).await?;
    let headings = ["ID", "PERSON", "CLIENT", "STATUS", "REFRESHED", "SCOPE"];
    Ok(CommandOutput::list("grants", &page, grants::shown, headings, |GrantRecord { grant, username }| {
        let (id, client) = (grant.id.to_string(), grant.client_id.to_string());
        let (refreshed, scope) = (date(grant.refreshed_at), grant.scopes.to_string());
        [id, username.clone(), client, status(grant, now).into(), refreshed, scope]
    }))
}

fn status(grant: &Grant, now: OffsetDateTime) -> &'static str {
    match grant {
        Grant { revoked_at: Some(_), .. } => "revoked",
        Grant { expires_at, .. } if *expires_at <= now => "expired",
        _ => "live",
    }
}

async fn show(desk: &Desk, id: GrantId) -> anyhow::Result<CommandOutput> {
    let record = grants::show(&desk.app, id).await?;
    let json = grants::shown(&record);
    let GrantRecord { grant, username } = record;
    let status = status(&grant, desk.app.clock.now()).to_owned();
    Ok(CommandOutput::one(
        json,
        [
            ("Id", grant.id.to_string()),
            ("Person", username),
            ("Client", grant.client_id.to_string()),
            ("Status", status),
            ("Began with", grant.grant_type),
            ("Scope", grant.scopes.to_string()),
            ("Resource", grant.resources.join(" ")),
            ("Created", date(grant.created_at)),
            ("Refreshed", date(grant.refreshed_at)),
            ("Expires", date(grant.expires_at)),
        ],
    ))
}

impl Revoke {
    async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let wanted = grants::Filter { id: self.id, ..self.whose.of(desk).await? };
        let live = count(grants::count_live(&desk.app, &wanted).await?, "grant");
        self.confirmation.confirm(&format!("This revokes {live} for good."))?;
        let revoked = grants::revoke(&desk.app, &desk.by, &wanted).await?;
        Ok(CommandOutput::new(json!({"grants_revoked": revoked}), format!("Revoked {}.", count(revoked, "grant"))))
    }
}
