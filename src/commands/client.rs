//! `keyward client`: shows, disables and enables clients.
use super::{
    operator::{CommonArguments, Desk, List, StateArguments, help, name, one_of},
    output::{CommandOutput, disabled, or_dash, status},
};
use crate::{
    model::{Client, ClientId, ClientSource},
    operations::{clients, date},
};
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
    /// List clients, the newest first.
    #[command(after_help = help!("Examples:\n  keyward client list --source dcr --search claude\n  \
        keyward client list --disabled --json"))]
    List(List<Clients>),
    /// Show a client.
    #[command(after_help = help!("Example:\n  keyward client show robot"))]
    Show(Named),
    /// Disable a client: it gets no tokens, and its tokens are refused wherever this server is asked, until it is
    /// enabled again. Its grants stay; `keyward grant revoke --client ID` ends them for good.
    #[command(after_help = help!("Example:\n  keyward client disable robot"))]
    Disable(Named),
    /// Enable a disabled client again.
    #[command(after_help = help!("Example:\n  keyward client enable robot"))]
    Enable(Named),
}

#[derive(clap::Args)]
struct Named {
    /// The `client_id`.
    #[arg(value_name = "ID", value_parser = name)]
    id: String,
}

#[derive(clap::Args)]
struct Clients {
    /// Only those that are known this way: from the settings (`seed`), by registration (`dcr`), by a metadata document
    /// (`cimd`).
    #[arg(long, value_parser = one_of(ClientSource::ALL, ClientSource::name))]
    source: Option<ClientSource>,
    /// Only those with this text in id or name.
    #[arg(long, value_name = "TEXT", value_parser = name)]
    search: Option<String>,
    #[command(flatten)]
    state: StateArguments,
}

impl ClientCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        common
            .run(async |desk| match verb {
                Verb::List(wanted) => list(desk, wanted).await,
                Verb::Show(named) => show(desk, &id(&named)).await,
                Verb::Disable(named) => {
                    let client = clients::disable(&desk.app, &desk.by, &id(&named)).await?;
                    Ok(changed("Disabled", &client))
                }
                Verb::Enable(named) => {
                    let client = clients::enable(&desk.app, &desk.by, &id(&named)).await?;
                    Ok(changed("Enabled", &client))
                }
            })
            .await
    }
}

fn id(named: &Named) -> ClientId {
    ClientId::from(&*named.id)
}

async fn list(desk: &Desk, List { filter, page }: List<Clients>) -> anyhow::Result<CommandOutput> {
    let (source, disabled, search) = (filter.source, filter.state.disabled(), filter.search);
    let wanted = clients::Filter { source, disabled, search, ..clients::Filter::default() };
    let page = clients::list(&desk.app, &wanted, &page.paging()).await?;
    Ok(CommandOutput::list("clients", &page, clients::shown, ["ID", "NAME", "SOURCE", "STATUS", "CREATED"], |client| {
        let (source, status) = (client.source.name(), status(client.disabled_at));
        let name = or_dash(client.metadata.client_name.as_deref());
        [client.id.to_string(), name, source.into(), status.into(), date(client.created_at)]
    }))
}

async fn show(desk: &Desk, id: &ClientId) -> anyhow::Result<CommandOutput> {
    let (client, live_grants) = clients::show(&desk.app, id).await?;
    let mut json = clients::shown(&client);
    json["live_grants"] = json!(live_grants);
    Ok(CommandOutput::one(
        json,
        [
            ("Id", client.id.to_string()),
            ("Name", or_dash(client.metadata.client_name.as_deref())),
            ("Source", client.source.name().into()),
            ("Disabled", disabled(client.disabled_at)),
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
