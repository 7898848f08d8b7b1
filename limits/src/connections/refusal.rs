//! Requests that are refused before anybody looks at them (RFC 9112 §3.2), and the answers to them.
use axum::{
    body::Body,
    http::{HeaderValue, Request, Response, StatusCode, Version, header, uri::Authority},
};

/// The rule that a request breaks about its `Host` header: exactly one, and well-formed (RFC 9112 §3.2).
pub(super) fn malformed<B>(request: &Request<B>) -> Option<&'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (None, _) => Some("the Host header is missing"),
        (Some(_), Some(_)) => Some("the Host header may be sent once only"),
        (Some(host), None) => (!is_host(host)).then_some("the Host header is malformed"),
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    value.is_empty() || (!value.iter().any(|byte| b"@,".contains(byte)) && Authority::try_from(value).is_ok())
}

/// Refuses a malformed request, and ends its connection.
pub(super) fn refusal(rule: &str) -> Response<Body> {
    let body = format!(r#"{{"error":"invalid_request","error_description":"{rule} (RFC 9112 section 3.2)"}}"#);
    let mut response = error(StatusCode::BAD_REQUEST, body);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Refuses one client of a proxy that has its share of answers under way. The connection is the proxy's, and stays
/// open.
pub(super) fn share_is_taken() -> Response<Body> {
    let text = "too many answers to this address are under way; try again when one has ended";
    let body = format!(r#"{{"error":"temporarily_unavailable","error_description":"{text}"}}"#);
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, body);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn error(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
