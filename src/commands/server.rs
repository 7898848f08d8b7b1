//! Shared by `demo` and `serve`: opens the server's data, runs the server, and closes both gracefully.
use super::output::say;
use crate::{
    app::App,
    audit::{self, Event, chain, telling},
    clients::configured,
    clock::Clock,
    config::Config,
    events::EventType,
    fetch::has_way_out,
    http, jobs,
    oauth::visible::visible,
    storage::{Db, signing_keys},
    telemetry,
};
use anyhow::{Context, bail, ensure};
use keyward_limits::connections::{Bounds, Connections};
pub use keyward_limits::stop::asked_to_stop;
use secrecy::ExposeSecret;
use serde_json::json;
use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;

/// Binds the address; an address in use is reported as one sentence.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))
}

/// Opens database and keys, and creates their folders if necessary.
pub async fn open(config: Config) -> anyhow::Result<Box<App>> {
    for file in files(&config) {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_private_folder(folder)?;
        }
    }
    let db = Db::open(config.database.url.expose_secret()).await?;
    build(config, db).await
}

async fn build(config: Config, db: Db) -> anyhow::Result<Box<App>> {
    let app = Box::pin(App::build(config, db, Clock::default())).await?;
    // A line never comes again, so that remembering it would only push out names that do.
    telemetry::mask(app.masker().beside([]).into());
    Ok(app)
}

/// Opens the data of an existing server, and never creates it: with a wrong path, a new empty database would look
/// right.
pub async fn open_existing(config: Config) -> anyhow::Result<Box<App>> {
    let url = config.database.url.expose_secret();
    // The file may be there, and be empty or another program's.
    let place = sqlite_file(&config).map_or("table of Keyward in this database".into(), |file| {
        format!("database of Keyward at {}", file.display())
    });
    ensure!(Db::exists(url).await?, "there is no {place}: did a server run here with these settings?");
    let db = Db::open(url).await?;
    let key = &config.keys.master_key_file;
    // If the database holds keys, opening the master key reports the missing file.
    if config.keys.master_key.is_none() && !key.try_exists().unwrap_or(true) && signing_keys::all(&db).await?.is_empty()
    {
        db.close().await?;
        bail!("there is no {}: did a server run here with these settings?", key.display());
    }
    build(config, db).await
}

/// The files of SQLite and of the master key.
fn files(config: &Config) -> Vec<PathBuf> {
    let master_key = config.keys.master_key.is_none().then(|| config.keys.master_key_file.clone());
    sqlite_file(config).into_iter().chain(master_key).collect()
}

fn sqlite_file(config: &Config) -> Option<PathBuf> {
    let database = config.database.url.expose_secret().strip_prefix("sqlite:");
    database.map(|file| PathBuf::from(file.trim_start_matches("//")))
}

fn make_private_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("cannot create the folder {}", folder.display()))
}

/// Stores the clients of the settings, and reports which clients are disabled because the settings no longer have them;
/// `others` are clients that never come from settings.
pub async fn write_clients(app: &App, others: &[&str]) -> anyhow::Result<()> {
    configured::write(app).await?;
    let left_out = configured::leave_out(app, others).await?;
    if !left_out.is_empty() {
        let names: Vec<_> = left_out.iter().map(|id| visible(id.as_str())).collect();
        say!(
            "Disabled, for the settings have them no more: {}. They get nothing from now on, and what they got is no \
             longer good where this server is asked. Put them back to enable them, or set disable_removed_clients = \
             false before the start to keep clients that are taken out.",
            names.join(", ")
        )?;
    }
    Ok(())
}

/// Records the start in the audit trail; [`run`] comes next.
pub async fn begin(app: &App) -> anyhow::Result<()> {
    audit::changed_settings::record(&app.audit, &app.config, app.derived_keys.settings()).await?;
    Event::new(EventType::ServerStart).details(json!({"version": env!("CARGO_PKG_VERSION")})).record(&app.audit).await;
    Ok(())
}

/// Whether the settings need documents or keys of other hosts, while this machine has no route to them.
#[must_use]
pub fn misses_a_way_out(config: &Config) -> bool {
    let of_issuers = config.trusted_issuers.values().any(|issuer| issuer.jwks_uri.is_some());
    let of_clients = config.clients.values().any(|client| client.jwks_uri.is_some());
    (config.client_metadata_documents.is_on() || of_issuers || of_clients) && !has_way_out()
}

/// Serves until `shutdown`, lets running requests finish, and closes the database.
pub async fn run(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let housekeeping = tokio::spawn(jobs::run(app.clone()));
    connections(&app).serve(listener, http::router(app.clone()), shutdown).await;
    housekeeping.abort();
    telling::tell_all(&app.audit).await;
    Event::new(EventType::ServerStop).record(&app.audit).await;
    let sealed = chain::extend(&app.audit).await;
    app.db.close().await?;
    Ok(sealed?)
}

fn connections(app: &Arc<App>) -> Connections {
    let settings = &app.config.connections;
    let bounds = Bounds {
        total: settings.total.get(),
        per_source: settings.per_source.get(),
        grace: Duration::from_secs(settings.grace.into()),
        ..Bounds::default()
    };
    let told = Arc::downgrade(app);
    Connections::new(bounds, app.limits.proxies.clone(), move |address| {
        if let Some(app) = told.upgrade().filter(|app| app.limits.floods.is_new(address)) {
            tokio::spawn(async move {
                let event = Event::new(EventType::RateLimitExceeded).failed().from(address);
                event.details(json!({"endpoint": "connection"})).record(&app.audit).await;
            });
        }
    })
}
