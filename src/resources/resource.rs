//! A protected resource (RFC 8707) and its scopes.
use super::{
    exchange_rule::ExchangeRule,
    scope_rules::{self, ScopeRule},
};
use crate::{
    model::{Role, Scopes},
    secrets::Digest,
};
use serde::{Deserialize, Serialize};

/// A server that accepts our access tokens, as the operator configured it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The `aud` of its tokens, byte for byte.
    pub identifier: String,
    /// The name on pages.
    pub name: String,
    pub scopes: Vec<ScopeRule>,
    /// The scopes of a request that names none.
    pub default_scopes: Scopes,
    /// JWS `alg` of its access tokens, if not the server's default.
    pub signing_alg: Option<String>,
    /// Seconds, if not the server's default.
    pub access_token_lifetime: Option<u32>,
    /// If not the server's default.
    pub access_token_format: Option<AccessTokenFormat>,
    pub introspection: Option<IntrospectionCredentials>,
    /// Who may exchange which tokens of other resources for tokens of this one (RFC 8693).
    pub exchange: Vec<ExchangeRule>,
}

/// The format of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// A signed token that the resource server can read itself (RFC 9068).
    #[default]
    Jwt,
    /// A random token that the resource server has to introspect (RFC 7662).
    Opaque,
}

/// How a resource server authenticates for introspection (RFC 7662 §2.1).
#[derive(Clone, Debug)]
pub struct IntrospectionCredentials {
    pub id: String,
    pub secret: Digest,
    /// JWS `alg` of signed introspection responses (RFC 9701 §6), if not the default.
    pub signed_response_alg: Option<String>,
}

impl Resource {
    #[must_use]
    pub fn scope(&self, name: &str) -> Option<&ScopeRule> {
        self.scopes.iter().find(|rule| rule.name == name)
    }

    #[must_use]
    pub fn allows(&self, scope: &str, role: Role) -> bool {
        self.scope(scope).is_some_and(|rule| rule.roles.is_empty() || rule.roles.contains(&role))
    }

    /// These scopes and all narrower scopes that they include here. Guards accept a broader scope for a narrower one,
    /// so whoever holds a scope holds all of these.
    #[must_use]
    pub fn reach(&self, held: &Scopes) -> Scopes {
        scope_rules::reach(&self.scopes, held)
    }

    /// The scopes that a holder of `held` gets for requesting `asked`; `None` if the request exceeds them.
    #[must_use]
    pub fn held_of(&self, held: &Scopes, asked: &Scopes) -> Option<Scopes> {
        scope_rules::held_of(&self.scopes, held, asked)
    }

    pub fn listed(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().filter(|rule| rule.listed).map(|rule| rule.name.as_str())
    }
}
