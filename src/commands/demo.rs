//! `keyward demo`: an authorization server, an MCP server behind it, and people and clients to try them with.
use super::{load_config, server};
use crate::{clients, demo};
use anyhow::{Context, ensure};
use keyward_resource_server::Settings;
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
    #[arg(long, value_name = "DIR", default_value = "keyward-data")]
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
}

impl Demo {
    pub async fn run(self) -> anyhow::Result<()> {
        let loopback = self.listen.ip().is_loopback() && self.resource_listen.ip().is_loopback();
        ensure!(loopback, "the demo's passwords are published, so it listens on loopback addresses only");
        let listener = server::bind(self.listen).await?;
        let resource_listener = server::bind(self.resource_listen).await?;
        let origin = format!("http://{}", resource_listener.local_addr()?);

        println!("Opening {} ...", self.data.display());
        let config = load_config(&settings(&self.data, listener.local_addr()?, &origin), self.config.as_deref())?;
        let mut app = server::open(config).await?;
        println!("Inviting people and clients ...");
        demo::seed(&app).await?;
        clients::configured::write(&app).await?;
        app.demo_people = demo::PEOPLE_TO_TRY;
        let issuer = app.config.issuer.clone();

        let (stop, stopped) = watch::channel(false);
        let stopping = || {
            let mut stopped = stopped.clone();
            async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            }
        };
        let asked_to_stop = server::asked_to_stop()?;
        let store = Some(self.data.join("resource-server.db"));
        let surfaces = Settings { store, ..Settings::demo(&origin, &issuer)? };
        println!("{}", welcome(&issuer, &origin));
        let servers = async {
            tokio::try_join!(
                server::run(Arc::new(app), listener, stopping()),
                keyward_resource_server::serve(resource_listener, surfaces, stopping()),
            )
        };
        tokio::pin!(servers);
        tokio::select! {
            ended = &mut servers => return ended.map(drop),
            () = asked_to_stop => {}
        }
        println!("\nStopping; everything is kept in {}.", self.data.display());
        stop.send(true).context("nothing was running")?;
        servers.await.map(drop)
    }
}

/// The demo's own defaults; a file and the environment override them.
fn settings(data: &Path, listen: SocketAddr, origin: &str) -> String {
    // A TOML literal string: the paths of some systems are full of backslashes.
    let data = data.display();
    format!(
        "issuer = 'http://{listen}'\n\
         listen = '{listen}'\n\
         database.url = 'sqlite:{data}/keyward.db'\n\
         keys.master_key_file = '{data}/master.key'\n\
         resources.demo.identifier = '{origin}/mcp/oauth'\n{}{}",
        demo::RESOURCE,
        demo::other_resources(origin)
    )
}

fn welcome(issuer: &str, origin: &str) -> String {
    let resource = format!("{origin}/mcp/oauth");
    format!(
        "
  keyward demo is running. Press Ctrl-C to stop it.

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
    {issuer}/logout  and sign in as bob / hunter2
    {origin}/  the same server protected in other ways
"
    )
}
