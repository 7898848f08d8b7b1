//! MCP over HTTP as far as a caller needs it: the stateless revision first, every earlier one after it.
mod client;
mod elicitation;
mod events;
mod legacy;
mod message;
pub mod mirror;
mod modern;
mod probe;

use crate::{
    bounds,
    error::{Failure, Result},
};
pub use client::{Client, Protocol};
pub use elicitation::Elicitation;
pub use message::Params;
pub use modern::MODERN;
use modern::Outcome;
pub use probe::{probe, probe_with, stray};
use serde_json::Value;
use std::collections::HashSet;

/// Methods that only earlier revisions have.
const GONE: [&str; 5] = ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

impl Client<'_> {
    /// Sends one request in the newest revision that the server speaks, and returns its result.
    pub async fn request(&mut self, method: &str, params: Params) -> Result<Value> {
        let gone = self.protocol == Protocol::Auto && GONE.contains(&method);
        if self.protocol != Protocol::Legacy && self.legacy.is_none() && !gone {
            match self.modern(method, &params).await? {
                Outcome::Result(result) => return Ok(result),
                Outcome::NotModern if self.protocol == Protocol::Modern => {
                    return Err(Failure::new("protocol", format!("{} does not speak {MODERN}", self.url.shown())));
                }
                Outcome::NotModern => {}
            }
        }
        self.legacy_request(method, params).await
    }

    /// All pages of a list.
    pub async fn list(&mut self, method: &str, member: &str) -> Result<Vec<Value>> {
        let (mut items, mut params, mut seen) = (Vec::new(), Params::new(), HashSet::new());
        for _ in 0..bounds::PAGES {
            let mut page = self.request(method, params.clone()).await?;
            if let Some(found) = page.get_mut(member).and_then(Value::as_array_mut) {
                items.append(found);
            }
            let Some(cursor) = page["nextCursor"].as_str() else { return Ok(items) };
            if !seen.insert(cursor.to_owned()) {
                break;
            }
            params.insert("cursor".to_owned(), cursor.into());
        }
        Err(Failure::new("protocol", format!("{} has pages without end", self.url.shown())))
    }
}
