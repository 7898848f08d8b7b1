//! Grant types of the token endpoint: one file and one name in this list each.
use crate::{app::App, config::Config, error::OAuthError, model::Client, oauth::params::Params, tokens::TokenResponse};
use std::{future::Future, pin::Pin};

/// An authenticated token request (RFC 6749 §4.1.3, §6).
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    pub app: &'a App,
    pub client: &'a Client,
    pub params: &'a Params,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<TokenResponse, OAuthError>> + Send + 'a>>;

pub struct GrantType {
    /// As in `grant_type`, in metadata and in registrations.
    pub name: &'static str,
    pub exchange: for<'a> fn(TokenRequest<'a>) -> Answer<'a>,
}

/// Each module offers `NAME` and `exchange`.
macro_rules! grant_types {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*
        pub const ALL: &[GrantType] =
            &[$(GrantType { name: $module::NAME, exchange: |request| Box::pin($module::exchange(request)) }),*];
        pub const NAMES: &[&str] = &[$($module::NAME),*];
    };
}

grant_types!(authorization_code, device_code, refresh_token);

/// Whether configuration leaves it on.
fn is_on(config: &Config, name: &str) -> bool {
    match name {
        device_code::NAME => config.device_authorization.enabled,
        _ => true,
    }
}

/// Names of those that are on.
#[must_use]
pub fn supported(config: &Config) -> Vec<&'static str> {
    NAMES.iter().copied().filter(|name| is_on(config, name)).collect()
}

#[must_use]
pub fn find(config: &Config, name: &str) -> Option<&'static GrantType> {
    ALL.iter().find(|grant_type| grant_type.name == name && is_on(config, name))
}
