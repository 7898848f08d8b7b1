//! `keyward demo`: an authorization server, an MCP server behind it, and people and clients to try them with.
use super::{output::say, server};
use crate::{config::Config, demo, jobs::rotation, oauth::resource::AccessTokenFormat};
use anyhow::{Context, ensure};
use keyward_resource_server::{Credentials, Settings};
use secrecy::ExposeSecret;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// Start an authorization server and a protected MCP server on this machine, with people and clients to try.
#[derive(clap::Args)]
#[command(after_help = "Example, beside another one:\n  \
    keyward demo --data /tmp/second --listen 127.0.0.1:9999 --resource-listen 127.0.0.1:9990")]
pub struct Demo {
    /// Where database and keys are kept.
    #[arg(long, value_name = "DIR", default_value = "keyward-demo")]
    data: PathBuf,
    /// Where the authorization server answers; loopback only.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8999")]
    listen: SocketAddr,
    /// Where the MCP server answers; loopback only.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8990")]
    resource_listen: SocketAddr,
    /// Settings, as TOML; variables such as `KEYWARD__TOKENS__REPLAY_WINDOW` override them.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The MCP server asks the authorization server about each token (RFC 7662) instead of verifying it itself. It
    /// does so anyway where tokens are opaque (`resources.demo.access_token_format`).
    #[arg(long)]
    introspect: bool,
    /// Answers at `/oauth/token`, `/oauth/authorize`, `/oauth/register`, `/oauth/jwks` and `/oauth/validate` too, for
    /// scripts that do not discover.
    #[arg(long)]
    legacy_paths: bool,
}

impl Demo {
    pub async fn run(self) -> anyhow::Result<()> {
        // Signals are handled from the very start, because process 1 has no default handlers for them.
        let asked_to_stop = server::asked_to_stop()?;
        let loopback = self.listen.ip().is_loopback() && self.resource_listen.ip().is_loopback();
        ensure!(loopback, "the demo's passwords are published, so it listens on loopback addresses only");
        let listener = server::bind(self.listen).await?;
        let resource_listener = server::bind(self.resource_listen).await?;
        let origin = format!("http://{}", resource_listener.local_addr()?);

        say!("Opening {} ...", self.data.display())?;
        let listen = listener.local_addr()?;
        let defaults = settings(&self.data, listen, &origin);
        let mut config = Config::load_for_demo(&defaults, self.config.as_deref(), super::settings::variables())?;
        config.legacy_paths |= self.legacy_paths;
        config.debug.this_machine = true;
        // With another issuer, the URLs of these documents may lead to another server.
        let ourselves = config.origin() == issuer(listen) && config.client_metadata_documents.is_on();
        let folder = ourselves.then(|| format!("{}{}", config.base(), demo::documents::FOLDER));
        config.client_metadata_documents.own_folder.clone_from(&folder);
        let mut app = Box::pin(server::open(config)).await?;
        say!("Inviting people and clients ...")?;
        demo::seed(&app).await?;
        server::write_clients(&app, &demo::client_ids()).await?;
        let documents = folder.as_deref().map(demo::documents::all).transpose()?.unwrap_or_default();
        app.demo = Some(crate::app::Demo { people: demo::PEOPLE_TO_TRY, documents });
        let misses_a_way_out = server::misses_a_way_out(&app.config);
        let (issuer, base) = (app.config.issuer.clone(), app.config.base().to_owned());
        let store = Some(self.data.join("resource-server.db"));
        let (queries, grace) = (std::env::current_exe().ok(), app.config.connections.grace);
        let mut mcp_server = Settings { store, queries, grace, ..Settings::demo(&origin, &issuer)? };
        let introspection = credentials(&app.config, &format!("{origin}/mcp/oauth"), self.introspect)?;
        let oauth = mcp_server.surfaces.iter_mut().filter(|surface| surface.id == "oauth");
        oauth.for_each(|surface| surface.introspection.clone_from(&introspection));

        let (stop, stopped) = watch::channel(false);
        let stopping = || {
            let mut stopped = stopped.clone();
            async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            }
        };
        let mcp_server = keyward_resource_server::prepare(resource_listener, &mcp_server).await?;
        server::begin(&app).await?;
        // Keys whose time has come change now: the log tells of it before the banner.
        rotation::turn(&app).await?;
        // Both servers listen now. Nothing more is printed until the first request.
        say!("{}", welcome(&issuer, &base, &origin, folder.as_deref(), misses_a_way_out))?;
        let servers =
            async { tokio::try_join!(server::run(Arc::from(app), listener, stopping()), mcp_server.run(stopping())) };
        tokio::pin!(servers);
        tokio::select! {
            ended = &mut servers => return ended.map(drop),
            () = asked_to_stop => {}
        }
        say!("\nStopping; everything is kept in {}.", self.data.display())?;
        stop.send(true).context("nothing was running")?;
        servers.await.map(drop)
    }
}

/// The issuer as browsers write it: without the default port of http.
fn issuer(listen: SocketAddr) -> String {
    let issuer = format!("http://{listen}");
    issuer.strip_suffix(":80").map_or_else(|| issuer.clone(), str::to_owned)
}

/// The demo's default settings; a file and the environment override them.
fn settings(data: &Path, listen: SocketAddr, origin: &str) -> String {
    // A TOML literal string: the paths of some systems are full of backslashes.
    let data = data.display();
    format!(
        "issuer = '{}'\n\
         listen = '{listen}'\n\
         default_resource = 'demo'\n\
         registration.client_credentials = true\n\
         database.url = 'sqlite:{data}/keyward.db'\n\
         keys.master_key_file = '{data}/master.key'\n\
         resources.demo.identifier = '{origin}/mcp/oauth'\n{}{}",
        issuer(listen),
        demo::RESOURCE,
        demo::other_resources(origin)
    )
}

/// The MCP server's credentials for introspection: present if it was told to ask, or if tokens are opaque.
fn credentials(config: &Config, resource: &str, told: bool) -> anyhow::Result<Option<Credentials>> {
    let settings = config.resources.values().find(|settings| settings.identifier == resource);
    let format = settings.and_then(|settings| settings.access_token_format);
    if !told && format.unwrap_or(config.tokens.access_token_format) == AccessTokenFormat::Jwt {
        return Ok(None);
    }
    let own = settings.and_then(|settings| settings.introspection.as_ref());
    let own = own.with_context(|| format!("no resource {resource} with introspection.id and introspection.secret"))?;
    Ok(Some(Credentials { id: own.id.clone(), secret: own.secret.expose_secret().to_owned().into() }))
}

const NO_WAY_OUT: &str = "
  This machine has no way out to the internet: apps that call themselves by the URL of a document, such as Claude and
  VS Code, are refused. Started with KEYWARD__CLIENT_METADATA_DOCUMENTS__POLICY=off the demo lets them register instead.
";

fn welcome(issuer: &str, base: &str, origin: &str, documents: Option<&str>, misses_a_way_out: bool) -> String {
    let offline = if misses_a_way_out { NO_WAY_OUT } else { "" };
    let resource = format!("{origin}/mcp/oauth");
    let documents = documents.map_or(String::new(), |folder| {
        format!(
            "
  Client IDs that are the URLs of documents, to try offline (callback on 127.0.0.1 or localhost, any port):
    {folder}public.json
    {folder}private_key_jwt.json   (its key: {folder}private_key_jwt.jwk)
    {folder}broken.json            (is refused)
"
        )
    });
    format!(
        "
  keyward demo is running. Press Ctrl-C to stop it.
{offline}
    MCP server             {resource}
    Authorization server   {issuer}

  Connect a client:
    MCP Inspector          npx @modelcontextprotocol/inspector
                           transport \"Streamable HTTP\", URL {resource}
    Claude Code            claude mcp add --transport http keyward {resource}
                           then /mcp inside Claude Code

  Sign in as               alice / password123      (admin / admin123 may grant more)

  Then try
    whoami                 who you are to the MCP server
    get_secret             listed once you connect with the scope mcp:write;
                           called without it, the client is sent back to ask you
    {base}/logout  and sign in as bob / hunter2
    {origin}/  the same server protected in other ways
{documents}
{}",
        demo::identities()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_own_issuer_is_written_as_browsers_write_it() {
        for (listen, written) in [
            ("127.0.0.1:8999", "http://127.0.0.1:8999"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:80", "http://127.0.0.1"),
            ("[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(issuer(listen.parse().unwrap()), written);
        }
    }
}
