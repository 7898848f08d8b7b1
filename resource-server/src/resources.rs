//! The MCP resources of a surface.
use crate::{
    accounts,
    surface::Surface,
    tools::{Call, Failure, session},
};
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;

/// JSON with its own URI.
pub(crate) struct Resource {
    pub uri: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    /// The kind of surface that has it; `None` for all.
    pub kind: Option<&'static str>,
    pub read: fn(Arc<Surface>, Call) -> BoxFuture<'static, Result<Value, Failure>>,
}

const RESOURCES: &[Resource] = &[
    Resource {
        uri: "surface://self",
        name: "self",
        title: "This surface",
        description: "How this surface is protected and found, and who you are to it.",
        kind: None,
        read: |surface, call| ready(Ok(this_surface(&surface, &call))).boxed(),
    },
    Resource {
        uri: "policy://tools",
        name: "tools",
        title: "What each tool needs",
        description: "The scope that calling each tool needs, and the rules its arguments must keep.",
        kind: None,
        read: |surface, call| ready(Ok(tool_policy(&surface, &call))).boxed(),
    },
    Resource {
        uri: "user://profile",
        name: "profile",
        title: "Your profile",
        description: "Who you are here, and what you may do. For whoever is logged in.",
        kind: Some(accounts::KIND),
        read: |_, call| session::own_profile(call).boxed(),
    },
    Resource {
        uri: "security://summary",
        name: "summary",
        title: "Security summary",
        description: "Logins, refusals and sessions of the last day. For the role admin.",
        kind: Some(accounts::KIND),
        read: |_, call| session::summary_of_a_day(call).boxed(),
    },
];

pub(crate) fn of(surface: &Surface) -> impl Iterator<Item = &'static Resource> + use<'_> {
    RESOURCES.iter().filter(|resource| resource.kind.is_none_or(|kind| kind == surface.kind))
}

fn this_surface(surface: &Surface, call: &Call) -> Value {
    json!({
        "id": &*surface.id,
        "kind": surface.kind,
        "title": surface.title,
        "streamable_http": surface.urls[0],
        "sse": surface.urls[1],
        "scheme": call.caller.scheme,
        "subject": call.caller.subject(),
        "scopes": call.caller.scopes,
        "in_session": call.connection.is_some(),
        "time": call.clock.now().format(&Rfc3339).unwrap_or_default(),
    })
}

fn tool_policy(surface: &Surface, call: &Call) -> Value {
    let tools = surface.tools.iter().map(|tool| {
        let allowed = surface.may_call(&call.caller, tool.name);
        json!({"tool": tool.name, "scope": tool.scope, "allowed": allowed, "rules": surface.rules.of(tool.name)})
    });
    json!({"tools": tools.collect::<Vec<_>>()})
}
