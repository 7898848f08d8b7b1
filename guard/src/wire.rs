//! Reads one MCP message off the wire, and checks what its headers say about it (Streamable HTTP, 2026-07-28).
mod envelope;

pub use envelope::read_id;

use crate::{
    challenge::Refusal,
    json::{self, is_object},
    names::{self, alike},
    rpc_code::RpcCode,
};
use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};
use base64ct::{Base64, Encoding};
use envelope::Envelope;
use serde_json::{Value, json};
use std::borrow::Cow;

pub const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The revision in which every request stands alone.
pub const MODERN: &str = "2026-07-28";
/// Revisions that open with `initialize`, oldest first.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Methods of earlier revisions that clients of those may still send.
const GONE: [(&str, &str); 2] = [
    ("initialize", "Method not found: this revision has no initialize"),
    ("ping", "Method not found: this revision has no ping"),
];
const VERSIONS_DIFFER: &str = "Header mismatch: MCP-Protocol-Version must equal protocolVersion in _meta";

/// Members of `params` that are judged here, so that nothing beside them may be taken for them.
const JUDGED: [&str; 4] = ["name", "uri", "arguments", "_meta"];
const JUDGED_META: [&str; 2] = [META_VERSION, META_CAPABILITIES];

/// A JSON-RPC request, notification or response, as it was sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub body: Bytes,
    /// Of the 2026-07-28 revision; else it is of those that open with `initialize`.
    pub modern: bool,
    /// Null for notifications.
    id: Value,
    /// Empty for responses.
    method: String,
    /// Empty if there are none.
    params: Bytes,
    /// Those of its members that are judged.
    judged: Vec<(&'static str, Bytes)>,
    tool: Option<String>,
}

impl Message {
    pub fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let envelope = Envelope::read(&body)?;
        let version = protocol_version(headers, &envelope.id)?;
        let params = envelope.params.map_or_else(Bytes::new, |params| body.slice_ref(params.as_bytes()));
        let (id, method) = (envelope.id, envelope.method.into_owned());
        let mut message = Self { body, modern: false, id, method, params, judged: Vec::new(), tool: None };
        message.judged = message.check_names()?;
        message.modern = version == Some(MODERN)
            || message.meta(META_VERSION).and_then(json::text).as_deref() == Some(MODERN)
            || message.method == "server/discover";
        if message.modern {
            message.check_modern(headers, version)?;
        }
        if alike(&message.method, "tools/call") {
            message.tool = Some(message.called()?);
        }
        Ok(message)
    }

    /// Empty for responses.
    pub fn method(&self) -> &str {
        &self.method
    }

    pub fn id(&self) -> &Value {
        &self.id
    }

    pub fn is_request(&self) -> bool {
        !self.id.is_null() && !self.is_response()
    }

    pub fn is_response(&self) -> bool {
        self.method.is_empty()
    }

    /// The tool a `tools/call` names.
    pub fn tool(&self) -> Option<&str> {
        self.tool.as_deref()
    }

    /// What it is called with, as it is written; nothing, if it says nothing.
    pub fn arguments(&self) -> &str {
        self.param("arguments").unwrap_or("{}")
    }

    /// A member of `params`, as it is written.
    pub fn param(&self, name: &str) -> Option<&str> {
        let judged = self.judged.iter().find(|(own, _)| *own == name).map(|(_, part)| written(part));
        if JUDGED.contains(&name) { judged } else { json::member(written(&self.params), name) }
    }

    fn meta(&self, name: &str) -> Option<&str> {
        json::member(self.param("_meta")?, name)
    }

    /// What the `Mcp-Name` header repeats.
    pub fn named(&self) -> Option<Cow<'_, str>> {
        self.param(named_by(&self.method)?).and_then(json::text)
    }

    /// Refuses names that a reader may take for those that are judged, which it gives.
    fn check_names(&self) -> Result<Vec<(&'static str, Bytes)>, Refusal> {
        let text = "Invalid Request: a member's name is almost that of another, has control characters, or is longer \
            than 1024 bytes";
        let odd = || Refusal::malformed(&self.id, RpcCode::InvalidRequest, text);
        let known: Vec<_> = JUDGED.into_iter().chain(named_by(&self.method)).collect();
        let mut judged = Vec::new();
        for (name, part) in json::parts(written(&self.params)) {
            let own = taken_for(&name, &known).map_err(|OddName| odd())?;
            judged.extend(own.map(|own| (own, self.params.slice_ref(part.as_bytes()))));
        }
        for (of, names) in [("_meta", &JUDGED_META[..]), ("arguments", &[])] {
            let object = judged.iter().find(|(own, _)| *own == of).map_or("", |(_, part)| written(part));
            json::parts(object).try_for_each(|(name, _)| taken_for(&name, names).map(drop)).map_err(|OddName| odd())?;
        }
        Ok(judged)
    }

    fn check_modern(&self, headers: &HeaderMap, version: Option<&str>) -> Result<(), Refusal> {
        let id = self.id();
        if let Some((_, text)) = GONE.iter().find(|(method, _)| *method == self.method()) {
            let data = json!({"supported": supported()});
            return Err(Refusal::json_rpc(StatusCode::NOT_FOUND, id, RpcCode::MethodNotFound, text, Some(data)));
        }
        let Some(version) = version else {
            return Err(mismatch(id, "Header mismatch: MCP-Protocol-Version is missing"));
        };
        if self.is_request() {
            self.check_meta(version)?;
        } else if self.meta(META_VERSION).and_then(json::text).is_some_and(|in_meta| in_meta != version) {
            return Err(mismatch(id, VERSIONS_DIFFER));
        }
        if !self.is_response() && single(headers, &METHOD) != Ok(Some(self.method())) {
            return Err(mismatch(id, "Header mismatch: Mcp-Method must repeat the method"));
        }
        if named_by(self.method()).is_none() {
            return Ok(());
        }
        let said = single(headers, &NAME);
        let may_be_silent =
            said == Ok(None) && !["tools/call", "prompts/get", "resources/read"].contains(&self.method());
        let said = said.ok().flatten().and_then(decoded);
        if may_be_silent || (said.is_some() && said.as_deref() == self.named().as_deref()) {
            return Ok(());
        }
        Err(mismatch(id, "Header mismatch: Mcp-Name must repeat what the message names"))
    }

    fn check_meta(&self, version: &str) -> Result<(), Refusal> {
        let in_meta = self.meta(META_VERSION).and_then(json::text);
        if in_meta.is_none() || !self.meta(META_CAPABILITIES).is_some_and(is_object) {
            let text = "Invalid params: _meta must have protocolVersion and clientCapabilities";
            return Err(Refusal::malformed(self.id(), RpcCode::InvalidParams, text));
        }
        if in_meta.as_deref() != Some(version) {
            return Err(mismatch(self.id(), VERSIONS_DIFFER));
        }
        Ok(())
    }

    /// A tool call must name its tool, since that decides which scopes it needs.
    fn called(&self) -> Result<String, Refusal> {
        let name = self.param("name").and_then(json::text);
        let name = name.filter(|name| name.len() <= names::LONGEST && !name.chars().any(char::is_control));
        let name = name.filter(|_| is_object(self.arguments()));
        let status = if self.modern { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let text = "Invalid params: tools/call needs a name of 1024 bytes at most, and arguments must be an object";
        let refusal = || Refusal::json_rpc(status, self.id(), RpcCode::InvalidParams, text, None);
        name.map(Cow::into_owned).ok_or_else(refusal)
    }
}

/// No reader is to be led to what was not judged.
struct OddName;

/// Which of `known` it is. In JavaScript `__proto__` names where other members are looked for.
fn taken_for(name: &str, known: &[&'static str]) -> Result<Option<&'static str>, OddName> {
    let own = known.iter().find(|own| **own == name).copied();
    let is_odd = || {
        name == "__proto__"
            || name.len() > names::LONGEST
            || name.chars().any(char::is_control)
            || known.iter().any(|own| alike(own, name))
    };
    if own.is_none() && is_odd() { Err(OddName) } else { Ok(own) }
}

/// What was read from a text.
fn written(part: &Bytes) -> &str {
    str::from_utf8(part).unwrap_or_default()
}

/// Does the request come from a client that knows no sessions and no GET?
pub fn speaks_modern(headers: &HeaderMap) -> bool {
    single(headers, &PROTOCOL_VERSION) == Ok(Some(MODERN))
}

/// The version the header names, if it is one we know.
fn protocol_version<'a>(headers: &'a HeaderMap, id: &Value) -> Result<Option<&'a str>, Refusal> {
    let Ok(version) = single(headers, &PROTOCOL_VERSION) else {
        let text = "Header mismatch: MCP-Protocol-Version must occur once, in visible ASCII";
        return Err(mismatch(id, text));
    };
    let unknown = version.filter(|version| !knows(version));
    let Some(requested) = unknown else { return Ok(version) };
    let data = json!({"supported": supported(), "requested": requested});
    let text = "Unsupported protocol version";
    Err(Refusal::json_rpc(StatusCode::BAD_REQUEST, id, RpcCode::UnsupportedVersion, text, Some(data)))
}

pub fn knows(version: &str) -> bool {
    version == MODERN || LEGACY.contains(&version)
}

fn supported() -> Vec<&'static str> {
    LEGACY.into_iter().chain([MODERN]).collect()
}

/// Which member of `params` the `Mcp-Name` header repeats.
pub fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// `=?base64?…?=` carries what a header cannot.
pub fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(Base64::decode_vec(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// The other way.
pub fn encoded(text: &str) -> HeaderValue {
    let plain = !text.starts_with("=?") && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    let plain = HeaderValue::from_str(text).ok().filter(|_| plain);
    let in_base64 = || HeaderValue::from_str(&format!("=?base64?{}?=", Base64::encode_string(text.as_bytes())));
    plain.or_else(|| in_base64().ok()).unwrap_or(HeaderValue::from_static(""))
}

/// A header that is repeated, or is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOneText;

/// The header's only value.
///
/// # Errors
/// It is repeated, or not text.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, NotOneText> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| NotOneText),
        _ => Err(NotOneText),
    }
}

/// A header says another thing than the message.
pub fn mismatch(id: &Value, text: &'static str) -> Refusal {
    Refusal::malformed(id, RpcCode::HeaderMismatch, text)
}
