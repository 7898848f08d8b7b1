//! What goes on to the server: the very bytes that were judged, and headers that say about them what was judged.
use crate::{
    challenge::Refusal,
    error_code::ErrorCode,
    json,
    wire::{self, Message},
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};
use std::borrow::Cow;

/// Of a tool's arguments, in headers (Streamable HTTP, 2026-07-28).
const PARAMETER: &str = "mcp-param-";
const MOST_PARAMETERS: usize = 32;
/// Of the arguments, that are compared with those headers.
const MOST_LEAVES: usize = 10_000;
const UTF_8: [&str; 3] = ["", "charset=utf-8", "charset=\"utf-8\""];

/// RFC 8259 §8.1: JSON is UTF-8, and only what is sent as it is can be judged as it is.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = wire::single(headers, &header::CONTENT_TYPE).ok().flatten().unwrap_or_default().to_ascii_lowercase();
    let (essence, parameter) = value.split_once(';').unwrap_or((&value, ""));
    let encoding = wire::single(headers, &header::CONTENT_ENCODING).map(|encoding| encoding.unwrap_or("identity"));
    let is_plain = encoding.is_ok_and(|encoding| encoding.trim().eq_ignore_ascii_case("identity"));
    if essence.trim() == "application/json" && UTF_8.contains(&parameter.trim()) && is_plain {
        return Ok(());
    }
    let text = "the Content-Type must be application/json in UTF-8, without a Content-Encoding";
    let refusal = Refusal::new(ErrorCode::UnsupportedMediaType, text);
    Err(refusal.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// A message that was judged.
pub(super) fn message(mut parts: Parts, message: Message, session: Option<&str>, parameters: HeaderMap) -> Request {
    let body = message.body.clone();
    let mut judged = about_session(&parts.headers, session);
    if message.modern {
        let name = message.named();
        let both = [(wire::METHOD, Some(message.method())), (wire::NAME, name.as_deref())];
        judged.extend(both.into_iter().filter_map(|(name, text)| Some((name, wire::encoded(text?)))));
        judged.extend(parameters);
    }
    judged.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    judged.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    describe(&mut parts.headers, judged);
    parts.headers.remove(wire::LAST_EVENT_ID);
    parts.extensions.insert(message);
    Request::from_parts(parts, Body::from(body))
}

/// A request without a message, and so without a body.
pub(super) fn bare(mut parts: Parts, session: Option<&str>) -> Request {
    let judged = about_session(&parts.headers, session);
    describe(&mut parts.headers, judged);
    Request::from_parts(parts, Body::empty())
}

/// Nothing that clients say of the message or its body stays.
fn describe(headers: &mut HeaderMap, judged: HeaderMap) {
    let is_about = |name: &&HeaderName| {
        // Some servers take `_` for `-`.
        let name = name.as_str().replace('_', "-");
        name.starts_with("mcp-") || name.starts_with("content-") || ["transfer-encoding", "trailer"].contains(&&*name)
    };
    let said: Vec<_> = headers.keys().filter(is_about).cloned().collect();
    for name in said {
        headers.remove(name);
    }
    headers.extend(judged);
}

fn about_session(headers: &HeaderMap, session: Option<&str>) -> HeaderMap {
    let version = wire::single(headers, &wire::PROTOCOL_VERSION).ok().flatten();
    let both = [(wire::PROTOCOL_VERSION, version.filter(|version| wire::knows(version))), (wire::SESSION_ID, session)];
    both.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::from_str(text?).ok()?))).collect()
}

/// What a header of `Mcp-Param-*` says, and what the arguments say of that.
struct Parameter {
    header: HeaderName,
    /// The argument's name, as far as a header can spell it.
    name: String,
    said: Option<String>,
    /// The argument of that name is the same.
    of_name: Option<bool>,
    of_value: bool,
}

impl Parameter {
    fn new(headers: &HeaderMap, header: &HeaderName) -> Self {
        let said = wire::single(headers, header).ok().flatten().and_then(wire::decoded);
        let name = plain(&header.as_str()[PARAMETER.len()..]);
        Self { header: header.clone(), name, said, of_name: None, of_value: false }
    }

    fn compare(&mut self, name: &str, text: &str) {
        let same = self.said.as_deref() == Some(text);
        if name.eq_ignore_ascii_case(&self.name) {
            self.of_name = self.of_name.filter(|same| *same).or(Some(same));
        }
        self.of_value |= same;
    }

    /// What it said, which is what an argument says.
    fn value(self) -> Option<(HeaderName, HeaderValue)> {
        let said = self.said.filter(|_| self.of_value && self.of_name != Some(false))?;
        Some((self.header, wire::encoded(&said)))
    }
}

fn plain(name: &str) -> String {
    name.replace(['-', '_'], "")
}

/// `Mcp-Param-*`, each from the argument that it repeats: the one of its name, or else any with its value.
pub(super) fn parameters(headers: &HeaderMap, message: &Message) -> Result<HeaderMap, Refusal> {
    let mismatch = || wire::mismatch(message.id(), "Header mismatch: Mcp-Param must repeat an argument");
    let names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(PARAMETER)).collect();
    if names.is_empty() {
        return Ok(HeaderMap::new());
    }
    if names.len() > MOST_PARAMETERS {
        return Err(mismatch());
    }
    let mut parameters: Vec<_> = names.into_iter().map(|name| Parameter::new(headers, name)).collect();
    for (at, (name, part)) in json::leaves(message.arguments()).enumerate() {
        if at == MOST_LEAVES {
            let text = "Header mismatch: there are too many arguments to compare Mcp-Param with";
            return Err(wire::mismatch(message.id(), text));
        }
        let (name, text) = (plain(&name), json::text(part).unwrap_or(Cow::Borrowed(part)));
        for parameter in &mut parameters {
            parameter.compare(&name, &text);
        }
    }
    parameters.into_iter().map(|parameter| parameter.value().ok_or_else(mismatch)).collect()
}
