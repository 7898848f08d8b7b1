//! The address a request came from, as proxies write it into `X-Forwarded-For`. Only named proxies are believed.
use super::hops::is_forwarded;
use axum::http::HeaderMap;
use ipnet::{IpNet, Ipv4Net};
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicBool, Ordering},
};

/// The headers in which a proxy names its client.
const FORWARDED: [&str; 2] = ["x-forwarded-for", "forwarded"];

/// Networks of the proxies in front of a server.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    warned: AtomicBool,
    warned_of_none: AtomicBool,
}

impl TrustedProxies {
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self { networks: networks.iter().copied().map(canonical).collect(), ..Self::default() }
    }

    #[must_use]
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client's address. The hops are read from the right, since each proxy adds the one before it, up to the first
    /// that is no proxy of ours. What stands before a hop that cannot be read is not believed.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        if !self.trust(nearest) {
            self.warn_of_none(nearest, headers);
            return nearest;
        }
        if headers.contains_key("forwarded") && !headers.contains_key("x-forwarded-for") {
            self.warn();
        }
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        for hop in hops.filter(|hop| !hop.is_empty()) {
            let Some(address) = std::str::from_utf8(hop).ok().and_then(address) else {
                self.warn();
                return nearest;
            };
            nearest = address;
            if !self.trust(nearest) {
                break;
            }
        }
        nearest
    }

    /// The client's address, unless it is a proxy's, named or not: then nobody can know the client's.
    #[must_use]
    pub fn own(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let unnamed = !self.trust(peer) && is_forwarded(headers);
        Some(self.client(peer, headers)).filter(|client| !unnamed && !self.trust(*client))
    }

    /// The client that a trusted proxy names, if the request came through one.
    #[must_use]
    pub fn client_behind_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        Some(self.client(peer, headers)).filter(|client| self.trust(peer) && !self.trust(*client))
    }

    /// Warns once, and only where no proxy is named at all: elsewhere a stranger may have made the header up.
    fn warn_of_none(&self, peer: IpAddr, headers: &HeaderMap) {
        let tells = || FORWARDED.iter().any(|name| headers.contains_key(*name));
        if self.networks.is_empty() && tells() && !self.warned_of_none.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %IpNet::from(peer),
                "requests come through a proxy, and trusted_proxies names none: all who come through it have one address \
                 here, and one share of every budget. If it is yours, put it into trusted_proxies (--trusted-proxy)"
            );
        }
    }

    /// Warns once, for it would be a line for every request otherwise.
    fn warn(&self) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a trusted proxy sends X-Forwarded-For with what is no address, or Forwarded alone, which is not \
                 believed; whoever comes through it shares the budgets of the nearest hop that is one"
            );
        }
    }
}

/// An IPv6 network of mapped addresses is the IPv4 network that it maps (RFC 4291 §2.5.5.2).
#[must_use]
pub fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let mapped = six.prefix_len().checked_sub(96).zip(six.addr().to_ipv4_mapped());
    mapped.and_then(|(length, four)| Ipv4Net::new(four, length).ok()).map_or(network, IpNet::V4)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `fe80::1%eth0`, `[2001:db8::1]`, `[2001:db8::1]:80`, each also in
/// quotes.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.strip_prefix('"').and_then(|hop| hop.strip_suffix('"')).unwrap_or(hop);
    let address = if let Some(bracketed) = hop.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        (port.is_empty() || is_port(port.strip_prefix(':')?)).then(|| six(address))?.map(IpAddr::V6)
    } else if let Some((address, port)) = hop.split_once(':').filter(|(_, rest)| !rest.contains(':')) {
        is_port(port).then(|| address.parse().ok())?.map(IpAddr::V4)
    } else {
        hop.parse().ok().or_else(|| six(hop).map(IpAddr::V6))
    };
    address.map(|address| address.to_canonical())
}

/// An IPv6 address without its zone, which names one of the proxy's own networks (RFC 4007 §11).
fn six(text: &str) -> Option<Ipv6Addr> {
    text.split('%').next()?.parse().ok()
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use std::sync::{Arc, atomic::AtomicUsize};
    use tracing::{
        Event, Metadata, Subscriber,
        span::{self, Attributes, Id},
    };

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "::1/128", "fe80::/10", "::ffff:198.51.100.0/120"];
        let proxies = TrustedProxies::new(&trusted.map(|network| network.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn every_way_to_write_an_address_is_understood() {
        for (written, meant) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:5678", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("\"[2001:db8::1]:80\"", "2001:db8::1"),
            ("2001:db8::1%eth0", "2001:db8::1"),
            ("[2001:db8::1%25eth0]:80", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("  192.0.2.1\t", "192.0.2.1"),
            (" , 192.0.2.1, ,", "192.0.2.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[written]), meant, "{written}");
            assert_eq!(client("::ffff:10.0.0.1", &[written]), meant, "{written}");
        }
    }

    /// Counts the events of any kind.
    struct EventCounter(Arc<AtomicUsize>);

    impl Subscriber for EventCounter {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn what_a_proxy_sends_that_nobody_can_read_is_told_of_once() {
        let told = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(EventCounter(told.clone()), || {
            let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
            let hear = |peer: [u8; 4], line: &'static str| {
                let headers = HeaderMap::from_iter([(
                    HeaderName::from_static("x-forwarded-for"),
                    HeaderValue::from_static(line),
                )]);
                let _ = proxies.client(peer.into(), &headers);
            };
            hear([10, 0, 0, 1], "192.0.2.1:80");
            // A stranger cannot bring the warning about.
            hear([192, 0, 2, 1], "unknown");
            assert_eq!(told.load(Ordering::SeqCst), 0);
            for line in ["unknown", "_hidden", "unknown, 10.0.0.2"] {
                hear([10, 0, 0, 1], line);
                assert_eq!(told.load(Ordering::SeqCst), 1, "{line}");
            }
        });
    }

    #[test]
    fn where_no_proxy_is_named_the_first_request_through_one_is_told_of_once() {
        let told = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(EventCounter(told.clone()), || {
            let hear = |proxies: &TrustedProxies, name: &'static str| {
                let told_by = (HeaderName::from_static(name), HeaderValue::from_static("for=192.0.2.1"));
                assert_eq!(
                    proxies.client([10, 0, 0, 1].into(), &HeaderMap::from_iter([told_by])).to_string(),
                    "10.0.0.1"
                );
                told.load(Ordering::SeqCst)
            };
            for first in FORWARDED {
                told.store(0, Ordering::SeqCst);
                let none = TrustedProxies::new(&[]);
                assert_eq!(hear(&none, "accept"), 0);
                assert_eq!(
                    [hear(&none, first), hear(&none, FORWARDED[0]), hear(&none, FORWARDED[1])],
                    [1; 3],
                    "{first}"
                );
            }
            told.store(0, Ordering::SeqCst);
            let another = TrustedProxies::new(&["192.0.2.0/24".parse().unwrap()]);
            assert_eq!([hear(&another, FORWARDED[0]), hear(&another, FORWARDED[1])], [0; 2]);
        });
    }

    #[test]
    fn an_address_is_ones_own_where_no_proxy_is_in_between_or_a_named_one_tells_it() {
        let own = |trusted: &[&str], peer: &str, header: Option<(&'static str, &'static str)>| {
            let proxies: Vec<_> = trusted.iter().map(|network| network.parse().unwrap()).collect();
            let headers = header.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let own = TrustedProxies::new(&proxies).own(peer.parse().unwrap(), &HeaderMap::from_iter(headers));
            own.map(|address| address.to_string())
        };
        let (ours, told) = (["10.0.0.0/8"], Some(("x-forwarded-for", "192.0.2.1")));
        let some = |address: &str| Some(address.to_owned());
        assert_eq!(own(&[], "192.0.2.9", None), some("192.0.2.9"));
        assert_eq!(own(&ours, "192.0.2.9", None), some("192.0.2.9"));
        assert_eq!(own(&ours, "10.0.0.1", told), some("192.0.2.1"));
        for header in ["x-forwarded-for", "forwarded", "via", "x-real-ip", "cf-ray"] {
            assert_eq!(own(&[], "10.0.0.1", Some((header, "192.0.2.1"))), None, "{header}");
        }
        assert_eq!(own(&ours, "192.0.2.9", told), None);
        assert_eq!(own(&ours, "10.0.0.1", None), None);
        assert_eq!(own(&ours, "10.0.0.1", Some(("x-forwarded-for", "unknown"))), None);
        assert_eq!(own(&ours, "10.0.0.1", Some(("x-forwarded-for", "10.0.0.2"))), None);
    }

    #[test]
    fn only_what_proxies_of_ours_added_counts() {
        assert_eq!(client("192.0.2.9", &["203.0.113.1"]), "192.0.2.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.1, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.1, 192.0.2.1, 10.0.0.2:80"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.1", "192.0.2.1, 198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("::1", &["192.0.2.1", "fe80::1%eth0"]), "192.0.2.1");
    }

    #[test]
    fn behind_a_hop_that_nobody_can_read_the_nearest_one_counts() {
        for strange in [
            "unknown",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:99999",
            "192.0.2.1:80:80",
            "[::1",
            "010.0.0.1",
            "[::1]80",
            "é",
        ] {
            assert_eq!(client("10.0.0.1", &[strange]), "10.0.0.1", "{strange}");
            assert_eq!(client("10.0.0.1", &["203.0.113.1", strange, "10.0.0.2"]), "10.0.0.2", "{strange}");
            assert_eq!(client("10.0.0.1", &[&format!("{strange}, 192.0.2.1")]), "192.0.2.1", "{strange}");
        }
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }
}
