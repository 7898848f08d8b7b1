//! Responses: which are accepted, and why others are refused.
use hyper::{HeaderMap, StatusCode, header, http::response::Parts};

/// Bytes of a response body. The draft recommends 5 KB for metadata documents (§6.6).
pub const MAX_BODY: usize = 16 * 1024;
/// Bytes of a picture.
pub const MAX_IMAGE: usize = 256 * 1024;
/// Bytes of all response headers.
pub(super) const MAX_HEADERS: usize = 16 * 1024;

/// A response with status 200.
#[derive(Debug)]
pub struct FetchedContent {
    pub body: Vec<u8>,
    /// Seconds for which it may be cached (RFC 9111 §5.2.2); 0 if the response does not say.
    pub max_age: u64,
}

/// Only the log shows the variants: a stranger could use the difference to explore this server's network.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// No proper response; trying later may help.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A response with the wrong content.
    #[error("unacceptable: {0}")]
    Unacceptable(&'static str),
}

/// The accepted responses: their media types and the size of their body.
pub(super) struct ContentRule {
    pub accept: &'static str,
    pub is_type: fn(&str) -> bool,
    pub max_body: usize,
}

pub(super) const JSON: ContentRule = ContentRule {
    accept: "application/json",
    is_type: |essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    },
    max_body: MAX_BODY,
};

pub(super) const IMAGE: ContentRule = ContentRule {
    accept: "image/png, image/jpeg, image/webp, image/gif",
    is_type: |essence| essence.starts_with("image/") || essence == "application/octet-stream",
    max_body: MAX_IMAGE,
};

pub(super) fn check(Parts { status, headers, .. }: &Parts, wanted: &ContentRule) -> Result<(), FetchError> {
    let unacceptable = |rule| Err(FetchError::Unacceptable(rule));
    if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
        return Err(FetchError::Unavailable(format!("status {status}")));
    }
    if *status != StatusCode::OK {
        return unacceptable("the status is not 200");
    }
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MAX_HEADERS {
        return unacceptable("the headers are too large");
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !(wanted.is_type)(&essence) {
        return unacceptable("the content type is not what was asked for");
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return unacceptable("the content is encoded, which was not asked for");
    }
    Ok(())
}

/// Seconds for which a response may be cached (RFC 9111 §5.2.2); 0 if it does not say.
pub(super) fn max_age(headers: &HeaderMap) -> u64 {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let said = values.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    let said: Vec<_> = said.collect();
    if said.iter().any(|directive| matches!(&**directive, "no-store" | "no-cache")) {
        return 0;
    }
    let age = said.iter().find_map(|directive| directive.strip_prefix("max-age="));
    age.and_then(|age| age.trim_matches('"').parse().ok()).unwrap_or(0)
}
