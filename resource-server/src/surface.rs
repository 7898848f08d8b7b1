//! A surface: one way to be protected, the tools behind it, and its URLs.
use crate::{accounts::Accounts, allowance::RequestRates, arguments::Rules, store::Store, tools::Tool, trace::Records};
use keyward_guard::{caller::Caller, clock::Clock, scopes::Policy};
use serde_json::Value;
use std::{path::Path, sync::Arc, time::Duration};

pub(crate) struct Surface {
    pub id: Arc<str>,
    /// The kind of credential.
    pub kind: &'static str,
    /// For people: the credential to send.
    pub shown: &'static str,
    pub title: String,
    pub tools: Vec<Tool>,
    /// Whether the tools are those of an upstream MCP server, which checks arguments after our rules.
    pub forwards: bool,
    /// The scopes that tools need.
    pub policy: Arc<Policy>,
    pub rules: Arc<Rules>,
    /// How often each caller may call; unlimited if `None`.
    pub allowance: Option<Arc<RequestRates>>,
    /// Its URLs: Streamable HTTP first, then the older transport.
    pub urls: [Option<String>; 2],
    pub records: Arc<Records>,
    pub store: Store,
    /// The surface's people, if they log in there.
    pub accounts: Option<Arc<Accounts>>,
    /// Whether tools may invent data that they do not have.
    pub demo: bool,
    /// The program that answers SQL queries.
    pub queries: Option<Arc<Path>>,
    /// How long a stream may be silent.
    pub heartbeat: Duration,
    pub clock: Clock,
}

impl Surface {
    /// The description for programs.
    pub fn described(&self) -> Value {
        let tools: Vec<_> =
            self.tools.iter().map(|tool| serde_json::json!({"name": tool.name, "scope": tool.scope})).collect();
        serde_json::json!({
            "id": &*self.id,
            "kind": self.kind,
            "title": self.title,
            "url": self.urls[0],
            "sse_url": self.urls[1],
            "credential": self.shown,
            "tools": tools,
        })
    }

    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    pub fn may_call(&self, caller: &Caller, tool: &str) -> bool {
        caller.may_call(&self.policy, tool)
    }
}

/// Each tool needs its scope. An unknown tool is left to the server, because no scope would help.
pub(crate) fn policy(tools: &[Tool]) -> Policy {
    let mut policy = Policy::default();
    for tool in tools {
        policy.tool(tool.name, tool.scope.unwrap_or_default());
    }
    policy.other_tools("");
    policy
}
