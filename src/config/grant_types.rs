//! Which grant types are enabled, and for which clients.
use super::Config;
use crate::{
    error::OAuthError,
    model::{
        AuthMethod, Client,
        grant_type::{CLIENT_CREDENTIALS, DEVICE_CODE, JWT_BEARER, NAMES, REFRESH_TOKEN, TOKEN_EXCHANGE},
    },
};

/// The grant types that the settings have not switched off.
pub fn enabled(config: &Config) -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().filter(|name| is_enabled(config, name))
}

#[must_use]
pub fn is_enabled(config: &Config, name: &str) -> bool {
    let is_on = match name {
        DEVICE_CODE => config.device_authorization.enabled,
        // Token exchange is on only if the operator configured at least one permission for it.
        TOKEN_EXCHANGE => config.resources.values().any(|resource| !resource.exchange.is_empty()),
        JWT_BEARER => config.takes_identity_assertions() || config.workloads().next().is_some(),
        name => NAMES.contains(&name),
    };
    is_on && !config.grants.off.iter().any(|off| off == name)
}

/// The grant types that a client may register for. Those without user consent need the operator's permission.
#[must_use]
pub fn for_strangers(config: &Config) -> Vec<&'static str> {
    let mut names = for_documents(config);
    names.retain(|name| *name != JWT_BEARER);
    names
}

/// The grant types that a client metadata document may name. With a trusted issuer this includes the JWT grant, because
/// the issuer identifies such clients by their URL.
#[must_use]
pub fn for_documents(config: &Config) -> Vec<&'static str> {
    enabled(config)
        .filter(|name| match *name {
            CLIENT_CREDENTIALS => config.registration.client_credentials,
            TOKEN_EXCHANGE => false,
            _ => true,
        })
        .collect()
}

/// Whether the client registered the grant type, and the settings have it enabled.
#[must_use]
pub fn is_open_to(config: &Config, client: &Client, name: &str) -> bool {
    client.metadata.grant_types.iter().any(|registered| registered == name) && is_enabled(config, name)
}

/// Whether this client gets refresh tokens from such a grant.
#[must_use]
pub fn refreshes(config: &Config, client: &Client, name: &str) -> bool {
    let barred = name == DEVICE_CODE && !config.device_authorization.refresh_tokens;
    !barred && is_open_to(config, client, REFRESH_TOKEN)
}

/// Whether the token endpoint would accept this grant type from this client: a user is not asked for access that the
/// endpoint would refuse.
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
