//! A guard before an MCP server, as its author sets it up.
use crate::{
    access_tokens::AccessTokens,
    bodies::Bodies,
    challenge::{Challenge, DpopPolicy},
    clock::Clock,
    digest, dpop,
    gate::{Gate, Gates, pass},
    introspection::{self, Introspector},
    jwks::{Issuer, is_loopback},
    metadata::{self, ProtectedResource},
    origin::{self, Allowed},
    request_id,
    scopes::{Policy, well_formed, words},
    sessions::{SessionKey, Sessions},
    settings::{BodyLimit, ResourceAlias, SHORTEST_KEY},
    source,
    step_up::StepUp,
    verify::Verifier,
    whole,
};
use anyhow::{Context, anyhow, ensure};
use axum::{
    Router,
    extract::Request,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
};
use ipnet::IpNet;
use keyward_limits::source::TrustedProxies;
use std::{convert::Infallible, sync::Arc};
use time::Duration;
use tower::Service;
use url::Url;

/// One of the places where a surface is found.
pub(crate) struct Place {
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
    pub(crate) resource: Url,
    pub(crate) identifier: String,
    pub(crate) name: String,
    documentation: Option<String>,
    pub(crate) issuers: Vec<Arc<Issuer>>,
    /// Other identifiers of the same resource.
    pub(crate) aliases: Vec<String>,
    /// The grants a token may come from; empty: any.
    pub(crate) grants: &'static [&'static str],
    /// What `DPoP` proofs must be for, if not the identifier.
    pub(crate) htu: Option<String>,
    pub(crate) policy: Policy,
    pub(crate) challenge_scope: String,
    scopes_supported: Vec<String>,
    pub(crate) allowed: Allowed,
    pub(crate) dpop: DpopPolicy,
    pub(crate) step_up: StepUp,
    pub(crate) introspection: introspection::Settings,
    /// Which proofs were used.
    pub(crate) proofs: Arc<dpop::Used>,
    trusted_proxies: Vec<IpNet>,
    pub(crate) session_key: SessionKey,
    max_body: BodyLimit,
    pub(crate) clock: Clock,
}

impl Guard {
    /// `resource` is the URL clients are given, the resource identifier (RFC 9728 §1.2): https, or http on a loopback
    /// address, without query, fragment or final slash. `issuer` is the authorization server's (RFC 8414 §2).
    pub fn new(resource: &str, issuer: &str) -> anyhow::Result<Self> {
        Self::with(resource, Arc::new(Issuer::new(issuer)?))
    }

    pub(crate) fn with(resource: &str, issuer: Arc<Issuer>) -> anyhow::Result<Self> {
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
            clock: Clock::default(),
        })
    }

    /// Trusts one more issuer; each is known by its own keys only.
    pub fn issuer(mut self, issuer: &str) -> anyhow::Result<Self> {
        self.issuers.push(Arc::new(Issuer::new(issuer)?));
        Ok(self)
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

    /// Calling `tool` needs all of `scopes` (space-separated).
    #[must_use]
    pub fn tool(mut self, tool: &str, scopes: &str) -> Self {
        self.policy.tool(tool, scopes);
        self
    }

    /// Tools without a rule of their own need all of `scopes` (space-separated); at first `mcp:tools:call`.
    #[must_use]
    pub fn other_tools(mut self, scopes: &str) -> Self {
        self.policy.other_tools(scopes);
        self
    }

    /// Replaces all scope rules, hierarchy included.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The scopes the first challenge names, and those the metadata names; each space-separated. At first `mcp:read`,
    /// and `mcp:read mcp:write`. A minimal useful set serves users better than the catalogue.
    pub fn scopes(mut self, challenge: &str, supported: &str) -> anyhow::Result<Self> {
        ensure!(well_formed(challenge) && well_formed(supported), "a scope has a character RFC 6749 §3.3 forbids");
        challenge.clone_into(&mut self.challenge_scope);
        self.scopes_supported = words(supported);
        Ok(self)
    }

    /// Lets web pages of this origin (`https://app.example`) in. The resource's own and loopback origins already are.
    #[must_use]
    pub fn allow_origin(mut self, origin: &Url) -> Self {
        self.allowed.allow_origin(origin);
        self
    }

    /// Keeps web pages served from a loopback address (such as the MCP Inspector) out.
    #[must_use]
    pub fn refuse_loopback_origins(mut self) -> Self {
        self.allowed.loopback_origins = false;
        self
    }

    /// Answers to one more host name. The resource's own and the loopback names already are.
    #[must_use]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.allowed.allow_host(host);
        self
    }

    /// Tells in challenges that tokens bound to a key (`DPoP`, RFC 9449) are welcome beside bearer tokens. They are
    /// accepted in any case.
    #[must_use]
    pub fn offer_dpop(mut self) -> Self {
        self.dpop = DpopPolicy::Offered;
        self
    }

    /// Refuses bearer tokens: each request must prove the key that its token is bound to (RFC 9449).
    #[must_use]
    pub fn require_dpop(mut self) -> Self {
        self.dpop = DpopPolicy::Required;
        self
    }

    /// Lets in only people who signed in at most `seconds` ago. Others are sent to do so again (RFC 9470), and a client
    /// that acts for itself never gets in.
    #[must_use]
    pub fn max_age(mut self, seconds: u32) -> Self {
        self.step_up.everything().max_age = Some(seconds);
        self
    }

    /// Lets in only people who signed in by one of these authentication context classes (space-separated, the best
    /// liked first); see `acr_values_supported` of the issuer's metadata.
    pub fn acr(mut self, values: &str) -> anyhow::Result<Self> {
        self.step_up.everything().acr_values = Some(classes(values)?);
        Ok(self)
    }

    /// The same as [`Guard::max_age`] for calls of `tool`, beside what holds for all.
    #[must_use]
    pub fn tool_max_age(mut self, tool: &str, seconds: u32) -> Self {
        self.step_up.tool(tool).max_age = Some(seconds);
        self
    }

    /// The same as [`Guard::acr`] for calls of `tool`, beside what holds for all.
    pub fn tool_acr(mut self, tool: &str, values: &str) -> anyhow::Result<Self> {
        self.step_up.tool(tool).acr_values = Some(classes(values)?);
        Ok(self)
    }

    /// Asks the issuer that [`Guard::new`] named what each token is worth (RFC 7662), opaque tokens and JWTs alike,
    /// instead of verifying JWTs here. `id` and `secret` are what this resource server authenticates with there. An
    /// answer is kept for 30 seconds, which is what a revocation then costs, and never beyond the token's end. The
    /// secret has 16 characters at least: whoever guesses it is told what every token is worth.
    pub fn introspect(mut self, id: &str, secret: &str) -> anyhow::Result<Self> {
        long_enough("the introspection secret", secret)?;
        self.introspection.credentials = Some((id.to_owned(), secret.to_owned()));
        Ok(self)
    }

    /// Keeps answers of [`Guard::introspect`] for so many seconds, 30 at most; 0 asks about each request.
    #[must_use]
    pub fn keep_answers(mut self, seconds: u8) -> Self {
        self.introspection.keep = Duration::seconds(seconds.into()).min(introspection::KEPT);
        self
    }

    /// Takes only signed answers to [`Guard::introspect`] (RFC 9701): proof of what the issuer said, not only that it
    /// was asked. Signed with ES256, `EdDSA` or RS256.
    #[must_use]
    pub fn require_signed_answers(mut self) -> Self {
        self.introspection.signed = true;
        self
    }

    /// Networks of proxies in front of this server, whose `X-Forwarded-For` says where a request came from. Without
    /// `into_make_service_with_connect_info::<SocketAddr>()` all come from the same place, and have one share together.
    #[must_use]
    pub fn trusted_proxies(mut self, networks: &[IpNet]) -> Self {
        self.trusted_proxies = networks.to_vec();
        self
    }

    /// Knows the sessions of its clients again by this secret of 16 characters at least, after a restart and where
    /// several guards stand before one server. Without it, they are known to this one only while it runs.
    pub fn session_key(mut self, secret: &str) -> anyhow::Result<Self> {
        long_enough("the session key", secret)?;
        self.session_key = SessionKey::new(&digest::of(secret.as_bytes()))?;
        Ok(self)
    }

    /// Another URL of the resource: tokens may be for it, and clients may ask its host. The metadata names the first.
    pub fn alias(mut self, url: &str) -> anyhow::Result<Self> {
        let alias: ResourceAlias = url.parse().map_err(|error: String| anyhow!(error))?;
        self.allowed.allow_host(alias.url().host_str().unwrap_or_default());
        self.aliases.push(alias.as_str().to_owned());
        Ok(self)
    }

    /// Takes bodies up to this size; at first 8 MiB.
    #[must_use]
    pub fn max_body(mut self, limit: BodyLimit) -> Self {
        self.max_body = limit;
        self
    }

    /// Asks this clock instead of the system's (tests).
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// One of several places of the resource.
    pub(crate) fn at(mut self, place: &Place) -> Self {
        self.aliases = place.all.iter().filter(|url| **url != self.identifier).cloned().collect();
        self.htu = Some(place.posts_to.clone());
        self
    }

    /// Shares with other places what is known of proofs.
    pub(crate) fn proofs(mut self, proofs: &Arc<dpop::Used>) -> Self {
        self.proofs = Arc::clone(proofs);
        self
    }

    /// Takes tokens of these grants only; of all if none is named.
    pub(crate) fn grants(mut self, grants: &'static [&'static str]) -> Self {
        self.grants = grants;
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
        let (resource, max_body) = (self.resource.clone(), self.max_body);
        let proxies = Arc::new(TrustedProxies::new(&self.trusted_proxies));
        let gate = Arc::new(Gates(vec![(String::new(), self.gate().bodies(Arc::new(Bodies::new(max_body))))]));
        let router = Router::new()
            .route_service(resource.path(), server)
            .route_layer(from_fn_with_state(gate, pass))
            .route_layer(from_fn(whole::take))
            .route_layer(from_fn(request_id::attach))
            .route_layer(from_fn_with_state(proxies, source::attach));
        origin::secured(router, &[resource])
    }
}

impl Guard {
    /// As a credential, by these rules on scopes.
    pub(crate) fn access_tokens(self, policy: &Arc<Policy>) -> AccessTokens {
        let (place, metadata) = (metadata::well_known_path(&self.identifier), self.metadata());
        let challenge = Challenge {
            realm: self.name,
            resource_metadata: format!("{}{place}", self.resource.origin().ascii_serialization()),
            scope: self.challenge_scope,
            dpop: self.dpop,
        };
        let first = self.issuers.first().cloned();
        let introspector = first.and_then(|issuer| Introspector::new(issuer, self.introspection));
        let resources = std::iter::once(self.identifier.clone()).chain(self.aliases).collect();
        let verifier = Verifier {
            resources,
            issuers: self.issuers,
            introspector,
            grants: self.grants,
            policy: Arc::clone(policy),
        };
        let url = self.htu.unwrap_or(self.identifier);
        AccessTokens {
            challenge,
            verifier,
            url,
            proofs: self.proofs,
            step_up: self.step_up,
            metadata,
            clock: self.clock,
        }
    }

    fn gate(self) -> Gate {
        let (mut policy, clock) = (self.policy.clone(), self.clock.clone());
        policy.begin_with(&self.challenge_scope);
        let policy = Arc::new(policy);
        let sessions = Arc::new(Sessions::new(&self.identifier, self.session_key.clone()));
        Gate::new(self.allowed.clone(), Arc::new(self.access_tokens(&policy)), policy, sessions, clock)
    }
}

fn long_enough(what: &str, secret: &str) -> anyhow::Result<()> {
    let enough = secret.chars().count() >= SHORTEST_KEY;
    ensure!(enough, "{what} must have {SHORTEST_KEY} characters, better 32 that are random");
    Ok(())
}

/// Characters as in scopes, for they go into the same header.
fn classes(values: &str) -> anyhow::Result<Vec<String>> {
    ensure!(
        !values.is_empty() && well_formed(values),
        "acr values are single words of visible ASCII without quotes and backslashes, single spaces between them"
    );
    Ok(words(values))
}
