//! Which addresses may be connected to, and by which route. A server may name others, but none that is nearer than
//! itself: a server on the internet must not name this machine or a private network.
mod nearness;

use crate::{
    address::Address,
    error::{Failure, Result},
};
use hyper_util::client::proxy::matcher::Matcher;
use nearness::{Nearness, nearness};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use url::Host;

/// How a request goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Direct,
    Proxy,
}

pub struct Reach {
    proxies: Matcher,
    names: ResolvedNames,
}

/// The addresses of host names. Each name is resolved once in a run, so that it cannot change between the check and the
/// connection.
#[derive(Clone, Default)]
pub struct ResolvedNames(Arc<Mutex<HashMap<String, ResolvedName>>>);

#[derive(Clone, Default)]
struct ResolvedName {
    all: Vec<IpAddr>,
    allowed: Vec<IpAddr>,
}

impl Reach {
    pub fn new() -> Self {
        Self { proxies: Matcher::from_system(), names: ResolvedNames::default() }
    }

    pub fn names(&self) -> ResolvedNames {
        self.names.clone()
    }

    /// The route to an address that was named by `root`, a server that the person named.
    pub async fn route(&self, to: &Address, root: Option<&Address>) -> Result<Route> {
        let named = root.is_some_and(|root| root.host() == to.host());
        let limit = match root {
            _ if named => Nearness::Machine,
            Some(root) => self.nearness(root).await,
            None => Nearness::Internet,
        };
        let too_near = || {
            let by = root.map_or_else(|| "a server on the internet".to_owned(), Address::shown);
            let message = format!(
                "{} is on this machine or in a private network, which {by} is not: it may not send anybody there. \
                 If that is right, name it yourself (login --authorization-server ISSUER)",
                to.shown()
            );
            Err(Failure::new("private_address", message))
        };
        if let Some(nearness) = nearness_of_text(to)
            && nearness > limit
        {
            return too_near();
        }
        if self.proxied(to) {
            return Ok(Route::Proxy);
        }
        let Some(Host::Domain(name)) = to.host() else { return Ok(Route::Direct) };
        let all = self.addresses(to, name).await?;
        let allowed: Vec<_> = all.into_iter().filter(|address| nearness(*address) <= limit).collect();
        if allowed.is_empty() {
            return too_near();
        }
        self.names.lock().entry(name.to_owned()).or_default().allowed = allowed;
        Ok(Route::Direct)
    }

    /// How near a server is. Where a proxy resolves its name, it counts as on the internet.
    async fn nearness(&self, root: &Address) -> Nearness {
        if let Some(nearness) = nearness_of_text(root) {
            return nearness;
        }
        let Some(Host::Domain(name)) = root.host().filter(|_| !self.proxied(root)) else { return Nearness::Internet };
        // The farthest address counts: a server on the internet may also claim a near one.
        let all = self.addresses(root, name).await.unwrap_or_default();
        all.into_iter().map(nearness).min().unwrap_or(Nearness::Internet)
    }

    /// Whether the environment (`HTTPS_PROXY`, `NO_PROXY` and so on) has a proxy for an address. Requests to this
    /// machine never go to a proxy.
    fn proxied(&self, to: &Address) -> bool {
        let uri = to.as_str().parse().ok();
        nearness_of_text(to) != Some(Nearness::Machine) && uri.is_some_and(|uri| self.proxies.intercept(&uri).is_some())
    }

    async fn addresses(&self, at: &Address, name: &str) -> Result<Vec<IpAddr>> {
        // RFC 6761 §6.3: no resolver is asked for these names.
        if at.is_loopback() {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        if let Some(known) = self.names.lock().get(name) {
            return Ok(known.all.clone());
        }
        let unknown = |error: std::io::Error| Failure::new("network", format!("cannot reach {}: {error}", at.shown()));
        let found = tokio::net::lookup_host((name, 0)).await.map_err(unknown)?;
        let all: Vec<_> = found.map(|address| address.ip()).collect();
        self.names.lock().entry(name.to_owned()).or_default().all.clone_from(&all);
        Ok(all)
    }
}

impl ResolvedNames {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, ResolvedName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves a name to the addresses that [`Reach::route`] allowed, and to no other.
impl Resolve for ResolvedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.lock().get(name.as_str()).map(|known| known.allowed.clone()).unwrap_or_default();
        Box::pin(async move {
            let addresses: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// How near an address is by its text alone. None where its name has to be resolved.
fn nearness_of_text(address: &Address) -> Option<Nearness> {
    match address.host()? {
        Host::Domain(_) => address.is_loopback().then_some(Nearness::Machine),
        Host::Ipv4(address) => Some(nearness(address.into())),
        Host::Ipv6(address) => Some(nearness(address.into())),
    }
}

#[cfg(test)]
mod tests;
