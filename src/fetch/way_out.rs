//! Whether there is a way from this machine to others: known without sending anything to anybody.
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

/// Addresses of documentation (RFC 5737, RFC 3849), which the way to all others leads to.
const ELSEWHERE: [(IpAddr, IpAddr); 2] = [
    (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
    (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
];

/// `false` if there is no route. Where there is one it may yet end at a firewall, and names may be unknown there.
#[must_use]
pub fn has_way_out() -> bool {
    ELSEWHERE.into_iter().any(|(own, other)| route(own, other).is_ok_and(|from| !from.ip().is_loopback()))
}

/// A UDP socket that is connected has a route, and has sent nothing.
fn route(own: IpAddr, other: IpAddr) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind((own, 0))?;
    socket.connect((other, 443))?;
    socket.local_addr()
}
