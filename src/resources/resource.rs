//! A protected resource (RFC 8707), and the scopes that mean something there.
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
    /// The `aud` of its tokens, in this very spelling.
    pub identifier: String,
    /// For people.
    pub name: String,
    pub scopes: Vec<ScopeRule>,
    /// What a request that names no scope gets.
    pub default_scopes: Scopes,
    /// JWS `alg` of its access tokens, if not the server's default.
    pub signing_alg: Option<String>,
    /// Seconds, if not the server's default.
    pub access_token_lifetime: Option<u32>,
    /// If not the server's default.
    pub access_token_format: Option<AccessTokenFormat>,
    pub introspection: Option<IntrospectionCredentials>,
    /// Which tokens of other resources may be exchanged for its own (RFC 8693), and by whom.
    pub exchange: Vec<ExchangeRule>,
}

/// What an access token is to the server that it is meant for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// Says what it is worth, signed (RFC 9068).
    #[default]
    Jwt,
    /// Says nothing: its holder is asked about here (RFC 7662).
    Opaque,
}

/// How a resource server authenticates when it introspects (RFC 7662 §2.1).
#[derive(Clone, Debug)]
pub struct IntrospectionCredentials {
    pub id: String,
    pub secret: Digest,
    /// JWS `alg` of the signed answers it asks for (RFC 9701 §6), if not the default.
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

    /// These scopes, and the narrower ones that they bring along here: guards take the one for the other, so whoever
    /// holds them may have any of it.
    #[must_use]
    pub fn reach(&self, held: &Scopes) -> Scopes {
        scope_rules::reach(&self.scopes, held)
    }

    /// What whoever holds these gets who asks for those; `None` if it asks for more.
    #[must_use]
    pub fn held_of(&self, held: &Scopes, asked: &Scopes) -> Option<Scopes> {
        scope_rules::held_of(&self.scopes, held, asked)
    }

    pub fn listed(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().filter(|rule| rule.listed).map(|rule| rule.name.as_str())
    }
}
