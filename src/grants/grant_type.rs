//! The interface of a grant type of the token endpoint; each file in this room implements one.
use crate::{
    app::App,
    error::OAuthError,
    model::Client,
    oauth::params::Params,
    tokens::{TokenRequest, TokenResponse},
};
use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

pub type GrantFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, OAuthError>> + Send + 'a>>;

pub type Identify = for<'a> fn(UnidentifiedRequest<'a>) -> GrantFuture<'a, Option<Arc<Client>>>;

pub struct GrantType {
    /// Its own parameters of a token request: name, whether it is required, and a description.
    pub parameters: &'static [(&'static str, bool, &'static str)],
    /// Finds the client by the redeemed object, for grant types where it can identify the client; `None` leaves that to
    /// client authentication.
    pub identify: Option<Identify>,
    pub exchange: for<'a> fn(TokenRequest<'a>) -> GrantFuture<'a, TokenResponse>,
}

/// A token request before its client is known.
#[derive(Clone, Copy)]
pub struct UnidentifiedRequest<'a> {
    pub app: &'a App,
    /// The Authorization header.
    pub authorization: Option<&'a str>,
    pub params: &'a Params,
    pub address: IpAddr,
}
