//! Grant types of the token endpoint: one file and one name in this list each.
use crate::{
    app::App,
    config::Config,
    error::OAuthError,
    model::{AuthMethod, Client},
    oauth::params::Params,
    tokens::{TokenResponse, dpop::Presented},
};
use std::{future::Future, net::IpAddr, pin::Pin};

/// An authenticated token request (RFC 6749 §4.1.3, §6).
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
    pub proof: Option<&'a Presented>,
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

grant_types!(authorization_code, client_credentials, device_code, jwt_bearer, refresh_token, token_exchange);

/// Those that configuration has not switched off.
pub fn enabled(config: &Config) -> impl Iterator<Item = &'static GrantType> {
    let is_on = |name| match name {
        device_code::NAME => config.device_authorization.enabled,
        // There is something to exchange only where the operator wrote down for whom.
        token_exchange::NAME => config.resources.values().any(|resource| !resource.exchange.is_empty()),
        jwt_bearer::NAME => config.takes_identity_assertions() || config.workloads().next().is_some(),
        _ => true,
    };
    let is_off = |name| config.grants.off.iter().any(|off| off == name);
    ALL.iter().filter(move |grant_type| is_on(grant_type.name) && !is_off(grant_type.name))
}

/// Those that a client may give itself: acting with nobody's consent is the operator's to allow.
#[must_use]
pub fn for_strangers(config: &Config) -> Vec<&'static str> {
    let mut names = for_documents(config);
    names.retain(|name| *name != jwt_bearer::NAME);
    names
}

/// Those that a document about a client may name: an issuer that is trusted knows whom such an identifier means.
#[must_use]
pub fn for_documents(config: &Config) -> Vec<&'static str> {
    let names = enabled(config).map(|grant_type| grant_type.name);
    names
        .filter(|name| match *name {
            client_credentials::NAME => config.registration.client_credentials,
            token_exchange::NAME => false,
            _ => true,
        })
        .collect()
}

#[must_use]
pub fn find(config: &Config, name: &str) -> Option<&'static GrantType> {
    enabled(config).find(|grant_type| grant_type.name == name)
}

/// Whether the client registered it, and it is not switched off.
#[must_use]
pub fn is_open_to(config: &Config, client: &Client, name: &str) -> bool {
    client.metadata.grant_types.iter().any(|registered| registered == name) && find(config, name).is_some()
}

/// Whether what this client is granted by such a grant may be refreshed.
#[must_use]
pub fn refreshes(config: &Config, client: &Client, grant_type: &str) -> bool {
    let barred = grant_type == device_code::NAME && !config.device_authorization.refresh_tokens;
    !barred && is_open_to(config, client, refresh_token::NAME)
}

/// Whether the token endpoint would hear this client out: nobody is to be asked for what it would refuse anyway.
pub fn check_redeemable(config: &Config, client: &Client, name: &str) -> Result<(), OAuthError> {
    let metadata = &client.metadata;
    if !is_open_to(config, client, name) {
        return Err(OAuthError::unauthorized_client("the client did not register this grant type, or it is off"));
    }
    let needs_keys = metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
    if needs_keys && !config.client_authentication.private_key_jwt {
        return Err(OAuthError::unauthorized_client("the client authenticates by private_key_jwt, which is off"));
    }
    if metadata.dpop_bound_access_tokens && !config.dpop.enabled {
        return Err(OAuthError::unauthorized_client("the client needs proofs of possession, which are off"));
    }
    Ok(())
}
