//! The resource server: surfaces behind their gates, on one address or several.
use crate::{
    accounts,
    allowance::Allowance,
    arguments::Rules,
    audit::Audit,
    callback,
    challenge::{Refusal, RequestId},
    credentials::{self, Built, Credential, Place, Setup},
    debug,
    endpoint::{self, Server, server_error},
    gate::{Gate, Gates, pass},
    health,
    index::Index,
    jwks::Issuer,
    mcp::Mcp,
    metadata,
    origin::{self, Allowed},
    request_id::{self, Id},
    sessions::Sessions,
    settings::{self, Settings, SurfaceSettings},
    sse::{self, Streams},
    store::Store,
    surface::{self, Surface},
    tools,
    trace::Records,
    upstream::{
        self, Upstream,
        legacy::{self, Relay},
    },
    whole,
};
use anyhow::{Context, ensure};
use axum::{
    Router,
    http::{HeaderMap, HeaderValue},
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get},
};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

/// What open streams get to end by themselves when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// One address: its surfaces, and the origins that lead there.
struct Address<'a> {
    origins: Vec<Url>,
    surfaces: Vec<&'a SurfaceSettings>,
}

/// Where a surface is found on its address.
struct Paths {
    /// Of Streamable HTTP, the main one first.
    http: Vec<String>,
    sse: Option<String>,
    messages: String,
}

/// What all surfaces have in common.
struct Shared<'a> {
    settings: &'a Settings,
    store: Store,
    records: Arc<Records>,
    accounts: accounts::All,
    /// One set of signing keys for all.
    issuer: Arc<Issuer>,
}

impl<'a> Shared<'a> {
    fn new(settings: &'a Settings) -> anyhow::Result<Self> {
        let store = Store::new(settings.store.as_deref(), settings.clock.clone());
        let audit = Audit::new(store.clone(), settings.clock.clone());
        let records = Arc::new(Records::new(audit, settings)?);
        let accounts = accounts::all(settings, &store, &records)?;
        Ok(Self { settings, store, records, accounts, issuer: Arc::new(Issuer::new(&settings.issuer)?) })
    }
}

/// The server of the common address. Surfaces with addresses of their own need [`serve`].
pub fn router(settings: &Settings) -> anyhow::Result<Router> {
    common(settings)?.router(&Shared::new(settings)?)
}

/// One surface by itself, the one of this id or the first with people, and its URL.
pub(crate) fn alone(settings: &Settings, id: Option<&str>) -> anyhow::Result<(Router, Url)> {
    let fits = |own: &&SurfaceSettings| id.map_or(own.kind == accounts::KIND, |id| own.id == id);
    let own = settings.surfaces.iter().filter(|own| own.enabled).find(fits).context("there is no such surface")?;
    let origins = own.listen.map_or_else(|| settings.origins(), |listen| own.origins(listen));
    let address = Address::new(&origins, vec![own])?;
    let url = address.origins[0].join(&own.path())?;
    Ok((address.router(&Shared::new(settings)?)?, url))
}

/// Serves all surfaces until `shutdown`, then lets answers finish. `listener` is the common address.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let shared = Shared::new(&settings)?;
    let mut servers = vec![(listener, common(&settings)?.router(&shared)?)];
    for (address, own) in others(&settings)? {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        servers.push((listener, own.router(&shared)?));
    }
    for (listener, _) in &servers {
        settings.ensure_loopback(listener.local_addr()?)?;
    }
    shared.records.audit.server("server_start").await;
    for accounts in shared.accounts.values() {
        for (username, name, key) in accounts.first_keys().await? {
            // Where it is seen once, and not in the log.
            println!("API key {name} of {username}, shown this once: {key}");
        }
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let stopping = || {
        let mut stopped = stopped.clone();
        async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    };
    let mut running = tokio::task::JoinSet::new();
    for (listener, router) in servers {
        tracing::info!(address = %listener.local_addr()?, issuer = settings.issuer, "resource server listens");
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        running.spawn(axum::serve(listener, service).with_graceful_shutdown(stopping()).into_future());
    }
    tokio::select! {
        Some(ended) = running.join_next() => return Ok(ended??),
        () = shutdown => {}
    }
    let _ = stop.send(true);
    shared.records.audit.server("server_stop").await;
    let finished = async { while running.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, finished).await;
    Ok(())
}

fn common(settings: &Settings) -> anyhow::Result<Address<'_>> {
    let surfaces = settings.surfaces.iter().filter(|surface| surface.enabled && surface.listen.is_none()).collect();
    Address::new(&settings.origins(), surfaces)
}

/// Surfaces that name the same address share it only if it is the only one: each answers at `/mcp`.
fn others(settings: &Settings) -> anyhow::Result<BTreeMap<SocketAddr, Address<'_>>> {
    let mut all = BTreeMap::new();
    for surface in settings.surfaces.iter().filter(|surface| surface.enabled) {
        let Some(address) = surface.listen else { continue };
        let own = Address::new(&surface.origins(address), vec![surface])?;
        ensure!(all.insert(address, own).is_none(), "two surfaces listen on {address}");
    }
    Ok(all)
}

impl<'a> Address<'a> {
    fn new(origins: &[String], surfaces: Vec<&'a SurfaceSettings>) -> anyhow::Result<Self> {
        let origins = origins.iter().map(|text| settings::origin(text)).collect::<Result<_, _>>()?;
        Ok(Self { origins, surfaces })
    }

    fn allowed(&self) -> anyhow::Result<Allowed> {
        let first = self.origins.first().context("there is no origin")?;
        let mut allowed = Allowed::for_resource(first);
        for origin in &self.origins {
            allowed.allow_host(origin.host_str().unwrap_or_default());
            allowed.allow_origin(origin);
        }
        Ok(allowed)
    }

    fn router(&self, shared: &Shared) -> anyhow::Result<Router> {
        let allowed = self.allowed()?;
        let (mut router, mut documents, mut watched) = (Router::new(), Vec::new(), Vec::new());
        for own in &self.surfaces {
            let context = || format!("the surface {:?}", own.id);
            let part = self.surface(own, shared, &allowed).with_context(context)?;
            router = router.merge(part.router);
            documents.extend(part.documents);
            watched.push((part.surface, part.gates));
        }
        let shown: Vec<_> = watched.iter().map(|(surface, _)| Arc::clone(surface)).collect();
        router = router.merge(debug::routes(shared.settings, &shared.records, watched, allowed));
        let index = Arc::new(Index::new(shared.settings, &shown));
        let router = router
            .merge(metadata::routes(documents))
            .merge(health::routes(&shared.store))
            .route(callback::PATH, get(callback::show))
            .route("/", get(move |headers: HeaderMap| async move { index.show(&headers) }))
            .fallback(|id: Id| async move { Refusal::not_found().into_response(&id.0) })
            .method_not_allowed_fallback(|id: Id| async move {
                Refusal::method_not_allowed("GET, HEAD").into_response(&id.0)
            })
            .layer(CatchPanicLayer::custom(|_| server_error(&RequestId(HeaderValue::from_static("unknown")))))
            .layer(from_fn(whole::take))
            .layer(from_fn(request_id::attach));
        Ok(origin::secured(router, &self.origins))
    }

    fn surface(&self, own: &SurfaceSettings, shared: &Shared, allowed: &Allowed) -> anyhow::Result<Part> {
        let settings = shared.settings;
        let kind = credentials::kind(&own.kind)?;
        let upstream = upstream::url(own)?;
        let paths = Paths::of(own, upstream.as_ref());
        let tools = tools::of_sets(&own.tools)?;
        let shipped = if upstream.is_some() { Vec::new() } else { Rules::shipped() };
        let rules = shipped.into_iter().chain(own.rules.iter().cloned()).collect();
        let mut policy = if upstream.is_some() { upstream::policy(own) } else { surface::policy(&tools) };
        if own.scope_aliases {
            policy.with_aliases();
        }
        let url = |path: &str| format!("{}{path}", self.origins[0].origin().ascii_serialization());
        let surface = Arc::new(Surface {
            id: own.id.as_str().into(),
            kind: kind.name,
            shown: kind.shown,
            title: own.name.clone().unwrap_or_else(|| tools::title(&own.tools)),
            policy: Arc::new(policy),
            tools,
            forwards: upstream.is_some(),
            rules: Arc::new(Rules::new(rules)?),
            allowance: own.requests_per_minute.map(|most| Allowance::new(most.get(), settings.clock.clone())),
            urls: [paths.http.first(), paths.sse.as_ref()].map(|path| path.map(|path| url(path))),
            records: Arc::clone(&shared.records),
            store: shared.store.clone(),
            accounts: shared.accounts.get(&own.id).cloned(),
            demo: settings.demo,
            clock: settings.clock.clone(),
        });
        let built = (kind.build)(&Setup {
            settings: own,
            title: &surface.title,
            issuer: Arc::clone(&shared.issuer),
            allowed: allowed.clone(),
            policy: Arc::clone(&surface.policy),
            demo: settings.demo,
            admin_token: settings.admin_token.as_ref(),
            accounts: &shared.accounts,
            clock: settings.clock.clone(),
        })?;
        let (sessions, documents, secrets) = (Arc::default(), Vec::new(), own.secrets().count());
        Gating { address: self, surface, built, allowed, upstream, sessions, documents, secrets }.part(&paths)
    }
}

/// What one surface adds to its address.
struct Part {
    surface: Arc<Surface>,
    /// Of its main path.
    gates: Arc<Gates>,
    router: Router,
    documents: Vec<metadata::ProtectedResource>,
}

/// Puts a surface behind gates, one for each origin and path.
struct Gating<'a> {
    address: &'a Address<'a>,
    surface: Arc<Surface>,
    built: Built,
    allowed: &'a Allowed,
    upstream: Option<Url>,
    sessions: Arc<Sessions>,
    documents: Vec<metadata::ProtectedResource>,
    /// How many are good here.
    secrets: usize,
}

impl Gating<'_> {
    fn part(mut self, paths: &Paths) -> anyhow::Result<Part> {
        let mut router = std::mem::take(&mut self.built.routes);
        let mut all = Vec::new();
        let server = Arc::new(Server::new(&Mcp(Arc::clone(&self.surface)), self.surface.clock.clone()));
        let http = match self.forwarding()? {
            Some(upstream) => any(upstream::serve).with_state(Arc::new(upstream)),
            None => any(endpoint::serve).with_state(Arc::clone(&server)),
        };
        for path in &paths.http {
            let gates = self.gates(paths, path, path)?;
            self.announce("streamable-http", path, &gates);
            all.push(Arc::clone(&gates));
            router = router.route_service(path, http.clone().layer(from_fn_with_state(gates, pass)));
        }
        if let Some(sse) = &paths.sse {
            let gates = self.gates(paths, sse, sse)?;
            self.announce("sse (deprecated)", sse, &gates);
            all.push(Arc::clone(&gates));
            router = router.merge(self.of_sse(paths, sse, server, gates)?);
        }
        self.documents.dedup_by(|one, other| one.resource == other.resource);
        let gates = all.swap_remove(0);
        Ok(Part { surface: self.surface, gates, router, documents: self.documents })
    }

    fn announce(&self, transport: &'static str, path: &str, gates: &Gates) {
        let Self { surface, secrets, .. } = self;
        tracing::info!(
            surface = &*surface.id,
            name = surface.title,
            kind = surface.kind,
            address = format!("{}{path}", self.address.origins[0].origin().ascii_serialization()),
            transport,
            scheme = gates.scheme(),
            keys = secrets,
            tools = surface.tools.len(),
            "surface"
        );
    }

    /// The transport of two paths.
    fn of_sse(&mut self, paths: &Paths, sse: &str, server: Arc<Server>, gates: Arc<Gates>) -> anyhow::Result<Router> {
        let (clock, messages) = (self.surface.clock.clone(), paths.messages.clone());
        let streams = Arc::new(Streams::new(server, Arc::clone(&self.sessions), messages, clock));
        let around = || from_fn_with_state(Arc::clone(&streams), sse::around);
        let (listening, receiving) = match self.forwarding()? {
            Some(upstream) => {
                let relay = Arc::new(Relay::new(upstream, Arc::clone(&streams)));
                (any(legacy::listen).with_state(Arc::clone(&relay)), any(legacy::receive).with_state(relay))
            }
            None => {
                (any(sse::listen).with_state(Arc::clone(&streams)), any(sse::receive).with_state(Arc::clone(&streams)))
            }
        };
        let at_messages = self.gates(paths, sse, &paths.messages)?;
        Ok(Router::new()
            .route_service(sse, listening.layer(from_fn_with_state(gates, pass)).layer(around()))
            .route_service(&paths.messages, receiving.layer(from_fn_with_state(at_messages, pass)).layer(around())))
    }

    fn forwarding(&self) -> anyhow::Result<Option<Upstream>> {
        let new = |url: &Url| Upstream::new(url.clone(), Arc::clone(&self.surface), self.surface.clock.clone());
        self.upstream.as_ref().map(new).transpose()
    }

    /// The gates of `path`, whose messages go to `posts_to`.
    fn gates(&mut self, paths: &Paths, path: &str, posts_to: &str) -> anyhow::Result<Arc<Gates>> {
        let at = |origin: &Url, path: &str| format!("{}{path}", origin.origin().ascii_serialization());
        let origins = &self.address.origins;
        let both = || paths.http.iter().chain(&paths.sse);
        let all: Vec<_> = origins.iter().flat_map(|origin| both().map(move |path| at(origin, path))).collect();
        let mut gates = Vec::new();
        for origin in origins {
            let place = Place { url: at(origin, path), posts_to: at(origin, posts_to), all: all.clone() };
            let credential: Arc<dyn Credential> = (self.built.at)(&place)?;
            self.documents.extend(credential.metadata());
            let (policy, clock) = (Arc::clone(&self.surface.policy), self.surface.clock.clone());
            let gate = Gate::new(self.allowed.clone(), credential, policy, clock);
            let gate = gate.surface(Arc::clone(&self.surface)).sessions(Arc::clone(&self.sessions));
            gates.push((origin.authority().to_owned(), gate));
        }
        Ok(Arc::new(Gates(gates)))
    }
}

impl Paths {
    /// A guard has the transport of the server behind it.
    fn of(own: &SurfaceSettings, upstream: Option<&Url>) -> Self {
        let http = std::iter::once(own.path()).chain(own.aliases.iter().cloned()).collect();
        let [sse, messages] = if own.listen.is_some() {
            ["/sse", "/messages/"].map(str::to_owned)
        } else {
            ["/sse", "/messages"].map(|start| format!("{start}/{}", own.id))
        };
        match (upstream, &own.path) {
            (None, _) => Self { http, sse: Some(sse), messages },
            (Some(url), _) if !upstream::is_legacy(url) => Self { http, sse: None, messages },
            (Some(_), None) => Self { http: Vec::new(), sse: Some(sse), messages },
            (Some(_), Some(path)) => {
                Self { http: Vec::new(), sse: Some(path.clone()), messages: format!("{path}/messages") }
            }
        }
    }
}
