//! Settings for token exchange (RFC 8693): which client may exchange which tokens.
use super::Faults;
use crate::{
    model::{ClientId, Scopes},
    resources::ExchangeRule,
};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One permission, which belongs to the resource that the new tokens are for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeSettings {
    /// Identifier of the client that may exchange; it must be confidential.
    pub client: String,
    /// Identifier of the resource whose tokens it may exchange.
    pub from: String,
    /// Maps scopes of that resource to scopes of this one, such as `"mcp:read" = "events:list events:read"`; unlisted
    /// scopes are dropped. Without this setting, scopes keep their names.
    #[serde(default)]
    pub scopes: BTreeMap<String, String>,
}

impl ExchangeSettings {
    /// `ours` are the scopes of the resource that the permission belongs to, `all` those of each resource.
    pub(super) fn check(&self, ours: &[&str], all: &[(&str, Vec<&str>)], faults: &mut Faults) {
        let there = all.iter().find(|(identifier, _)| *identifier == self.from).map(|(_, scopes)| scopes);
        if there.is_none() {
            let known: Vec<_> = all.iter().map(|(identifier, _)| *identifier).collect();
            let text = format!("{} is not among the resources: {}", self.from, known.join(", "));
            faults.add_about(&["from"], &[&["resources"]], text);
        }
        for (theirs, worth) in &self.scopes {
            let at = ["scopes", theirs.as_str()];
            let stray = |scope: &str| format!("scope {scope} is not among the scopes of its resource");
            let known = there.is_none_or(|there| there.contains(&theirs.as_str()));
            faults.ensure(known, &at, stray(theirs));
            let Some(worth) = Scopes::parse(worth) else {
                faults.add(&at, format!("{worth:?} is no list of scopes with single spaces between them"));
                continue;
            };
            worth.iter().filter(|scope| !ours.contains(scope)).for_each(|scope| faults.add(&at, stray(scope)));
        }
    }

    pub(super) fn rule(&self) -> anyhow::Result<ExchangeRule> {
        let worth = |(scope, worth): (&String, &String)| {
            let parsed = Scopes::parse(worth).with_context(|| format!("exchange: {worth:?} is no list of scopes"));
            parsed.map(|worth| (scope.clone(), worth))
        };
        Ok(ExchangeRule {
            client: ClientId::from(self.client.as_str()),
            from: self.from.clone(),
            scopes: self.scopes.iter().map(worth).collect::<Result<_, _>>()?,
        })
    }
}
