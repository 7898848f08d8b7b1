//! A surface: one way to be protected, the tools behind it, and where it is found.
use crate::{accounts::Accounts, allowance::RequestRates, arguments::Rules, store::Store, tools::Tool, trace::Records};
use keyward_guard::{caller::Caller, clock::Clock, scopes::Policy};
use serde_json::Value;
use std::{path::Path, sync::Arc, time::Duration};

pub(crate) struct Surface {
    pub id: Arc<str>,
    /// The kind of credential.
    pub kind: &'static str,
    /// What to send, for people.
    pub shown: &'static str,
    pub title: String,
    pub tools: Vec<Tool>,
    /// The tools are those of an MCP server behind, which judges arguments after our rules.
    pub forwards: bool,
    /// Which scopes the tools need.
    pub policy: Arc<Policy>,
    pub rules: Arc<Rules>,
    /// How often each caller may ask; without, as often as they like.
    pub allowance: Option<Arc<RequestRates>>,
    /// Where it is found, first by Streamable HTTP, then by the transport it replaced.
    pub urls: [Option<String>; 2],
    pub records: Arc<Records>,
    pub store: Store,
    /// People who log in here.
    pub accounts: Option<Arc<Accounts>>,
    /// What tools do not know they may make up.
    pub demo: bool,
    /// Answers SQL queries.
    pub queries: Option<Arc<Path>>,
    /// For how long a stream may be silent.
    pub heartbeat: Duration,
    pub clock: Clock,
}

impl Surface {
    /// For programs that look around.
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

/// Calling each tool needs its scope. What is unknown is for the server to refuse: no scope would help.
pub(crate) fn policy(tools: &[Tool]) -> Policy {
    let mut policy = Policy::default();
    for tool in tools {
        policy.tool(tool.name, tool.scope.unwrap_or_default());
    }
    policy.other_tools("");
    policy
}
