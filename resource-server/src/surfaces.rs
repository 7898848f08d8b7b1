//! The resource server: surfaces behind their gates, on one address or several.
mod address;
mod described;
mod gating;
mod serving;

use crate::{
    accounts,
    allowance::RequestRates,
    answers::server_error,
    arguments::Rules,
    audit::Audit,
    authorization_server, callback,
    credentials::{self, Kind, Setup},
    debug, health,
    index::{self, Index},
    metadata,
    settings::{Settings, SurfaceSettings},
    store::Store,
    surface::{self, Surface},
    tools,
    trace::Records,
    upstream,
};
use address::{Address, at};
use anyhow::{Context, ensure};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, HeaderValue},
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use gating::{Gating, Part, Paths};
use keyward_guard::{
    bodies::Bodies,
    challenge::{Refusal, RequestId},
    dpop,
    jwks::Issuer,
    origin::{self, Allowed},
    request_id::{self, Id},
    sessions::{SessionKey, Sessions},
    source, whole,
};
use keyward_limits::source::TrustedProxies;
use keyward_shared::api::Routes;
pub use serving::{Prepared, prepare, serve};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

/// Parts that all surfaces share.
struct Shared<'a> {
    settings: &'a Settings,
    store: Store,
    records: Arc<Records>,
    accounts: accounts::All,
    /// One set of the issuer's keys for all surfaces.
    issuer: Arc<Issuer>,
    proxies: Arc<TrustedProxies>,
    bodies: Arc<Bodies>,
    /// The used proofs of possession.
    proofs: Arc<dpop::Used>,
    session_key: SessionKey,
}

impl<'a> Shared<'a> {
    fn new(settings: &'a Settings) -> anyhow::Result<Self> {
        let store = Store::new(settings.store.as_deref(), settings.clock.clone()).with_sessions(settings.sessions);
        let audit = Audit::new(store.clone(), settings.clock.clone());
        let records = Arc::new(Records::new(audit, settings)?);
        let accounts = accounts::all(settings, &store, &records.audit)?;
        Ok(Self {
            settings,
            store,
            records,
            accounts,
            issuer: Arc::new(Issuer::new(&settings.issuer)?),
            proxies: Arc::new(TrustedProxies::new(&settings.trusted_proxies)),
            bodies: Arc::new(Bodies::new(settings.max_body)),
            proofs: Arc::default(),
            session_key: accounts::session_key(settings)?,
        })
    }
}

/// The router of the common address. Surfaces with their own address need [`serve`].
pub fn router(settings: &Settings) -> anyhow::Result<Router> {
    common(settings)?.router(&Shared::new(settings)?)
}

/// A single surface, the one with this id or the first with people, and its URL.
pub(crate) fn alone(settings: &Settings, id: Option<&str>) -> anyhow::Result<(Router, Url)> {
    let fits = |own: &&SurfaceSettings| id.map_or(own.kind == accounts::KIND, |id| own.id == id);
    let own = settings.surfaces.iter().filter(|own| own.enabled).find(fits).context("there is no such surface")?;
    let origins = own.listen.map_or_else(|| settings.origins(), |listen| own.origins(listen));
    let address = Address::new(&origins, vec![own])?;
    let url = address.origins[0].join(&own.path())?;
    Ok((address.router(&Shared::new(settings)?)?, url))
}

fn common(settings: &Settings) -> anyhow::Result<Address<'_>> {
    let surfaces = settings.surfaces.iter().filter(|surface| surface.enabled && surface.listen.is_none()).collect();
    Address::new(&settings.origins(), surfaces)
}

/// The surfaces with their own address. Each needs an address for itself, because it uses the path `/mcp`.
fn others(settings: &Settings) -> anyhow::Result<BTreeMap<SocketAddr, Address<'_>>> {
    let mut all = BTreeMap::new();
    for surface in settings.surfaces.iter().filter(|surface| surface.enabled) {
        let Some(address) = surface.listen else { continue };
        let own = Address::new(&surface.origins(address), vec![surface])?;
        ensure!(all.insert(address, own).is_none(), "two surfaces listen on {address}");
    }
    Ok(all)
}

impl Address<'_> {
    fn router(&self, shared: &Shared) -> anyhow::Result<Router> {
        let allowed = self.allowed()?;
        let (mut routes, mut documents, mut watched) = (Routes::new(), Vec::new(), Vec::new());
        let mut security = Vec::new();
        for own in &self.surfaces {
            let context = || format!("the surface {:?}", own.id);
            let part = self.part(own, shared, &allowed).with_context(context)?;
            routes = routes.merge(part.routes);
            security.extend(part.security);
            documents.extend(part.documents);
            watched.push((part.surface, part.gates));
        }
        let shown: Vec<_> = watched.iter().map(|(surface, _)| Arc::clone(surface)).collect();
        let mut hosts = allowed.clone();
        let aliases = self.surfaces.iter().flat_map(|own| &own.resource_aliases);
        aliases.for_each(|alias| hosts.allow_host(alias.url().host_str().unwrap_or_default()));
        routes = routes.merge(debug::routes(shared.settings, &shared.records, watched, allowed));
        let index = Arc::new(Index::new(shared.settings, &shown));
        let mut open = Routes::new();
        if shared.settings.authorization_server_metadata && !documents.is_empty() {
            open = open.merge(authorization_server::routes(&shared.issuer, &shared.settings.clock));
        }
        // A surface that occupies the whole origin replaces the front page.
        if !self.surfaces.iter().any(|own| own.path() == "/") {
            let methods = get(move |headers: HeaderMap| async move { index.show(&headers) });
            open = open.route("/", methods, [index::described()]);
        }
        let open = open
            .merge(metadata::placed(documents))
            .merge(metadata::nothing())
            .merge(health::routes(&shared.store))
            .route(callback::PATH, get(callback::show), [callback::described()]);
        let about = described::About { origin: &self.origins[0], surfaces: &shown, security };
        let open = described::with_description(open, routes.described(), &about);
        let open = open.layered(|router| router.route_layer(from_fn_with_state(hosts, origin::judge_host)));
        let served = routes
            .merge(open)
            .into_router()
            .fallback(|id: Id| async move { Refusal::not_found().into_response(&id.0) })
            .method_not_allowed_fallback(|id: Id| async move {
                Refusal::method_not_allowed("GET, HEAD").into_response(&id.0)
            })
            .layer(CatchPanicLayer::custom(|_| server_error(&RequestId(HeaderValue::from_static("unknown")))))
            .layer(DefaultBodyLimit::max(shared.settings.max_body.bytes()))
            .layer(from_fn(whole::take))
            .layer(from_fn(request_id::attach))
            .layer(from_fn_with_state(Arc::clone(&shared.proxies), source::attach));
        Ok(origin::secured(served, &self.origins))
    }

    /// One surface behind its gates.
    fn part(&self, own: &SurfaceSettings, shared: &Shared, allowed: &Allowed) -> anyhow::Result<Part> {
        let settings = shared.settings;
        let kind = credentials::kind(&own.kind)?;
        let upstream = upstream::url(own)?;
        let paths = Paths::of(own, upstream.as_ref());
        let surface = Arc::new(self.surface(own, shared, kind, &paths)?);
        let built = (kind.build)(&Setup {
            settings: own,
            title: &surface.title,
            issuer: Arc::clone(&shared.issuer),
            proofs: Arc::clone(&shared.proofs),
            allowed: allowed.clone(),
            policy: Arc::clone(&surface.policy),
            demo: settings.demo,
            admin_token: settings.admin_token.as_ref(),
            accounts: &shared.accounts,
            clock: settings.clock.clone(),
        })?;
        let mut allowed = allowed.with_pages(&settings.allowed_origins);
        own.resource_aliases.iter().for_each(|alias| allowed.allow_host(alias.url().host_str().unwrap_or_default()));
        let gating = Gating {
            origins: &self.origins,
            surface,
            built,
            allowed,
            bodies: Arc::clone(&shared.bodies),
            upstream,
            headers: own.upstream_headers.map(),
            secrets: own.secrets().count(),
            sessions: Arc::new(Sessions::new(&own.id, shared.session_key.clone())),
            aliases: &own.resource_aliases,
            documents: Vec::new(),
        };
        gating.part(&paths)
    }

    fn surface(&self, own: &SurfaceSettings, shared: &Shared, kind: &Kind, paths: &Paths) -> anyhow::Result<Surface> {
        let settings = shared.settings;
        let forwards = own.upstream.is_some();
        let tools = tools::of_sets(&own.tools)?;
        let shipped = if forwards { Vec::new() } else { Rules::shipped() };
        let rules = shipped.into_iter().chain(own.rules.iter().cloned()).collect();
        let mut policy = if forwards { upstream::policy(own) } else { surface::policy(&tools) };
        policy.begin_with(&own.scopes().0);
        if own.scope_aliases {
            policy.with_aliases();
        }
        let url = |path: &str| at(&self.origins[0], path);
        Ok(Surface {
            id: own.id.as_str().into(),
            kind: kind.name,
            shown: kind.shown,
            title: own.name.clone().unwrap_or_else(|| tools::title(&own.tools)),
            policy: Arc::new(policy),
            tools,
            forwards,
            rules: Arc::new(Rules::new(rules)?),
            allowance: own.requests_per_minute.map(|most| Arc::new(RequestRates::new(most, settings.clock.clone()))),
            urls: [paths.http.first(), paths.sse.as_ref()].map(|path| path.map(|path| url(path))),
            records: Arc::clone(&shared.records),
            store: shared.store.clone(),
            accounts: shared.accounts.get(&own.id).cloned(),
            demo: settings.demo,
            queries: settings.queries.as_deref().map(Arc::from),
            heartbeat: settings.heartbeat.interval(),
            clock: settings.clock.clone(),
        })
    }
}
