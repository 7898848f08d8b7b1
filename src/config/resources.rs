//! The MCP servers that tokens are issued for, as the operator writes them down.
use super::{ExchangeSettings, hidden, list, long};
use crate::{
    model::{Role, Scopes},
    oauth::{
        resource::{AccessTokenFormat, IntrospectionCredentials, Resource},
        scope_rules::ScopeRule,
    },
    secrets::Digest,
};
use anyhow::{Context, ensure};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSettings {
    /// The resource identifier (RFC 9728 §1.2): the URL that people give to their MCP client.
    pub identifier: String,
    /// What the consent page calls it; else the identifier's host.
    pub name: Option<String>,
    /// Scope names and what they mean in words; else one scope, `mcp`.
    #[serde(default)]
    pub scopes: BTreeMap<String, ScopeSettings>,
    /// What a request without `scope` gets; else the first scope.
    #[serde(default, deserialize_with = "list")]
    pub default_scopes: Vec<String>,
    /// Overrides `keys.signing_alg`.
    pub signing_alg: Option<String>,
    /// Overrides `tokens.access_token_lifetime`, in seconds.
    pub access_token_lifetime: Option<u32>,
    /// Overrides `tokens.access_token_format`.
    pub access_token_format: Option<AccessTokenFormat>,
    /// Credentials with which this resource server introspects (RFC 7662 §2.1), and only tokens for itself.
    pub introspection: Option<IntrospectionSettings>,
    /// Which tokens of other resources may be exchanged for its own (RFC 8693), and by whom.
    #[serde(default)]
    pub exchange: Vec<ExchangeSettings>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ScopeSettings {
    Words(String),
    Table(ScopeTable),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeTable {
    pub description: String,
    /// Only people of these roles can grant it; without, everybody.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Narrower scopes that whoever holds it holds too.
    #[serde(default, deserialize_with = "list")]
    pub implies: Vec<String>,
    /// Other names of it.
    #[serde(default, deserialize_with = "list")]
    pub aliases: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionSettings {
    pub id: String,
    #[serde(serialize_with = "hidden::one")]
    pub secret: SecretString,
    /// JWS `alg` of the signed answers it asks for (RFC 9701 §6); else RS256.
    pub signed_response_alg: Option<String>,
}

impl ResourceSettings {
    /// What only we can read must be asked about, so somebody must be able to ask.
    pub(super) fn check(&self, name: &str, default: AccessTokenFormat) -> anyhow::Result<()> {
        let opaque = self.access_token_format.unwrap_or(default) == AccessTokenFormat::Opaque;
        ensure!(
            !opaque || self.introspection.is_some(),
            "resource {name:?}: opaque access tokens need introspection.id and introspection.secret (RFC 7662 §2.1)"
        );
        Ok(())
    }

    pub(super) fn check_secret(&self, name: &str) -> anyhow::Result<()> {
        let own = self.introspection.as_ref();
        own.map_or(Ok(()), |own| long(&format!("resources.{name}.introspection.secret"), &own.secret))
    }

    pub(super) fn resource(&self) -> anyhow::Result<Resource> {
        let mut scopes: Vec<_> = self.scopes.iter().flat_map(|(name, settings)| settings.rules(name)).collect();
        if scopes.is_empty() {
            let description = "Use this server's tools on your behalf".into();
            scopes.push(ScopeRule { name: "mcp".into(), description, roles: vec![], implies: vec![], listed: true });
        }
        let all: Scopes = scopes.iter().filter(|rule| rule.listed).map(|rule| rule.name.as_str()).collect();
        let default_scopes = match self.default_scopes.as_slice() {
            [] => all.iter().take(1).collect::<Scopes>(),
            names => names.iter().map(String::as_str).collect(),
        };
        let url = Url::parse(&self.identifier).with_context(|| format!("resource {:?} is no URL", self.identifier))?;
        let host = url.host_str().unwrap_or(&self.identifier);
        Ok(Resource {
            identifier: self.identifier.clone(),
            name: self.name.clone().unwrap_or_else(|| host.to_owned()),
            scopes,
            default_scopes,
            signing_alg: self.signing_alg.clone(),
            access_token_lifetime: self.access_token_lifetime,
            access_token_format: self.access_token_format,
            introspection: self.introspection.as_ref().map(|credentials| IntrospectionCredentials {
                id: credentials.id.clone(),
                secret: Digest::of(credentials.secret.expose_secret()),
                signed_response_alg: credentials.signed_response_alg.clone(),
            }),
            exchange: self.exchange.iter().map(ExchangeSettings::rule).collect::<Result<_, _>>()?,
        })
    }
}

impl ScopeSettings {
    /// The scope, and one for each of its other names: whoever holds one of them holds all.
    fn rules(&self, name: &str) -> Vec<ScopeRule> {
        let one = |name: &str, description: &str, roles: &[Role], implies: Vec<String>, listed| ScopeRule {
            name: name.to_owned(),
            description: description.to_owned(),
            roles: roles.to_vec(),
            implies,
            listed,
        };
        match self {
            Self::Words(description) => vec![one(name, description, &[], vec![], true)],
            Self::Table(ScopeTable { description, roles, implies, aliases }) => {
                let itself = one(name, description, roles, [&implies[..], aliases].concat(), true);
                let others = aliases.iter().map(|alias| one(alias, description, roles, vec![name.to_owned()], false));
                std::iter::once(itself).chain(others).collect()
            }
        }
    }
}
