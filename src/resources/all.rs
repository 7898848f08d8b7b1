//! All protected resources: finds the one that a client requests (RFC 8707 §2), and checks their configuration.
use super::{
    exchange_rule::ExchangeRule,
    resource::Resource,
    scope_rules::{self, ScopeRule},
};
use crate::{error::OAuthError, model::Scopes};
use keyward_oauth::{
    resource_identifier::{is_identifier, normalized},
    scope::is_scope_token,
};

/// All resources; the first is the default.
#[derive(Clone, Debug)]
pub struct Resources(Vec<Resource>);

impl Resources {
    /// The error is for the operator and names the resource.
    pub fn new(resources: Vec<Resource>) -> Result<Self, String> {
        let mut all = Self(Vec::new());
        for resource in resources {
            let identifier = &resource.identifier;
            if !is_identifier(identifier) {
                return Err(format!("resource {identifier}: the identifier must be an absolute URI without fragment"));
            }
            if all.find(identifier).is_some() {
                return Err(format!("resource {identifier}: the identifier is used twice"));
            }
            if let Some(bad) = resource.scopes.iter().find(|rule| !is_scope_token(&rule.name)) {
                return Err(format!("resource {identifier}: {:?} is not a scope (RFC 6749 §3.3)", bad.name));
            }
            check_names(&resource.scopes).map_err(|error| format!("resource {identifier}: {error}"))?;
            if let Some(stray) = resource.default_scopes.iter().find(|scope| resource.scope(scope).is_none()) {
                return Err(format!("resource {identifier}: default scope {stray} is not among its scopes"));
            }
            all.0.push(Resource { scopes: scope_rules::complete(resource.scopes), ..resource });
        }
        for resource in all.iter() {
            let wrong = |error| format!("resource {}: {error}", resource.identifier);
            resource.exchange.iter().try_for_each(|rule| check_exchange(rule, resource, &all.0)).map_err(wrong)?;
        }
        Ok(all)
    }

    /// The resource with this identifier: case of scheme and host makes no difference, nor does one slash behind a bare
    /// origin (RFC 3986 §6.2.2.1 and §6.2.3; URL libraries add that slash).
    #[must_use]
    pub fn find(&self, requested: &str) -> Option<&Resource> {
        let exact = self.iter().find(|resource| resource.identifier == requested);
        exact.or_else(|| {
            let requested = normalized(requested)?;
            self.iter().find(|resource| normalized(&resource.identifier).as_ref() == Some(&requested))
        })
    }

    #[must_use]
    pub fn default(&self) -> Option<&Resource> {
        self.0.first()
    }

    /// Whether one of the scopes is known to some resource, but not to the default resource. Some clients repeat all of
    /// `scopes_supported` without choosing: they get the scopes that the default resource knows.
    #[must_use]
    pub fn reaches_elsewhere(&self, asked: &Scopes) -> bool {
        let known = |scope: &str| self.default().is_some_and(|default| default.scope(scope).is_some());
        let mut all = self.0.iter().flat_map(|resource| &resource.scopes).map(|rule| rule.name.as_str());
        let everything = self.0.iter().flat_map(Resource::listed).all(|scope| asked.contains(scope));
        !everything && all.any(|scope| asked.contains(scope) && !known(scope))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.0.iter()
    }

    /// The requested resources, each once; the default resource if none is requested. `invalid_target` (RFC 8707 §2)
    /// for an unknown one.
    pub fn select(&self, requested: &[String]) -> Result<Vec<&Resource>, OAuthError> {
        if requested.is_empty() {
            let missing = || OAuthError::invalid_target("resource is missing and there is no default");
            return Ok(vec![self.default().ok_or_else(missing)?]);
        }
        let mut selected = Vec::<&Resource>::new();
        for requested in requested {
            let unknown = || OAuthError::invalid_target("resource is not known to this server");
            let resource = self.find(requested).ok_or_else(unknown)?;
            if !selected.iter().any(|held| held.identifier == resource.identifier) {
                selected.push(resource);
            }
        }
        Ok(selected)
    }
}

/// Each name has one meaning, and an included scope must be one of these scopes.
fn check_names(rules: &[ScopeRule]) -> Result<(), String> {
    let known = |name: &str| rules.iter().filter(|rule| rule.name == name).count();
    for rule in rules {
        if known(&rule.name) > 1 {
            return Err(format!("the scope {} is there twice: a name is a scope, or another name of one", rule.name));
        }
        if let Some(stray) = rule.implies.iter().find(|narrower| known(narrower) == 0) {
            return Err(format!("the scope {} implies {stray}, which is not among the scopes: add it", rule.name));
        }
    }
    Ok(())
}

/// Describes the operator's mistake.
fn check_exchange(rule: &ExchangeRule, here: &Resource, all: &[Resource]) -> Result<(), String> {
    let Some(there) = all.iter().find(|resource| resource.identifier == rule.from) else {
        return Err(format!("exchange: {} is not among the resources", rule.from));
    };
    let (theirs, ours) = (rule.scopes.keys(), rule.scopes.values().flat_map(Scopes::iter));
    let stray = theirs.map(String::as_str).find(|scope| there.scope(scope).is_none());
    match stray.or(ours.into_iter().find(|scope| here.scope(scope).is_none())) {
        Some(stray) => Err(format!("exchange: scope {stray} is not among the scopes of its resource")),
        None => Ok(()),
    }
}
