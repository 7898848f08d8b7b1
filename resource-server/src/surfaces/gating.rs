//! Puts a surface behind gates: its URLs, its transports, and the credential for each path.
use super::{address::at, described};
use crate::{
    checks,
    credentials::Built,
    endpoint::{self, Server},
    mcp::Mcp,
    metadata,
    settings::{ResourceAlias, SurfaceSettings},
    sse::{self, Streams},
    surface::Surface,
    trace::SurfaceWatch,
    upstream::{
        self, Upstream,
        legacy::{self, Relay},
    },
};
use axum::{http::HeaderMap, middleware::from_fn_with_state, routing::any};
use keyward_guard::{
    Allowance, Observer, Place,
    bodies::Bodies,
    credential::Credential,
    gate::{Backend, Gate, Gates, pass},
    origin::Allowed,
    sessions::Sessions,
};
use keyward_shared::api::Routes;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use url::Url;

/// The paths of a surface on its address.
pub(super) struct Paths {
    /// Paths of Streamable HTTP, the main one first.
    pub http: Vec<String>,
    pub sse: Option<String>,
    messages: String,
}

/// The part of an address that one surface contributes.
pub(super) struct Part {
    pub surface: Arc<Surface>,
    /// Gates of its main path.
    pub gates: Arc<Gates>,
    pub routes: Routes,
    /// Security schemes by name.
    pub security: Vec<(String, Value)>,
    pub documents: Vec<metadata::PlacedDocument>,
}

/// Builds the gates of a surface, one for each origin and path.
pub(super) struct Gating<'a> {
    /// Origins that lead to its address.
    pub origins: &'a [Url],
    pub surface: Arc<Surface>,
    pub built: Built,
    pub allowed: Allowed,
    pub bodies: Arc<Bodies>,
    pub upstream: Option<Url>,
    /// Headers for each request to the upstream server.
    pub headers: HeaderMap,
    /// The number of secrets that are valid here.
    pub secrets: usize,
    pub sessions: Arc<Sessions>,
    pub aliases: &'a [ResourceAlias],
    pub documents: Vec<metadata::PlacedDocument>,
}

impl Gating<'_> {
    pub fn part(mut self, paths: &Paths) -> anyhow::Result<Part> {
        let mut routes = std::mem::take(&mut self.built.routes);
        let (mut all, mut security) = (Vec::new(), Vec::new());
        let server = Arc::new(Server::new(&Mcp(Arc::clone(&self.surface)), self.surface.clock.clone()));
        let http = match self.forwarding()? {
            Some(upstream) => any(upstream::serve).with_state(Arc::new(upstream)),
            None => any(endpoint::serve).with_state(Arc::clone(&server)),
        };
        for path in &paths.http {
            let gates = self.gates(paths, path, path)?;
            self.announce("streamable-http", path, &gates);
            all.push(Arc::clone(&gates));
            security.extend(described::security(&gates));
            let told = described::http(&self.surface, &gates);
            routes = routes.route(path, http.clone().layer(from_fn_with_state(gates, pass)), told);
        }
        let main = paths.http.first().cloned().unwrap_or_default();
        let others: BTreeSet<_> = self.aliases.iter().map(|alias| alias.url().path().to_owned()).collect();
        for path in others.into_iter().filter(|path| !main.is_empty() && !paths.has(path)) {
            let gates = self.gates(paths, &main, &path)?;
            let canonical = self.documents.iter().find(|(place, _)| *place == metadata::well_known_place(&main));
            let canonical = canonical.map(|(_, document)| (metadata::well_known_place(&path), document.clone()));
            self.documents.extend(canonical);
            let told = described::http(&self.surface, &gates);
            routes = routes.route(&path, http.clone().layer(from_fn_with_state(gates, pass)), told);
        }
        if let Some(sse) = &paths.sse {
            let gates = self.gates(paths, sse, sse)?;
            self.announce("sse (deprecated)", sse, &gates);
            all.push(Arc::clone(&gates));
            security.extend(described::security(&gates));
            routes = routes.merge(self.of_sse(paths, sse, server, gates)?);
        }
        let gates = all.swap_remove(0);
        Ok(Part { surface: self.surface, gates, routes, security, documents: self.documents })
    }

    fn announce(&self, transport: &'static str, path: &str, gates: &Gates) {
        let Self { surface, secrets, .. } = self;
        tracing::info!(
            surface = &*surface.id,
            name = surface.title,
            kind = surface.kind,
            address = format!("{}{path}", self.origins[0].origin().ascii_serialization()),
            transport,
            scheme = gates.scheme(),
            keys = secrets,
            tools = surface.tools.len(),
            "surface"
        );
    }

    /// The routes of the two-path transport.
    fn of_sse(&mut self, paths: &Paths, sse: &str, server: Arc<Server>, gates: Arc<Gates>) -> anyhow::Result<Routes> {
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
        let (listens, receives) =
            (described::stream(&self.surface, &gates), described::messages(&self.surface, &gates));
        let listening = listening.layer(from_fn_with_state(gates, pass)).layer(around());
        let receiving = receiving.layer(from_fn_with_state(at_messages, pass)).layer(around());
        Ok(Routes::new().route(sse, listening, listens).route(&paths.messages, receiving, receives))
    }

    fn forwarding(&self) -> anyhow::Result<Option<Upstream>> {
        let new = |url: &Url| {
            let (surface, clock) = (Arc::clone(&self.surface), self.surface.clock.clone());
            Upstream::new(url.clone(), self.headers.clone(), surface, clock)
        };
        self.upstream.as_ref().map(new).transpose()
    }

    /// The gates of `path`, whose messages are posted to `posts_to`.
    fn gates(&mut self, paths: &Paths, path: &str, posts_to: &str) -> anyhow::Result<Arc<Gates>> {
        let origins = self.origins;
        let both = || paths.http.iter().chain(&paths.sse);
        let all = origins.iter().flat_map(|origin| both().map(move |path| at(origin, path)));
        let all: Vec<_> = all.chain(self.aliases.iter().map(|alias| alias.as_str().to_owned())).collect();
        let surface = &self.surface;
        let backend = if surface.forwards { Backend::Upstream } else { Backend::Endpoint };
        let allowance = surface.allowance.clone().map(|rates| rates as Arc<dyn Allowance>);
        let observer: Arc<dyn Observer> = Arc::new(SurfaceWatch {
            surface: Arc::clone(&surface.id),
            records: Arc::clone(&surface.records),
            accounts: surface.accounts.clone(),
        });
        let checks = checks::of(surface);
        let mut gates = Vec::new();
        // A request to an alias is handled as one to the first origin.
        let aliases = self.aliases.iter().map(|alias| (&origins[0], alias.url()));
        for (origin, named) in origins.iter().map(|origin| (origin, origin)).chain(aliases) {
            let place = Place { url: at(origin, path), posts_to: at(named, posts_to), all: all.clone() };
            let credential: Arc<dyn Credential> = (self.built.at)(&place)?;
            let document = credential.metadata().map(|document| (metadata::well_known_path(&place.url), document));
            self.documents
                .extend(document.filter(|(_, new)| self.documents.iter().all(|(_, own)| own.resource != new.resource)));
            let (policy, clock) = (Arc::clone(&self.surface.policy), self.surface.clock.clone());
            let gate = Gate::new(self.allowed.clone(), credential, policy, Arc::clone(&self.sessions), clock);
            let gate = gate.backend(backend).allowance(allowance.clone()).checks(Arc::clone(&checks));
            let gate = gate.observer(Arc::clone(&observer)).bodies(Arc::clone(&self.bodies));
            gates.push((named.authority().to_owned(), gate));
        }
        Ok(Arc::new(Gates(gates)))
    }
}

impl Paths {
    fn has(&self, path: &str) -> bool {
        self.http.iter().chain(&self.sse).chain([&self.messages]).any(|own| own == path)
    }

    /// A guard uses the transport of its upstream server.
    pub fn of(own: &SurfaceSettings, upstream: Option<&Url>) -> Self {
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
