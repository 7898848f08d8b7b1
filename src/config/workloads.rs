//! Settings for workloads: programs that a trusted issuer identifies by claims.
use super::{Faults, list};
use crate::{model::Scopes, oauth::resource::Resources};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A program whose token has these claims acts as this client.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Names and values of claims that must all match: exactly, or as a prefix if the value ends in `*`.
    pub claims: BTreeMap<String, String>,
    /// The client identifier; the short name by default.
    pub client: Option<String>,
    /// The most it may have, and its scope when it requests none; the default scopes of the resource by default.
    pub scope: Option<String>,
    /// Identifiers of the resources that it may use; the first one is used when it names none. The default resource by
    /// default.
    #[serde(default, deserialize_with = "list")]
    pub resources: Vec<String>,
}

impl Workload {
    pub(super) fn check(&self, name: &str, resources: Option<&Resources>, faults: &mut Faults) {
        faults.ensure(!self.claims.is_empty(), &["claims"], "without claims it would be anybody its issuer knows");
        for (claim, wanted) in &self.claims {
            let prefix = wanted.strip_suffix('*').unwrap_or(wanted);
            let meant = !prefix.is_empty() && !prefix.contains('*');
            let text = format!("{wanted:?} must be a text, or its beginning with a * at the end");
            faults.ensure(meant, &["claims", claim], text);
        }
        // A UUID as client id could be mistaken for a user: the `sub` of a user is a UUID.
        let client = self.client(name);
        let text = format!("{client:?} is a UUID, and a client identifier must not be one");
        faults.ensure(uuid::Uuid::parse_str(client).is_err(), &["client"], text);
        let scope = self.scope.as_deref().is_none_or(|scope| Scopes::parse(scope).is_some_and(|all| !all.is_empty()));
        faults.ensure(scope, &["scope"], "scope must be scope tokens with single spaces between them");
        known_resources("resources", &self.resources, resources, faults);
    }

    #[must_use]
    pub fn client<'a>(&'a self, name: &'a str) -> &'a str {
        self.client.as_deref().unwrap_or(name)
    }

    /// Only string claims are compared: arrays and objects never match.
    #[must_use]
    pub fn matches(&self, claims: &Map<String, Value>) -> bool {
        self.claims.iter().all(|(name, wanted)| {
            let claimed = claims.get(name).and_then(Value::as_str);
            claimed.is_some_and(|claimed| match wanted.strip_suffix('*') {
                Some(prefix) => claimed.starts_with(prefix),
                None => claimed == wanted,
            })
        })
    }
}

/// Checks that the values of the setting `name` are identifiers of resources.
pub(super) fn known_resources(name: &str, named: &[String], resources: Option<&Resources>, faults: &mut Faults) {
    let Some(resources) = resources else { return };
    for resource in named {
        let known: Vec<_> = resources.iter().map(|resource| resource.identifier.as_str()).collect();
        let text = format!("resource {resource:?} is not among the resources: {}", known.join(", "));
        let holds = faults.concern(&["resources"]) || resources.find(resource).is_some();
        faults.ensure(holds, &[name], text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_claims_must_be_there_exactly_or_by_their_beginning() {
        let claims = [("repository", "acme/app"), ("ref", "refs/heads/*")];
        let claims = claims.map(|(name, wanted)| (name.to_owned(), wanted.to_owned())).into();
        let rule = Workload { claims, client: None, scope: None, resources: vec![] };
        let matches = |claims: Value| rule.matches(claims.as_object().unwrap());
        assert!(matches(json!({"repository": "acme/app", "ref": "refs/heads/main", "more": 1})));
        assert!(matches(json!({"repository": "acme/app", "ref": "refs/heads/"})));
        for wrong in [
            json!({"repository": "acme/app"}),
            json!({"repository": "acme/app2", "ref": "refs/heads/main"}),
            json!({"repository": "ACME/app", "ref": "refs/heads/main"}),
            json!({"repository": "acme/app", "ref": "refs/tags/refs/heads/main"}),
            json!({"repository": ["acme/app"], "ref": "refs/heads/main"}),
            json!({"repository": "acme/app", "ref": {"refs/heads/": 1}}),
        ] {
            assert!(!matches(wrong.clone()), "{wrong}");
        }
    }
}
