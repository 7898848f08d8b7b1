//! What a request counts for: an IPv4 address, an IPv6 /64, or somebody who proved who they are.
mod hops;
mod proxies;

pub use hops::is_forwarded;
pub use proxies::{TrustedProxies, canonical};

use std::{
    fmt::{self, Display, Formatter},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    V4(Ipv4Addr),
    /// The first 64 bits: one machine may take any address within them.
    V6(Ipv6Addr),
    /// A person or a client that proved who they are, from whatever address.
    Party(u128),
}

impl Source {
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(four) => Self::V4(four),
            IpAddr::V6(six) => Self::V6(first_bits(six, 64)),
        }
    }

    /// The largest network that one customer is given: a /48 of IPv6 (RFC 6177 §2). Under pressure, all sources in it
    /// share one budget.
    #[must_use]
    pub fn network(self) -> Self {
        match self {
            Self::V6(six) => Self::V6(first_bits(six, 48)),
            other => other,
        }
    }

    /// Whether other sources may belong to the same network.
    pub(crate) fn is_of_network(self) -> bool {
        matches!(self, Self::V6(_))
    }
}

fn first_bits(six: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(six.to_bits() >> (128 - bits) << (128 - bits))
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(four) => four.fmt(f),
            Self::V6(six) => six.fmt(f),
            Self::Party(number) => write!(f, "{number:032x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn a_64_is_one_source_and_a_48_one_network() {
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("2001:db8:0:1::1").network(), of("2001:db8:0:ffff::1").network());
        assert_ne!(of("2001:db8:0:1::1").network(), of("2001:db8:1:1::1").network());
        assert_ne!(of("192.0.2.1").network(), of("192.0.2.2").network());
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("::ffff:192.0.2.1").to_string(), "192.0.2.1");
    }
}
