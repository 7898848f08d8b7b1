//! `keyward serve`: runs the authorization server.
use super::{load_for_serving, output::say, server};
use crate::{
    app::App,
    people::setup_link::{self, SetupLink},
    published,
};
use anyhow::ensure;
use std::{path::PathBuf, sync::Arc};
use time::OffsetDateTime;

/// Run the authorization server. Only `issuer` has to be set, in the file or as `KEYWARD__ISSUER`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  keyward serve --config /etc/keyward.toml")]
pub struct Serve {
    /// Settings, as TOML; variables such as `KEYWARD__DATABASE__URL` override them.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self) -> anyhow::Result<()> {
        // Signals are handled from the very start, because process 1 has no default handlers for them.
        let mut asked_to_stop = Box::pin(server::asked_to_stop()?);
        let config = load_for_serving(self.config.as_deref())?;
        let listener = server::bind(config.listen).await?;
        let app: Arc<App> = tokio::select! {
            app = Box::pin(server::open(config)) => Arc::from(app?),
            () = &mut asked_to_stop => return Ok(()),
        };
        ensure!(
            !published::is_demo(&app.db).await?,
            "this database was made by `keyward demo`: its passwords and secrets are published. Start with an empty one."
        );
        server::write_clients(&app, &[]).await?;
        if server::misses_a_way_out(&app.config) {
            tracing::warn!(
                "this machine has no way out to the internet: documents of clients and keys at a jwks_uri cannot be \
                 fetched, and whoever needs them is refused. Give it a way out, or let clients register instead: \
                 client_metadata_documents.policy = \"off\""
            );
        }
        server::begin(&app).await?;
        say!("keyward {} answers at {} for {}", env!("CARGO_PKG_VERSION"), listener.local_addr()?, app.config.issuer)?;
        if app.resources.default().is_none() {
            say!("No resource is configured yet: clients can sign people in, but reach no MCP server.")?;
        }
        invite_first_admin(&app).await?;
        server::run(app, listener, asked_to_stop).await
    }
}

/// Printed to standard output instead of the log: whoever holds the link becomes the administrator.
async fn invite_first_admin(app: &App) -> anyhow::Result<()> {
    if let Some(SetupLink { url, expires_at }) = setup_link::first(app).await? {
        say!("Nobody can administer this server yet. Create the first administrator at\n\n  {url}\n")?;
        say!("That link is good once, until {}; restarts and other nodes print the same one.", at(expires_at))?;
    }
    Ok(())
}

/// A date as operators read it.
pub(super) fn at(date: OffsetDateTime) -> String {
    let (day, time) = (date.date(), date.time());
    format!("{day} {:02}:{:02} UTC", time.hour(), time.minute())
}
