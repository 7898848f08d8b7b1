//! How near an address is (RFC 6890 and the IANA registries of special-purpose addresses).
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How near an address is, the most public first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    Internet,
    /// Private networks, and whatever else is not routed globally.
    Network,
    /// The local link, where clouds serve credentials.
    Link,
    Machine,
}

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// This machine, on whichever of its addresses it listens.
const MACHINE_V4: [Ipv4Net; 2] = [v4(0, 0, 0, 8), v4(127, 0, 0, 8)];
const LINK_V4: Ipv4Net = v4(169, 254, 0, 16);
/// The registry of special-purpose addresses (RFC 6890), and multicast.
const NETWORK_V4: [Ipv4Net; 12] = [
    v4(10, 0, 0, 8),
    v4(100, 64, 0, 10),
    v4(172, 16, 0, 12),
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(192, 88, 99, 24),
    v4(192, 168, 0, 16),
    v4(198, 18, 0, 15),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    v4(224, 0, 0, 4),
    v4(240, 0, 0, 4),
];
const LINK_V6: [Ipv6Net; 2] = [v6(0xfe80, 0, 10), v6(0xff00, 0, 8)];
/// The globally routed addresses, of which `SPECIAL_V6` are exceptions.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);
const SPECIAL_V6: [Ipv6Net; 3] = [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x3fff, 0, 20)];
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 16);
/// IPv4-compatible addresses, `::a.b.c.d`, now deprecated (RFC 4291 §2.5.5.1).
const COMPATIBLE: Ipv6Net = v6(0, 0, 96);

pub fn nearness(address: IpAddr) -> Nearness {
    match address {
        IpAddr::V4(address) if MACHINE_V4.iter().any(|net| net.contains(&address)) => Nearness::Machine,
        IpAddr::V4(address) if LINK_V4.contains(&address) => Nearness::Link,
        IpAddr::V4(address) if NETWORK_V4.iter().any(|net| net.contains(&address)) => Nearness::Network,
        IpAddr::V4(_) => Nearness::Internet,
        IpAddr::V6(address) if address.is_loopback() || address.is_unspecified() => Nearness::Machine,
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => nearness(address.into()),
            None if LINK_V6.iter().any(|net| net.contains(&address)) => Nearness::Link,
            None if GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address)) => {
                Nearness::Internet
            }
            None => Nearness::Network,
        },
    }
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    #[allow(clippy::cast_possible_truncation)] // 32 of the 128 bits are meant
    let at = |shift: u32| Some(Ipv4Addr::from_bits((bits >> shift) as u32));
    match address {
        _ if SIX_TO_FOUR.contains(&address) => at(80),
        _ if NAT64.contains(&address) || COMPATIBLE.contains(&address) => at(0),
        _ => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests;
