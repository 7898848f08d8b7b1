//! Whether this machine has a route to other hosts, found out without sending a packet.
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

/// Addresses for documentation (RFC 5737, RFC 3849), which are routed as any other public address.
const PUBLIC_EXAMPLES: [(IpAddr, IpAddr); 2] = [
    (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
    (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
];

/// `false` if there is no route. `true` does not promise that firewalls let requests through or that names resolve.
#[must_use]
pub fn has_way_out() -> bool {
    PUBLIC_EXAMPLES.into_iter().any(|(own, other)| route(own, other).is_ok_and(|from| !from.ip().is_loopback()))
}

/// Connecting a UDP socket needs a route and sends nothing.
fn route(own: IpAddr, other: IpAddr) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind((own, 0))?;
    socket.connect((other, 443))?;
    socket.local_addr()
}
