//! What the fetcher takes for the internet.
use super::{addresses, is_public, names};
use ipnet::IpNet;
use names::Lookup;
use std::{net::IpAddr, time::Duration};

/// A running server has the default with its own ports; tests bring theirs.
#[derive(Clone)]
pub struct Network {
    /// Ports that a URL may name.
    pub ports: Vec<u16>,
    /// May this address be connected to? One that may not condemns every other address of its name.
    pub allows: fn(IpAddr) -> bool,
    /// Networks that are never connected to, because the operator said so.
    pub denied: Vec<IpNet>,
    pub lookup: Lookup,
    /// Looks names up for strangers, whose name servers may never answer.
    pub strangers_lookup: Lookup,
    pub tls: bool,
    /// The folder of documents of our own, which is not asked for any of this: see
    /// [`crate::oauth::client_id::lies_in`].
    pub own_folder: Option<String>,
    pub connect_timeout: Duration,
    /// From the request to the last byte of the answer.
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
