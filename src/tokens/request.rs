//! A token request whose client has authenticated (RFC 6749 §4.1.3, §6).
use super::dpop::PresentedProof;
use crate::{app::App, model::Client, oauth::params::Params};
use std::net::IpAddr;

#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    pub app: &'a App,
    pub client: &'a Client,
    pub params: &'a Params,
    /// The client's address.
    pub address: IpAddr,
    /// Thumbprint of the proven key (RFC 9449 §5), which the tokens will be bound to.
    pub jkt: Option<&'a str>,
    /// The proof, which is used up after everything else was checked.
    pub proof: Option<&'a PresentedProof>,
}
