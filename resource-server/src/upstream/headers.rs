//! Headers that pass a guard. Only headers for MCP and tracing are forwarded to the server, so that no credential,
//! cookie or forged identity gets through under any name. In the response, all but headers about connection and
//! security are kept.
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use keyward_guard::{
    caller::{Caller, NO_SCHEME},
    challenge::{REQUEST_ID, RequestId},
    events::essence,
};
use std::fmt::Write;

const ONWARD: [&str; 9] = [
    "accept",
    "accept-language",
    "content-type",
    "last-event-id",
    "user-agent",
    "traceparent",
    "tracestate",
    "baggage",
    "x-request-id",
];
/// Headers of RFC 9110 §7.6.1, and headers that only the guard may set.
const NOT_BACK: [&str; 18] = [
    "authentication-info",
    "clear-site-data",
    "connection",
    "keep-alive",
    "nel",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "set-cookie",
    "alt-svc",
    "strict-transport-security",
];
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// The headers for the upstream server, with `X-Auth-*` from the caller's identity.
pub(super) fn onward(inbound: &HeaderMap, caller: &Caller, id: Option<&RequestId>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in inbound.iter().filter(|(name, _)| passes(name)) {
        headers.append(name, value.clone());
    }
    headers.entry(header::ACCEPT).or_insert(BOTH);
    // The guard has to read the response, so it must not be compressed.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id.0.clone());
    }
    // Without authentication nobody is identified.
    let known = (caller.scheme != NO_SCHEME).then(|| caller.subject());
    let access = caller.access.as_ref();
    let scope = caller.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| plain(scope)).collect::<Vec<_>>());
    let identity = [
        ("x-auth-subject", known.map(plain)),
        // Two issuers may have the same subject.
        ("x-auth-issuer", known.map(|_| plain(&caller.principal[0]))),
        ("x-auth-username", access.and_then(|access| access.username.as_deref()).map(plain)),
        ("x-auth-client-id", access.map(|access| plain(&access.client_id))),
        ("x-auth-scope", scope.map(|scopes| scopes.join(" "))),
    ];
    for (name, value) in identity {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// A server that treats `_` as `-` could read another header than the judged one.
fn passes(name: &HeaderName) -> bool {
    let name = name.as_str();
    (ONWARD.contains(&name) || name.starts_with("mcp-")) && !name.contains('_')
}

/// Escapes everything except visible ASCII, and also spaces and `%`, as `%` and two hexadecimal digits (RFC 3986 §2.1).
fn plain(text: &str) -> String {
    text.bytes().fold(String::new(), |mut plain, byte| {
        if byte.is_ascii_graphic() && byte != b'%' {
            plain.push(char::from(byte));
        } else {
            let _ = write!(plain, "%{byte:02X}");
        }
        plain
    })
}

/// Removes headers that are not for the client.
pub(super) fn back(headers: &mut HeaderMap) {
    let connection = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<_> = connection.flat_map(|value| value.split(',')).map(|name| name.trim().to_owned()).collect();
    for name in NOT_BACK.into_iter().chain(named.iter().map(String::as_str)) {
        headers.remove(name);
    }
    let cors: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in cors {
        headers.remove(name);
    }
    if essence(headers).as_deref() == Some("text/event-stream") {
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
}

/// Whether the body is not compressed.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    encodings.all(|encoding| encoding.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_can_carry_is_escaped_and_nothing_else() {
        assert_eq!(plain("https://app.example/client?a=b"), "https://app.example/client?a=b");
        assert_eq!(plain("ä b%\r\nx"), "%C3%A4%20b%25%0D%0Ax");
    }

    #[test]
    fn headers_that_the_connection_names_do_not_come_back() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "close, X-Hop"), ("x-hop", "1"), ("x-kept", "1"), ("set-cookie", "a=b")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        back(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}
