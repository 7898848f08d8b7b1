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
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    async fn outcome(root: &str, to: &str) -> std::result::Result<Route, String> {
        let reach = Reach { proxies: Matcher::builder().build(), names: ResolvedNames::default() };
        reach.route(&at(to), Some(&at(root))).await.map_err(|failure| failure.code)
    }

    #[tokio::test]
    async fn attack_174_nobody_sends_anybody_nearer_than_he_is_himself() {
        let (internet, network, machine) = ("https://1.1.1.1/mcp", "https://10.0.0.1/mcp", "http://127.0.0.1:8080/mcp");
        for near in [
            "https://127.0.0.1/",
            "https://localhost/",
            "https://x.localhost./",
            "https://[::ffff:7f00:1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0/",
            "https://[::]/",
        ] {
            assert_eq!(outcome(internet, near).await.unwrap_err(), "private_address", "{near}");
            assert_eq!(outcome(network, near).await.unwrap_err(), "private_address", "{near}");
            assert_eq!(outcome(machine, near).await, Ok(Route::Direct), "{near}");
        }
        for private in ["https://10.1.2.3/", "https://[fd00::1]/", "https://192.168.0.1/"] {
            assert_eq!(outcome(internet, private).await.unwrap_err(), "private_address", "{private}");
            assert_eq!(outcome(network, private).await, Ok(Route::Direct), "{private}");
        }
        for link in ["https://169.254.169.254/latest/meta-data", "https://[fe80::1]/"] {
            assert_eq!(outcome(network, link).await.unwrap_err(), "private_address", "{link}");
        }
        for root in [internet, network, machine] {
            assert_eq!(outcome(root, "https://8.8.8.8/").await, Ok(Route::Direct));
        }
    }

    #[tokio::test]
    async fn attack_175_a_name_is_judged_by_its_addresses_and_only_those_are_connected_to() {
        let reach = Reach { proxies: Matcher::builder().build(), names: ResolvedNames::default() };
        let know = |name: &str, addresses: &[&str]| {
            let all = addresses.iter().map(|address| address.parse().unwrap()).collect();
            reach.names.lock().insert(name.to_owned(), ResolvedName { all, allowed: Vec::new() });
        };
        know("mcp.example", &["8.8.8.8", "127.0.0.1"]);
        know("intranet.example", &["10.0.0.1"]);
        know("rebound.example", &["127.0.0.1", "::1"]);
        know("mixed.example", &["10.0.0.1", "9.9.9.9"]);
        let code = async |root: &str, to: &str| {
            reach.route(&at(to), Some(&at(root))).await.map_err(|failure| failure.code).err()
        };
        let refused = Some("private_address".to_owned());
        for to in ["https://rebound.example/", "https://intranet.example/", "https://localhost/"] {
            // Its own name pointing here as well makes the server no neighbour.
            assert_eq!(code("https://mcp.example/mcp", to).await, refused, "{to}");
        }
        assert_eq!(code("https://mcp.example/mcp", "https://mixed.example/").await, None);
        assert_eq!(code("https://intranet.example/mcp", "https://mixed.example/").await, None);
        assert_eq!(code("https://intranet.example/mcp", "https://rebound.example/").await, refused);
        assert_eq!(code("http://localhost/mcp", "http://a.localhost./").await, None);
        let names = reach.names.lock();
        let allowed = |name: &str| names[name].allowed.clone();
        assert!(allowed("a.localhost.").iter().all(IpAddr::is_loopback));
        assert!(allowed("rebound.example").is_empty());
    }

    #[test]
    fn attack_172_nothing_for_this_machine_goes_to_a_proxy() {
        let proxies = Matcher::builder().all("http://proxy.example:3128").no("").build();
        let reach = Reach { proxies, names: ResolvedNames::default() };
        for here in [
            "http://127.0.0.1/",
            "http://LOCALHOST:1/",
            "http://localhost./",
            "https://a.localhost/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0/",
            "http://0/",
        ] {
            assert!(!reach.proxied(&at(here)), "{here}");
        }
        for away in ["https://mcp.example/", "https://10.0.0.1/", "https://localhost.example/", "https://notlocalhost/"]
        {
            assert!(reach.proxied(&at(away)), "{away}");
        }
    }
}
