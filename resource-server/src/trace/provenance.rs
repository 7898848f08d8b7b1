//! The source and the transport of a request, as records and audit events name them.
use axum::http::{Extensions, HeaderMap, header, request::Parts};
use keyward_guard::{source, transport::Transport, wire};
use serde_json::{Value, json};

/// Characters of names that clients choose.
const LONGEST_NAME: usize = 100;

/// The transport of a request.
pub(super) fn transport(extensions: &Extensions) -> &'static str {
    extensions.get::<Transport>().copied().unwrap_or_default().as_str()
}

/// The source of a request, in the form of audit events.
pub(crate) fn client_info(parts: &Parts, surface: &str) -> Value {
    json!({
        "ip_address": source_ip(&parts.extensions),
        "user_agent": user_agent(&parts.headers),
        "transport": transport(&parts.extensions),
        "surface": surface,
    })
}

pub(super) fn source_ip(extensions: &Extensions) -> Option<String> {
    source::address(extensions).map(|address| address.to_string())
}

pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    wire::single(headers, &header::USER_AGENT).ok().flatten().map(short)
}

/// Cuts a name that a client chose.
pub(super) fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}
