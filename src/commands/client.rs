//! `keyward client`: shows, disables and enables clients.
use super::{
    operator::{CommonArguments, Desk, PageArguments, StateArguments, help, name},
    output::{CommandOutput, or_dash},
};
use crate::{
    model::{Client, ClientId, ClientSource},
    operations::{clients, date},
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

/// Look at clients, disable and enable them.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward client list --config /etc/keyward.toml\n  \
    keyward client disable https://app.example/client.json"))]
pub struct ClientCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    List(List),
    /// Show a client.
    #[command(after_help = help!("Example:\n  keyward client show robot"))]
    Show(Named),
    /// Keep a client out: it gets nothing, and what it got is not good where this server is asked, until it is enabled
    /// again. Its grants stay; `keyward grant revoke --client ID` ends them for good.
    #[command(after_help = help!("Example:\n  keyward client disable robot"))]
    Disable(Named),
    /// Let a client in again that was disabled.
    #[command(after_help = help!("Example:\n  keyward client enable robot"))]
    Enable(Named),
}

/// List clients, the newest first.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward client list --source dcr --search claude\n  \
    keyward client list --disabled --json"))]
struct List {
    /// Only those that are known this way: from the settings (`seed`), by registration (`dcr`), by a metadata document
    /// (`cimd`).
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(ClientSource::ALL.map(ClientSource::name)).try_map(|name| source(&name))
    )]
    source: Option<ClientSource>,
    /// Only those with this text in id or name.
    #[arg(long, value_name = "TEXT", value_parser = name)]
    search: Option<String>,
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    page: PageArguments,
}

#[derive(clap::Args)]
struct Named {
    /// The `client_id`.
    #[arg(value_name = "ID", value_parser = name)]
    id: String,
}

impl ClientCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        common
            .run(async |desk| match verb {
                Verb::List(list) => list.run(desk).await,
                Verb::Show(named) => show(desk, &named.id()).await,
                Verb::Disable(named) => {
                    let client = clients::disable(&desk.app, &desk.by, &named.id()).await?;
                    Ok(changed("Disabled", &client))
                }
                Verb::Enable(named) => {
                    let client = clients::enable(&desk.app, &desk.by, &named.id()).await?;
                    Ok(changed("Enabled", &client))
                }
            })
            .await
    }
}

impl Named {
    fn id(&self) -> ClientId {
        ClientId::from(&*self.id)
    }
}

fn source(name: &str) -> Result<ClientSource, String> {
    let found = ClientSource::ALL.into_iter().find(|source| source.name() == name);
    found.ok_or_else(|| "there is no such source".to_owned())
}

impl List {
    async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let wanted = clients::Filter {
            source: self.source,
            disabled: self.state.disabled(),
            search: self.search,
            ..clients::Filter::default()
        };
        let page = clients::list(&desk.app, &wanted, &self.page.paging()).await?;
        Ok(CommandOutput::list(
            "clients",
            &page,
            clients::shown,
            ["ID", "NAME", "SOURCE", "STATUS", "CREATED"],
            |client| {
                let status = if client.disabled_at.is_some() { "disabled" } else { "enabled" };
                let name = or_dash(client.metadata.client_name.as_deref());
                [client.id.to_string(), name, client.source.name().into(), status.into(), date(client.created_at)]
            },
        ))
    }
}

async fn show(desk: &Desk, id: &ClientId) -> anyhow::Result<CommandOutput> {
    let (client, live_grants) = clients::show(&desk.app, id).await?;
    let mut json = clients::shown(&client);
    json["live_grants"] = json!(live_grants);
    let disabled = client.disabled_at.map_or_else(|| "no".to_owned(), |at| format!("since {}", date(at)));
    Ok(CommandOutput::one(
        json,
        [
            ("Id", client.id.to_string()),
            ("Name", or_dash(client.metadata.client_name.as_deref())),
            ("Source", client.source.name().into()),
            ("Disabled", disabled),
            ("Grant types", client.metadata.grant_types.join(" ")),
            ("Redirect URIs", client.metadata.redirect_uris.join(" ")),
            ("Created", date(client.created_at)),
            ("Last seen", date(client.seen_at)),
            ("Live grants", live_grants.to_string()),
        ],
    ))
}

fn changed(what: &str, client: &Client) -> CommandOutput {
    CommandOutput::new(json!({"client": clients::shown(client)}), format!("{what} {}.", client.id))
}
