//! Settings for the MCP servers that tokens are issued for.
use super::{
    ExchangeSettings, Faults, ScopeSettings,
    faults::shown,
    hidden, list,
    rules::{algorithm, long},
};
use crate::{
    model::Scopes,
    oauth::resource::{self, AccessTokenFormat, IntrospectionCredentials, Resource},
    resources::ScopeRule,
    secrets::Digest,
};
use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

/// The scope of a resource whose settings name none.
const ONLY_SCOPE: &str = "mcp";

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSettings {
    /// The resource identifier (RFC 9728 §1.2): the URL that people give to their MCP client.
    pub identifier: String,
    /// The name on the consent page; the host of the identifier by default.
    pub name: Option<String>,
    /// Scope names with their descriptions; by default one scope, `mcp`.
    #[serde(default)]
    pub scopes: BTreeMap<String, ScopeSettings>,
    /// The scope of a request without `scope`; the first scope by default.
    #[serde(default, deserialize_with = "list")]
    pub default_scopes: Vec<String>,
    /// Overrides `keys.signing_alg`.
    pub signing_alg: Option<String>,
    /// Overrides `tokens.access_token_lifetime`, in seconds.
    pub access_token_lifetime: Option<u32>,
    /// Overrides `tokens.access_token_format`.
    pub access_token_format: Option<AccessTokenFormat>,
    /// Credentials of this resource server for introspection (RFC 7662 §2.1), which is limited to its own tokens.
    pub introspection: Option<IntrospectionSettings>,
    /// Who may exchange which tokens of other resources for tokens of this one (RFC 8693).
    #[serde(default)]
    pub exchange: Vec<ExchangeSettings>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionSettings {
    pub id: String,
    #[serde(serialize_with = "hidden::one")]
    pub secret: SecretString,
    /// JWS `alg` of signed introspection responses (RFC 9701 §6); RS256 by default.
    pub signed_response_alg: Option<String>,
}

impl ResourceSettings {
    /// `format` is the default token format; `all` are the identifier and the scopes of each resource.
    pub(super) fn check(&self, format: AccessTokenFormat, all: &[(&str, Vec<&str>)], faults: &mut Faults) {
        let identifier = shown(&self.identifier);
        let text = format!("{identifier} is no absolute URI without fragment, such as https://mcp.example.com/mcp");
        faults.ensure(resource::is_identifier(&self.identifier), &["identifier"], text);
        let names = self.scope_names();
        for (name, scope) in &self.scopes {
            faults.below(&["scopes", name], |faults| scope.check(name, &names, faults));
        }
        for (at, scope) in self.default_scopes.iter().enumerate() {
            let text = format!("{} is not among its scopes: {}", shown(scope), names.join(", "));
            faults.ensure(names.contains(&scope.as_str()), &["default_scopes", &at.to_string()], text);
        }
        if let Some(name) = &self.signing_alg {
            algorithm(name, &["signing_alg"], faults);
        }
        self.check_introspection(self.access_token_format.unwrap_or(format), faults);
        for (at, rule) in self.exchange.iter().enumerate() {
            faults.below(&["exchange", &at.to_string()], |faults| rule.check(&names, all, faults));
        }
    }

    /// Only this server can read opaque tokens, so a resource server needs credentials for introspection.
    fn check_introspection(&self, format: AccessTokenFormat, faults: &mut Faults) {
        let opaque = format == AccessTokenFormat::Opaque;
        match &self.introspection {
            None if opaque => faults.add_about(
                &[],
                &[&["tokens", "access_token_format"]],
                "opaque access tokens need introspection.id and introspection.secret (RFC 7662 §2.1)",
            ),
            None => {}
            Some(own) => {
                if let Some(name) = &own.signed_response_alg {
                    algorithm(name, &["introspection", "signed_response_alg"], faults);
                }
            }
        }
    }

    pub(super) fn check_secret(&self, faults: &mut Faults) {
        if let Some(own) = &self.introspection {
            long(&own.secret, &["introspection", "secret"], faults);
        }
    }

    /// Scope names and aliases, or the default scope.
    pub(super) fn scope_names(&self) -> Vec<&str> {
        let names = self.scopes.iter().flat_map(|(name, scope)| scope.names(name));
        if self.scopes.is_empty() { vec![ONLY_SCOPE] } else { names.collect() }
    }

    pub(super) fn resource(&self) -> anyhow::Result<Resource> {
        let mut scopes: Vec<_> = self.scopes.iter().flat_map(|(name, settings)| settings.rules(name)).collect();
        if scopes.is_empty() {
            let description = "Use this server's tools on your behalf".into();
            scopes.push(ScopeRule {
                name: ONLY_SCOPE.into(),
                description,
                roles: vec![],
                implies: vec![],
                listed: true,
            });
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
