//! What a tool is, and the sets of tools that a surface can offer.
//!
//! A set is a file here with a `SET`, and a line in [`SETS`]. A tool is its name, its words for people, and a closure
//! from arguments to a result, each a type: schemas are written from the types (doc comments describe, `schemars`
//! attributes such as `range` and `length` restrict) and arguments are checked against the very schema that clients
//! see, before the closure runs.
mod analytics;
mod conformance;
mod core;
pub(crate) mod database;
mod email;
mod expression;
mod fake;
mod files;
mod greeting;
mod monitor;
mod news;
mod projects;
mod random;
pub(crate) mod session;
mod units;
mod utilities;
mod weather;

pub(crate) use crate::failure::Failure;

use crate::{
    accounts::Accounts,
    attempts::Asker,
    client::Client,
    schema::{Breach, Schema},
    store::{Store, StoreError},
};
use anyhow::Context;
use keyward_guard::{caller::Caller, clock::Clock};
use keyward_limits::source::Source;
use rmcp::model::ToolAnnotations;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{path::Path, pin::Pin, sync::Arc};
use time::Date;

pub(crate) const SETS: &[Set] = &[
    core::SET,
    greeting::SET,
    projects::SET,
    files::SET,
    weather::SET,
    news::SET,
    database::SET,
    analytics::SET,
    email::SET,
    utilities::SET,
    monitor::SET,
    session::SET,
    conformance::SET,
];

/// Tools that belong together.
pub(crate) struct Set {
    pub name: &'static str,
    /// What a server is called that offers it.
    pub title: &'static str,
    /// In the order they are listed.
    pub tools: fn() -> anyhow::Result<Vec<Tool>>,
}

#[derive(Clone)]
pub(crate) struct Tool {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub input: Schema,
    pub output: Schema,
    /// What calling it needs, on surfaces whose credentials have scopes.
    pub scope: Option<&'static str>,
    pub annotations: ToolAnnotations,
    /// It sends log messages to clients that ask for them.
    pub logs: bool,
    handler: Handler,
}

type Handler = Arc<dyn Fn(Call, Value) -> Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>> + Send + Sync>;

/// What a tool may know beside its arguments.
#[derive(Clone)]
pub(crate) struct Call {
    pub caller: Caller,
    /// Who may be guessing, if a password is tried.
    pub asker: Asker,
    /// Whom the call counts for.
    pub source: Source,
    pub client: Client,
    /// The surface's id.
    pub surface: Arc<str>,
    /// Its people, if they log in there.
    pub accounts: Option<Arc<Accounts>>,
    pub store: Store,
    pub clock: Clock,
    /// What is unknown may be made up, and says so.
    pub demo: bool,
    /// Answers SQL queries.
    pub queries: Option<Arc<Path>>,
    /// The legacy session, SSE stream or process that the call came on; whoever logs in there is logged in there only.
    pub connection: Option<String>,
    /// Is nobody else on it, as on this process's standard input?
    pub alone: bool,
    /// Of audit events.
    pub client_info: Value,
    pub request_id: String,
}

impl Call {
    /// Whose documents the caller's are in the store: the same for all clients of a person, another on each surface.
    pub fn owner(&self) -> String {
        let [issuer, subject, _] = &self.caller.principal;
        json!([&*self.surface, issuer, subject]).to_string()
    }

    /// Where the call came from, if that is all that is known of who makes it.
    pub fn stranger(&self) -> Option<Source> {
        Some(self.source).filter(|_| !self.caller.is_known())
    }

    /// Keeps a document of the caller's.
    pub async fn keep(&self, kind: &str, id: &str, body: &impl Serialize) -> Result<(), StoreError> {
        let owner = self.owner();
        match self.stranger() {
            Some(source) => self.store.put_of_stranger(source, (&owner, kind), id, body).await,
            None => self.store.put(&owner, kind, id, body).await,
        }
    }
}

impl Tool {
    /// A tool that answers at once. It only reads, needs no scope and has no open world, until told otherwise.
    pub fn new<A, R>(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        answer: impl Fn(&Call, A) -> Result<R, Failure> + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
    {
        let answer = Arc::new(answer);
        Self::waiting(name, title, description, move |call: Call, arguments: A| {
            let answer = Arc::clone(&answer);
            async move { answer(&call, arguments) }
        })
    }

    /// A tool that has to wait, for the store for example.
    pub fn waiting<A, R, F>(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        answer: impl Fn(Call, A) -> F + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        let handler = move |call: Call, arguments: Value| {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                let arguments = serde_json::from_value(arguments)?;
                Ok(serde_json::to_value(answer(call, arguments).await?)?)
            }) as Pin<Box<dyn Future<Output = _> + Send>>
        };
        Ok(Self {
            name,
            title,
            description,
            input: Schema::of_input::<A>()?,
            output: Schema::of_output::<R>()?,
            scope: None,
            annotations: ToolAnnotations::new().read_only(true).open_world(false),
            logs: false,
            handler: Arc::new(handler),
        })
    }

    pub fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// It changes something, and destroys nothing.
    pub fn writes(mut self) -> Self {
        self.annotations = ToolAnnotations::new().read_only(false).destructive(false).open_world(false);
        self
    }

    /// It destroys something.
    pub fn destroys(mut self) -> Self {
        self.annotations = ToolAnnotations::new().read_only(false).destructive(true).open_world(false);
        self
    }

    pub fn logs(mut self) -> Self {
        self.logs = true;
        self
    }

    pub fn check(&self, arguments: &Value) -> Result<(), Breach> {
        self.input.check(arguments)
    }

    /// The arguments have been checked.
    pub async fn call(&self, call: Call, arguments: Value) -> Result<Value, Failure> {
        (self.handler)(call, arguments).await
    }
}

/// Arguments of a tool that takes none.
#[derive(serde::Deserialize, JsonSchema)]
pub(crate) struct NoArguments {}

/// `2026-12-31` (RFC 3339 §5.6 `full-date`).
fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The tools of these sets, in order.
pub(crate) fn of_sets(names: &[String]) -> anyhow::Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for name in names {
        let known = || SETS.iter().map(|set| set.name).collect::<Vec<_>>().join(", ");
        let set = find(name).with_context(|| format!("there is no tool set {name:?}; there are {}", known()))?;
        tools.extend((set.tools)()?);
    }
    Ok(tools)
}

/// What a server is called that offers these sets.
pub(crate) fn title(names: &[String]) -> String {
    let titles: Vec<_> = names.iter().filter_map(|name| find(name)).map(|set| set.title).collect();
    if titles.is_empty() { "MCP server".to_owned() } else { titles.join(", ") }
}

fn find(name: &str) -> Option<&'static Set> {
    SETS.iter().find(|set| set.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_tool_has_its_own_name_and_closed_schemas() {
        let names: Vec<_> = SETS.iter().map(|set| set.name.to_owned()).collect();
        let tools = of_sets(&names).unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name).collect::<BTreeSet<_>>().len(), tools.len());
        for tool in tools {
            for schema in [&tool.input, &tool.output] {
                assert_eq!(schema.json["additionalProperties"], false, "{}", tool.name);
            }
        }
    }
}
