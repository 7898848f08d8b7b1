//! Serves all addresses of the resource server, from the first listener to the last response.
use super::{Shared, common, others};
use crate::{
    audit::{Event, EventKind},
    settings::Settings,
    trace::Records,
};
use anyhow::Context;
use axum::Router;
use keyward_limits::connections::{Bounds, Connections};
use serde_json::json;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// A server that listens and has printed its start messages, but does not respond yet.
pub struct Prepared {
    servers: Vec<(TcpListener, Router)>,
    connections: Connections,
    records: Arc<Records>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// Serves all surfaces until `shutdown`, then lets running responses finish. `listener` is the common address.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    prepare(listener, &settings).await?.run(shutdown).await
}

/// Everything that [`serve`] does before the first response.
pub async fn prepare(listener: TcpListener, settings: &Settings) -> anyhow::Result<Prepared> {
    let shared = Shared::new(settings)?;
    let mut servers = vec![(listener, common(settings)?.router(&shared)?)];
    for (address, own) in others(settings)? {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        servers.push((listener, own.router(&shared)?));
    }
    for (listener, _) in &servers {
        settings.ensure_loopback(listener.local_addr()?)?;
    }
    shared.records.audit.server(EventKind::ServerStart).await;
    for accounts in shared.accounts.values() {
        accounts.prepared().await?;
        for (username, name, key) in accounts.first_keys().await? {
            // Printed once to standard output, and never logged.
            println!("API key {name} of {username}, shown this once: {key}");
        }
    }
    for (listener, _) in &servers {
        tracing::info!(address = %listener.local_addr()?, issuer = settings.issuer, "resource server listens");
    }
    let connections = connections(&shared, Duration::from_secs(settings.grace.into()));
    Ok(Prepared { servers, connections, records: shared.records })
}

impl Prepared {
    /// Serves until `shutdown`, then lets running responses finish.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let (stop, stopped) = watch::channel(false);
        let stopping = || {
            let mut stopped = stopped.clone();
            async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            }
        };
        let mut running = JoinSet::new();
        for (listener, router) in self.servers {
            let (connections, stopping) = (self.connections.clone(), stopping());
            running.spawn(async move { connections.serve(listener, router, stopping).await });
        }
        tokio::select! {
            Some(ended) = running.join_next() => return Ok(ended?),
            () = shutdown => {}
        }
        let _ = stop.send(true);
        while running.join_next().await.is_some() {}
        self.records.audit.server(EventKind::ServerStop).await;
        self.records.audit.settle().await
    }
}

/// The connection limits of all addresses together. Refused connections are audited.
fn connections(shared: &Shared, grace: Duration) -> Connections {
    let records = Arc::clone(&shared.records);
    let refused = move |address: IpAddr| {
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            let client_info = json!({"ip_address": address.to_string()});
            let event = Event::new(EventKind::RateLimitExceeded, false);
            let event = Event { client_info, error_message: Some("too many connections"), ..event };
            records.audit.record(event).await;
        });
    };
    Connections::new(Bounds { grace, ..Bounds::default() }, Arc::clone(&shared.proxies), refused)
}
