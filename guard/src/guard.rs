//! A guard before an MCP server, as its author sets it up.
mod reach;
mod rules;
mod tokens;

use crate::{
    bodies::Bodies,
    body_limit::BodyLimit,
    challenge::DpopPolicy,
    check::{Allowance, Check},
    clock::Clock,
    dpop,
    gate::{Gate, Gates, pass},
    introspection,
    jwks::{Issuer, is_loopback},
    metadata::{self, ProtectedResource},
    observer::{Nobody, Observer},
    origin::{self, Allowed},
    request_id,
    scopes::{Policy, words},
    sessions::{SessionKey, Sessions},
    source,
    step_up::StepUp,
    whole,
};
use anyhow::{Context, ensure};
use axum::{
    Router,
    extract::Request,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
};
use ipnet::IpNet;
use keyward_limits::source::TrustedProxies;
use std::{convert::Infallible, sync::Arc};
use tower::Service;
use url::Url;

/// One of the places where a surface is found.
pub struct Place {
    /// As clients are given it.
    pub url: String,
    /// Where messages go: `url`, but for the transport that has another place for them.
    pub posts_to: String,
    /// The URLs of all places of the surface, this one among them.
    pub all: Vec<String>,
}

/// What protects one MCP endpoint, and how. See the crate's page for an example.
#[derive(Clone)]
pub struct Guard {
    resource: Url,
    identifier: String,
    name: String,
    documentation: Option<String>,
    issuers: Vec<Arc<Issuer>>,
    /// Other identifiers of the same resource.
    aliases: Vec<String>,
    /// The grants a token may come from; empty: any.
    grants: &'static [&'static str],
    /// What `DPoP` proofs must be for, if not the identifier.
    htu: Option<String>,
    policy: Policy,
    challenge_scope: String,
    scopes_supported: Vec<String>,
    allowed: Allowed,
    dpop: DpopPolicy,
    step_up: StepUp,
    introspection: introspection::Settings,
    /// Which proofs were used.
    proofs: Arc<dpop::Used>,
    trusted_proxies: Vec<IpNet>,
    session_key: SessionKey,
    max_body: BodyLimit,
    /// Of the program, after the guard's own.
    checks: Vec<Check>,
    allowance: Option<Arc<dyn Allowance>>,
    observer: Arc<dyn Observer>,
    clock: Clock,
}

impl Guard {
    /// `resource` is the URL clients are given, the resource identifier (RFC 9728 §1.2): https, or http on a loopback
    /// address, without query, fragment or final slash. `issuer` is the authorization server's (RFC 8414 §2).
    pub fn new(resource: &str, issuer: &str) -> anyhow::Result<Self> {
        Self::with(resource, Arc::new(Issuer::new(issuer)?))
    }

    /// One whose keys others know too.
    #[doc(hidden)]
    pub fn with(resource: &str, issuer: Arc<Issuer>) -> anyhow::Result<Self> {
        let url = Url::parse(resource).context("the resource identifier is not a URL")?;
        ensure!(
            url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)),
            "the resource identifier must be an https URL (http only on a loopback address)"
        );
        ensure!(
            url.as_str().trim_end_matches('/') == resource && url.query().is_none() && url.fragment().is_none(),
            "the resource identifier must be spelled canonically, without query, fragment or final slash"
        );
        Ok(Self {
            allowed: Allowed::for_resource(&url),
            resource: url,
            identifier: resource.to_owned(),
            name: "MCP server".to_owned(),
            documentation: None,
            issuers: vec![issuer],
            aliases: Vec::new(),
            grants: &[],
            htu: None,
            policy: Policy::default(),
            challenge_scope: "mcp:read".to_owned(),
            scopes_supported: words("mcp:read mcp:write"),
            dpop: DpopPolicy::Accepted,
            step_up: StepUp::default(),
            introspection: introspection::Settings::default(),
            proofs: Arc::default(),
            trusted_proxies: Vec::new(),
            session_key: SessionKey::random()?,
            max_body: BodyLimit::default(),
            checks: Vec::new(),
            allowance: None,
            observer: Arc::new(Nobody),
            clock: Clock::default(),
        })
    }

    /// A human name: `realm` of the challenges and `resource_name` of the metadata.
    pub fn name(mut self, name: &str) -> anyhow::Result<Self> {
        let quotable = |byte: u8| (0x20..=0x7E).contains(&byte) && byte != b'"' && byte != b'\\';
        ensure!(name.bytes().all(quotable), "the name must be visible ASCII without quotes and backslashes");
        name.clone_into(&mut self.name);
        Ok(self)
    }

    /// A page for developers, `resource_documentation` of the metadata.
    #[must_use]
    pub fn documentation(mut self, url: Url) -> Self {
        self.documentation = Some(url.into());
        self
    }

    /// The resource's metadata document, for [`crate::metadata::routes`].
    #[must_use]
    pub fn metadata(&self) -> ProtectedResource {
        ProtectedResource {
            resource: self.identifier.clone(),
            authorization_servers: self.issuers.iter().map(|issuer| issuer.identifier.clone()).collect(),
            scopes_supported: self.scopes_supported.clone(),
            bearer_methods_supported: ["header"],
            resource_name: self.name.clone(),
            resource_documentation: self.documentation.clone(),
            dpop_signing_alg_values_supported: dpop::ALGORITHMS,
            dpop_bound_access_tokens_required: self.dpop == DpopPolicy::Required,
            grant_types_supported: self.grants,
        }
    }

    /// The MCP server, guarded, at the resource identifier's path, with its metadata at both well-known places.
    pub fn protect<S>(self, server: S) -> Router
    where
        S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse + 'static,
        S::Future: Send + 'static,
    {
        let metadata = origin::secured(metadata::routes(vec![self.metadata()]), std::slice::from_ref(&self.resource));
        metadata.merge(self.endpoint(server))
    }

    /// The MCP server, guarded, at the resource identifier's path. Several guards can share one router this way.
    pub fn endpoint<S>(self, server: S) -> Router
    where
        S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse + 'static,
        S::Future: Send + 'static,
    {
        let resource = self.resource.clone();
        let proxies = Arc::new(TrustedProxies::new(&self.trusted_proxies));
        let gate = Arc::new(Gates(vec![(String::new(), self.gate())]));
        let router = Router::new()
            .route_service(resource.path(), server)
            .route_layer(from_fn_with_state(gate, pass))
            .route_layer(from_fn(whole::take))
            .route_layer(from_fn(request_id::attach))
            .route_layer(from_fn_with_state(proxies, source::attach));
        origin::secured(router, &[resource])
    }

    fn gate(self) -> Gate {
        let (mut policy, clock) = (self.policy.clone(), self.clock.clone());
        policy.begin_with(&self.challenge_scope);
        let policy = Arc::new(policy);
        let sessions = Arc::new(Sessions::new(&self.identifier, self.session_key.clone()));
        let (allowed, checks, bodies) = (self.allowed.clone(), self.checks.clone().into(), Bodies::new(self.max_body));
        let (allowance, observer) = (self.allowance.clone(), Arc::clone(&self.observer));
        let gate = Gate::new(allowed, Arc::new(self.access_tokens(&policy)), policy, sessions, clock);
        gate.allowance(allowance).checks(checks).observer(observer).bodies(Arc::new(bodies))
    }
}

/// Characters of a secret that nobody guesses.
pub const SHORTEST_KEY: usize = 16;

fn long_enough(what: &str, secret: &str) -> anyhow::Result<()> {
    let enough = secret.chars().count() >= SHORTEST_KEY;
    ensure!(enough, "{what} must have {SHORTEST_KEY} characters, better 32 that are random");
    Ok(())
}
