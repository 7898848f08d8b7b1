//! Who may exchange tokens of one resource for tokens of another (RFC 8693).
use crate::{
    model::{ClientId, Scopes},
    oauth::token_exchange::ExchangeRule,
};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One permission, written at the resource that the new tokens are for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeSettings {
    /// Identifier of the client that may; it must be confidential.
    pub client: String,
    /// Identifier of the resource whose tokens it may exchange.
    pub from: String,
    /// What scopes there are worth here, such as `"mcp:read" = "events:list events:read"`; what is not listed is
    /// worth nothing. Left out, each is worth the scope of the same name.
    #[serde(default)]
    pub scopes: BTreeMap<String, String>,
}

impl ExchangeSettings {
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
