//! Descriptions of a surface's routes.
use crate::{metadata, page, surface::Surface, tools::Tool};
use axum::{body::Bytes, http::header, routing::get};
use keyward_guard::{caller::NO_SCHEME, gate::Gates};
use keyward_shared::api::{self, DescribedPath, Operation, Routes};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use url::Url;

const MESSAGE: &str = "Message";
const TITLE: &str = "Keyward resource server";
const DESCRIPTION: &str = "MCP servers, each behind a guard. What their tools take is shown under “What is sent”.";

/// Facts about an address that are only known once its surfaces are built.
pub(super) struct About<'a> {
    pub origin: &'a Url,
    pub surfaces: &'a [Arc<Surface>],
    /// Security schemes by name.
    pub security: Vec<(String, Value)>,
}

/// Adds the description to the routes. If a surface uses the same path, the surface takes precedence.
pub(super) fn with_description(open: Routes, others: &[DescribedPath], about: &About) -> Routes {
    let is_free = |(path, _): &DescribedPath| others.iter().all(|(taken, _)| taken != path);
    let own: Vec<_> = api::own("").into_iter().filter(is_free).collect();
    let operator = ("operator".to_owned(), json!({"type": "http", "scheme": "bearer"}));
    let told = api::ApiInfo {
        title: TITLE,
        description: DESCRIPTION,
        origin: &about.origin.origin().ascii_serialization(),
        schemas: schemas(about.surfaces),
        security_schemes: about.security.iter().cloned().chain([operator]).collect(),
        error: &[
            ("error", true, "What kind of failure; stable."),
            ("error_description", true, "The rule that was broken, for developers."),
            ("detail", true, "The same."),
            ("request_id", true, "What the log knows the request by."),
        ],
    };
    let document = api::document(&told, others.iter().chain(open.described()).chain(&own));
    let (json, page) = (Bytes::from(document.to_string()), page::of(TITLE, &api::content(&document)));
    own.into_iter().fold(open, |routes, (path, operations)| {
        let (json, page) = (json.clone(), page.clone());
        if path == api::DOCUMENT {
            let methods = get(async move || ([(header::CONTENT_TYPE, "application/json")], json));
            return routes.merge(metadata::readable(Routes::new().route(&path, methods, operations)));
        }
        routes.route(&path, get(async move || page::response(page)), operations)
    })
}

/// The operations of a Streamable HTTP path.
pub(super) fn http(surface: &Surface, gates: &Gates) -> Vec<Operation> {
    let schemas = [MESSAGE.to_owned()].into_iter().chain(surface.tools.iter().map(|tool| name(surface, tool)));
    let any: Vec<_> = schemas.map(|name| json!({"$ref": format!("#/components/schemas/{name}")})).collect();
    let message = Operation::post("A message of MCP").takes("application/json", &json!({"anyOf": any})).headers(&[
        ("MCP-Protocol-Version", false, "Of later messages: the revision that was agreed upon."),
        ("Mcp-Session-Id", false, "Of a session of an earlier revision."),
    ]);
    let message = message
        .gives(200, "The answer, in JSON or as a stream of one event", "application/json", &json!({"type": "object"}))
        .answers(202, "A notification was taken");
    let session = [("Mcp-Session-Id", true, "Of a session of an earlier revision.")];
    let stream = Operation::get("The stream of a session").headers(&session);
    let stream = stream.gives(200, "Events", "text/event-stream", &json!({"type": "string"}));
    let end = Operation::delete("Ends a session").headers(&session).answers(204, "It has ended");
    [message, stream, end].map(|operation| of(surface, gates, operation)).into()
}

/// The operations of a stream's path.
pub(super) fn stream(surface: &Surface, gates: &Gates) -> Vec<Operation> {
    let stream = Operation::get("A stream, whose first event says where messages go (HTTP with SSE, deprecated)");
    vec![of(surface, gates, stream.gives(200, "Events", "text/event-stream", &json!({"type": "string"})))]
}

/// The operations of a path for messages.
pub(super) fn messages(surface: &Surface, gates: &Gates) -> Vec<Operation> {
    let message = Operation::post("A message of MCP, whose answer comes by the stream");
    let message = message.takes("application/json", &json!({"$ref": format!("#/components/schemas/{MESSAGE}")}));
    let message = message.query(&[("session_id", true, "As the stream said.")]).answers(202, "It was taken");
    vec![of(surface, gates, message)]
}

/// The security schemes, each of which is sufficient; none if anybody may call.
pub(super) fn security(gates: &Gates) -> Vec<(String, Value)> {
    let Some((_, gate)) = gates.0.first() else { return Vec::new() };
    let (headers, scheme) = (gate.credential.headers(), gate.credential.scheme());
    match gate.credential.metadata().and_then(|document| document.authorization_servers.into_iter().next()) {
        Some(issuer) => {
            let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            vec![("oauth".to_owned(), json!({"type": "openIdConnect", "openIdConnectUrl": place}))]
        }
        None if !headers.is_empty() => {
            let one = |name: &&str| ((*name).to_owned(), json!({"type": "apiKey", "in": "header", "name": name}));
            headers.iter().map(one).collect()
        }
        None if scheme == NO_SCHEME => Vec::new(),
        None => {
            let name = scheme.to_ascii_lowercase();
            vec![(name.clone(), json!({"type": "http", "scheme": name}))]
        }
    }
}

fn of(surface: &Surface, gates: &Gates, operation: Operation) -> Operation {
    let security = security(gates);
    let names: Vec<_> = security.iter().map(|(name, _)| name.as_str()).collect();
    let operation = operation.tag(&format!("{}: {}", surface.id, surface.title)).description(surface.shown);
    operation.secured(if names.is_empty() { &[""] } else { &names })
}

/// Schemas of tool calls, the same ones that arguments are checked with.
fn schemas(surfaces: &[Arc<Surface>]) -> Map<String, Value> {
    let message = json!({
        "type": "object",
        "description": "JSON-RPC 2.0; more of it in the specification of MCP",
        "required": ["jsonrpc"],
        "properties": {
            "jsonrpc": {"const": "2.0"}, "id": {"type": ["string", "integer"]},
            "method": {"type": "string"}, "params": {"type": "object"},
        },
    });
    let calls =
        surfaces.iter().flat_map(|surface| surface.tools.iter().map(move |tool| (name(surface, tool), call(tool))));
    std::iter::once((MESSAGE.to_owned(), message)).chain(calls).collect()
}

fn name(surface: &Surface, tool: &Tool) -> String {
    format!("{}.{}", surface.id, tool.name)
}

fn call(tool: &Tool) -> Value {
    let params = json!({
        "type": "object", "required": ["name"],
        "properties": {"name": {"const": tool.name}, "arguments": tool.input.json},
    });
    json!({
        "type": "object", "description": tool.description, "required": ["jsonrpc", "id", "method", "params"],
        "properties": {
            "jsonrpc": {"const": "2.0"}, "id": {"type": ["string", "integer"]},
            "method": {"const": "tools/call"}, "params": params,
        },
    })
}
