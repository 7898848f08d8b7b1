//! The resource servers that accept our access tokens (RFC 8707), and their scopes.
mod all;
mod exchange_rule;
mod resource;
mod scope_request;
mod scope_rules;
#[cfg(test)]
mod tests;

pub use all::Resources;
pub use exchange_rule::ExchangeRule;
pub use keyward_oauth::{
    resource_identifier::is_identifier,
    scope::{OFFLINE_ACCESS, OIDC_SCOPES, is_scope_token},
};
pub use resource::{AccessTokenFormat, IntrospectionCredentials, Resource};
pub use scope_request::{GrantableScopes, ScopeRequest};
pub use scope_rules::ScopeRule;
