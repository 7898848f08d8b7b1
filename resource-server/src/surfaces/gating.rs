//! Puts a surface behind gates: where it is found, by which transports, and with which credential at each place.
use super::Address;
use crate::{
    bodies::Bodies,
    credentials::{Built, Credential, Place},
    endpoint::{self, Server},
    gate::{Gate, Gates, pass},
    mcp::Mcp,
    metadata,
    origin::Allowed,
    sessions::Sessions,
    settings::SurfaceSettings,
    sse::{self, Streams},
    surface::Surface,
    upstream::{
        self, Upstream,
        legacy::{self, Relay},
    },
};
use axum::{Router, middleware::from_fn_with_state, routing::any};
use std::sync::Arc;
use url::Url;

/// Where a surface is found on its address.
pub(super) struct Paths {
    /// Of Streamable HTTP, the main one first.
    pub http: Vec<String>,
    pub sse: Option<String>,
    messages: String,
}

/// What one surface adds to its address.
pub(super) struct Part {
    pub surface: Arc<Surface>,
    /// Of its main path.
    pub gates: Arc<Gates>,
    pub router: Router,
    pub documents: Vec<metadata::ProtectedResource>,
}

/// Puts a surface behind gates, one for each origin and path.
pub(super) struct Gating<'a> {
    pub address: &'a Address<'a>,
    pub surface: Arc<Surface>,
    pub built: Built,
    pub allowed: &'a Allowed,
    pub bodies: Arc<Bodies>,
    pub upstream: Option<Url>,
    /// How many secrets are good here.
    pub secrets: usize,
    pub sessions: Arc<Sessions>,
    pub documents: Vec<metadata::ProtectedResource>,
}

impl Gating<'_> {
    pub fn part(mut self, paths: &Paths) -> anyhow::Result<Part> {
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
            let gate = gate.bodies(Arc::clone(&self.bodies));
            gates.push((origin.authority().to_owned(), gate));
        }
        Ok(Arc::new(Gates(gates)))
    }
}

impl Paths {
    /// A guard has the transport of the server behind it.
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
