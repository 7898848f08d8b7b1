//! A token request whose client has authenticated (RFC 6749 §4.1.3, §6).
use super::dpop::PresentedProof;
use crate::{app::App, model::Client, oauth::params::Params};
use std::net::IpAddr;

#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    pub app: &'a App,
    pub client: &'a Client,
    pub params: &'a Params,
    /// Where it came from.
    pub address: IpAddr,
    /// Thumbprint of the key that proved itself (RFC 9449 §5), which the tokens will be bound to.
    pub jkt: Option<&'a str>,
    /// Its proof, which is used up when all else was judged.
    pub proof: Option<&'a PresentedProof>,
}
