//! Helpers for the responses of several endpoints: accepted media types, new session ids, internal errors.
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use keyward_guard::challenge::{Refusal, RequestId};

/// Media ranges of `Accept` that are not excluded by a weight of zero (RFC 9110 §12.5.1).
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next()?.to_ascii_lowercase();
        let excluded = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
        };
        (!parts.any(excluded)).then_some(essence)
    })
}

/// 128 random bits, in hexadecimal.
pub(crate) fn session_id() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    HeaderValue::from_str(&format!("{:032x}", u128::from_be_bytes(bytes))).ok()
}

pub(crate) fn server_error(id: &RequestId) -> Response {
    Refusal::server_error().into_response(id)
}
