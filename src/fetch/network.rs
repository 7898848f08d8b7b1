//! The network that the fetcher may use.
use super::{addresses, is_public, names};
use ipnet::IpNet;
use names::Lookup;
use std::{net::IpAddr, time::Duration};

/// A running server uses the default with its configured ports; tests bring their own network.
#[derive(Clone)]
pub struct Network {
    /// Ports that a URL may name.
    pub ports: Vec<u16>,
    /// Whether this address may be connected to. If one address of a name may not, none of them is used.
    pub allows: fn(IpAddr) -> bool,
    /// Networks that the operator excluded.
    pub denied: Vec<IpNet>,
    pub lookup: Lookup,
    /// Resolves names for strangers, whose name servers may never answer.
    pub strangers_lookup: Lookup,
    pub tls: bool,
    /// The URL of this server's own document folder, which is exempt from these rules: see
    /// [`crate::oauth::client_id::lies_in`].
    pub own_folder: Option<String>,
    pub connect_timeout: Duration,
    /// The time limit from the request to the last byte of the response.
    pub timeout: Duration,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            ports: vec![443],
            allows: is_public,
            denied: vec![],
            lookup: names::lookup(),
            strangers_lookup: names::lookup(),
            tls: true,
            own_folder: None,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        }
    }
}

impl Network {
    pub(super) fn may_reach(&self, address: IpAddr) -> bool {
        let denied = |address| self.denied.iter().any(|network| network.contains(&address));
        (self.allows)(address) && !denied(address) && !addresses::embedded(address).is_some_and(denied)
    }
}
