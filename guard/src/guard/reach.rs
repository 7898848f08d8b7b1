//! From where, under which names and how much is taken, and whom the guard tells.
use super::{Guard, Place, long_enough};
use crate::{
    body_limit::BodyLimit,
    check::{Allowance, Check},
    clock::Clock,
    digest,
    observer::Observer,
    places::ResourceAlias,
    sessions::SessionKey,
};
use anyhow::anyhow;
use ipnet::IpNet;
use std::sync::Arc;
use url::Url;

impl Guard {
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
    #[doc(hidden)]
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.aliases = place.all.iter().filter(|url| **url != self.identifier).cloned().collect();
        self.htu = Some(place.posts_to.clone());
        self
    }

    /// Adds a check of the program's own, after those that stand already. It may refuse a message.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Counts how often each caller asks.
    #[must_use]
    pub fn allowance(mut self, allowance: impl Allowance + 'static) -> Self {
        self.allowance = Some(Arc::new(allowance));
        self
    }

    /// Shows each request and its answer to this observer.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }
}
