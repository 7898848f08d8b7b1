//! The demo server: surfaces behind their gates, with a health check and an index.
use crate::{
    arguments::Rules,
    challenge::{Refusal, RequestId},
    clock::Clock,
    endpoint::{self, Server, server_error},
    guard::Guard,
    index::Index,
    mcp::Mcp,
    request_id::{self, Id},
    store::Store,
    surface::{self, Surface},
    tools, whole,
};
use axum::{
    Json, Router,
    http::{HeaderMap, HeaderValue},
    middleware::from_fn,
    routing::{any, get},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// What open streams get to end by themselves when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// What the demo needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The MCP endpoint's URL as clients are given it: the resource identifier, whatever the listener's address.
    pub resource: String,
    /// The authorization server's issuer identifier.
    pub issuer: String,
    /// A human name, shown in challenges and metadata.
    pub name: String,
    pub clock: Clock,
}

impl Settings {
    #[must_use]
    pub fn new(resource: &str, issuer: &str) -> Self {
        let name = "Keyward demo server".to_owned();
        Self { resource: resource.to_owned(), issuer: issuer.to_owned(), name, clock: Clock::default() }
    }
}

/// The demo server.
pub fn router(settings: Settings) -> anyhow::Result<Router> {
    let tools = tools::of_sets(&["core".to_owned(), "greeting".to_owned()])?;
    let policy = surface::policy(&tools);
    let guard = Guard::new(&settings.resource, &settings.issuer)?
        .name(&settings.name)?
        .clock(settings.clock.clone())
        .policy(policy.clone());
    let metadata = guard.metadata();
    let surface = Arc::new(Surface {
        id: "oauth".into(),
        kind: "oauth",
        title: settings.name.clone(),
        tools,
        policy: Arc::new(policy),
        rules: Arc::new(Rules::new(Rules::shipped())?),
        urls: [settings.resource.clone(), String::new()],
        store: Store::new(None, settings.clock.clone()),
        clock: settings.clock.clone(),
    });
    let index = Arc::new(Index::new(&settings, &metadata, &surface));
    let server = any(endpoint::serve).with_state(Arc::new(Server::new(&Mcp(Arc::clone(&surface)), settings.clock)));
    Ok(guard
        .surface(surface)
        .protect(server)
        .route("/health", get(health))
        .route("/", get(move |headers: HeaderMap| async move { index.show(&headers) }))
        .fallback(|id: Id| async move { Refusal::not_found().into_response(&id.0) })
        .method_not_allowed_fallback(
            |id: Id| async move { Refusal::method_not_allowed("GET, HEAD").into_response(&id.0) },
        )
        .layer(CatchPanicLayer::custom(|_| server_error(&RequestId(HeaderValue::from_static("unknown")))))
        .layer(from_fn(whole::take))
        .layer(from_fn(request_id::attach)))
}

/// Serves the demo until `shutdown`, then lets answers finish.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, resource = settings.resource, issuer = settings.issuer, "resource server listens");
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    let server = axum::serve(listener, router(settings)?).with_graceful_shutdown(shutdown);
    tokio::select! {
        ended = server.into_future() => ended?,
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await } => {}
    }
    Ok(())
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
