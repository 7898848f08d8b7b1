//! Reads one MCP message off the wire, and checks what its headers say about it (Streamable HTTP, 2026-07-28).
use crate::challenge::Refusal;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::borrow::Cow;

pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(crate) const NAME: HeaderName = HeaderName::from_static("mcp-name");
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The revision in which every request stands alone.
pub(crate) const MODERN: &str = "2026-07-28";
/// Revisions that open with `initialize`, oldest first.
pub(crate) const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
pub(crate) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;

/// A JSON-RPC request, notification or response.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub body: Value,
    /// Of the 2026-07-28 revision; else it is of those that open with `initialize`.
    pub modern: bool,
}

impl Message {
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| malformed(&Value::Null, PARSE_ERROR, "Parse error: the body is not JSON"))?;
        let id = well_formed_id(&body)?;
        let version = protocol_version(headers, &id)?;
        let mut message = Self { body, modern: false };
        message.modern = version == Some(MODERN)
            || message.meta(META_VERSION) == Some(&Value::from(MODERN))
            || message.method() == "server/discover";
        if message.modern {
            message.check_modern(headers, version)?;
        }
        message.check_call()?;
        Ok(message)
    }

    /// Empty for responses.
    pub fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &Value {
        &self.body["id"]
    }

    pub fn is_request(&self) -> bool {
        self.body.get("id").is_some() && self.body.get("method").is_some()
    }

    /// The tool a `tools/call` names.
    pub fn tool(&self) -> Option<&str> {
        self.body["params"]["name"].as_str().filter(|_| self.method() == "tools/call")
    }

    /// What it is called with; nothing, if it says nothing.
    pub fn arguments(&self) -> Cow<'_, Value> {
        let arguments = self.body["params"].get("arguments").map(Cow::Borrowed);
        arguments.unwrap_or_else(|| Cow::Owned(json!({})))
    }

    fn meta(&self, member: &str) -> Option<&Value> {
        self.body.get("params")?.get("_meta")?.get(member)
    }

    fn check_modern(&self, headers: &HeaderMap, version: Option<&str>) -> Result<(), Refusal> {
        let id = self.id();
        if self.method() == "initialize" {
            let data = json!({"supported": supported()});
            let text = "Method not found: this revision has no initialize";
            return Err(Refusal::json_rpc(StatusCode::NOT_FOUND, id, METHOD_NOT_FOUND, text, Some(data)));
        }
        let Some(version) = version else {
            return Err(malformed(id, HEADER_MISMATCH, "Header mismatch: MCP-Protocol-Version is missing"));
        };
        if self.is_request() {
            self.check_meta(version)?;
        }
        if self.body.get("method").is_some() && single(headers, &METHOD) != Ok(Some(self.method())) {
            return Err(malformed(id, HEADER_MISMATCH, "Header mismatch: Mcp-Method must repeat the method"));
        }
        let Some(member) = named_by(self.method()) else { return Ok(()) };
        let in_header = single(headers, &NAME).ok().flatten().and_then(decoded);
        if in_header.is_none() || in_header.as_deref() != self.body["params"][member].as_str() {
            return Err(malformed(id, HEADER_MISMATCH, "Header mismatch: Mcp-Name must repeat the name or uri"));
        }
        Ok(())
    }

    fn check_meta(&self, version: &str) -> Result<(), Refusal> {
        let (in_meta, capabilities) = (self.meta(META_VERSION), self.meta(META_CAPABILITIES));
        if !in_meta.is_some_and(Value::is_string) || !capabilities.is_some_and(Value::is_object) {
            let text = "Invalid params: _meta must have protocolVersion and clientCapabilities";
            return Err(malformed(self.id(), INVALID_PARAMS, text));
        }
        if in_meta.and_then(Value::as_str) != Some(version) {
            let text = "Header mismatch: MCP-Protocol-Version must equal protocolVersion in _meta";
            return Err(malformed(self.id(), HEADER_MISMATCH, text));
        }
        Ok(())
    }

    /// A tool call must name its tool, since that decides which scopes it needs.
    fn check_call(&self) -> Result<(), Refusal> {
        let arguments = self.body["params"].get("arguments");
        let well_formed = self.tool().is_some() && arguments.is_none_or(Value::is_object);
        if self.method() != "tools/call" || well_formed {
            return Ok(());
        }
        let status = if self.modern { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let text = "Invalid params: tools/call needs a name, and arguments must be an object";
        Err(Refusal::json_rpc(status, self.id(), INVALID_PARAMS, text, None))
    }
}

/// Does the request come from a client that knows no sessions and no GET?
pub(crate) fn speaks_modern(headers: &HeaderMap) -> bool {
    single(headers, &PROTOCOL_VERSION) == Ok(Some(MODERN))
}

/// JSON-RPC 2.0 §4 and §5: the id, or null for messages without.
fn well_formed_id(body: &Value) -> Result<Value, Refusal> {
    if body.is_array() {
        let text = "Invalid Request: batches are not supported";
        return Err(malformed(&Value::Null, INVALID_REQUEST, text));
    }
    let id = body.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64());
    let named = body.get("method").is_none_or(Value::is_string);
    let is_something = ["method", "result", "error"].iter().any(|member| body.get(member).is_some());
    let identified = id.is_some() || body.get("id").is_none() || body.get("error").is_some();
    if body["jsonrpc"] != "2.0" || !named || !is_something || !identified {
        let text = "Invalid Request: the body is not a JSON-RPC 2.0 message";
        return Err(malformed(id.unwrap_or(&Value::Null), INVALID_REQUEST, text));
    }
    if body.get("params").is_some_and(|params| !params.is_object()) {
        let text = "Invalid Request: params must be an object";
        return Err(malformed(id.unwrap_or(&Value::Null), INVALID_REQUEST, text));
    }
    Ok(id.cloned().unwrap_or_default())
}

/// The version the header names, if it is one we know.
fn protocol_version<'a>(headers: &'a HeaderMap, id: &Value) -> Result<Option<&'a str>, Refusal> {
    let Ok(version) = single(headers, &PROTOCOL_VERSION) else {
        let text = "Header mismatch: MCP-Protocol-Version must occur once, in visible ASCII";
        return Err(malformed(id, HEADER_MISMATCH, text));
    };
    let unknown = version.filter(|version| *version != MODERN && !LEGACY.contains(version));
    let Some(requested) = unknown else { return Ok(version) };
    let data = json!({"supported": supported(), "requested": requested});
    let text = "Unsupported protocol version";
    Err(Refusal::json_rpc(StatusCode::BAD_REQUEST, id, UNSUPPORTED_VERSION, text, Some(data)))
}

fn supported() -> Vec<&'static str> {
    LEGACY.into_iter().chain([MODERN]).collect()
}

/// Which member of `params` the `Mcp-Name` header repeats.
pub(crate) fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        _ => None,
    }
}

/// `=?base64?…?=` carries what a header cannot.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(Base64::decode_vec(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// The header's only value; `Err` when it is repeated or not text.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

fn malformed(id: &Value, code: i64, text: &'static str) -> Refusal {
    Refusal::json_rpc(StatusCode::BAD_REQUEST, id, code, text, None)
}
