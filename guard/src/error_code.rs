//! The word that a refusal is told by, and the status that goes with it: OAuth's where it has one for this, else HTTP's
//! or MCP's.
use axum::http::StatusCode;
use keyward_oauth::error::ErrorCode as OAuth;
use serde::{Serialize, Serializer};
use std::fmt;

/// `error` as it is on the wire: RFC 6750 §3.1, RFC 9449 §7.1, RFC 9470 §3, and refusals of HTTP and MCP in the same
/// form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    BadGateway,
    ContentTooLarge,
    Forbidden,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidDpopProof,
    InvalidRequest,
    InvalidScope,
    InvalidToken,
    MethodNotAllowed,
    MisdirectedRequest,
    NotAcceptable,
    NotFound,
    RateLimitExceeded,
    RequestTimeout,
    ServerError,
    SessionNotFound,
    TemporarilyUnavailable,
    Unauthorized,
    UnsupportedMediaType,
    /// One that a program declares for checks and tools of its own.
    Own(&'static OwnError),
}

/// An error code of a program's own, and the HTTP status that goes with it.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnError {
    /// In `snake_case`, as the others.
    pub word: &'static str,
    pub status: StatusCode,
}

impl ErrorCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadGateway => "bad_gateway",
            Self::ContentTooLarge => "content_too_large",
            Self::Forbidden => OAuth::Forbidden.as_str(),
            Self::InsufficientScope => OAuth::InsufficientScope.as_str(),
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::InvalidDpopProof => OAuth::InvalidDpopProof.as_str(),
            Self::InvalidRequest => OAuth::InvalidRequest.as_str(),
            Self::InvalidScope => OAuth::InvalidScope.as_str(),
            Self::InvalidToken => OAuth::InvalidToken.as_str(),
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MisdirectedRequest => OAuth::MisdirectedRequest.as_str(),
            Self::NotAcceptable => "not_acceptable",
            Self::NotFound => OAuth::NotFound.as_str(),
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::RequestTimeout => OAuth::RequestTimeout.as_str(),
            Self::ServerError => OAuth::ServerError.as_str(),
            Self::SessionNotFound => "session_not_found",
            Self::TemporarilyUnavailable => OAuth::TemporarilyUnavailable.as_str(),
            Self::Unauthorized => OAuth::Unauthorized.as_str(),
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Own(error) => error.word,
        }
    }

    /// Of an answer that says no more than the error. One to a JSON-RPC message may have another.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::InvalidScope => StatusCode::BAD_REQUEST,
            Self::InsufficientUserAuthentication | Self::InvalidDpopProof | Self::InvalidToken | Self::Unauthorized => {
                StatusCode::UNAUTHORIZED
            }
            Self::Forbidden | Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::NotFound | Self::SessionNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::MisdirectedRequest => StatusCode::MISDIRECTED_REQUEST,
            Self::RateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Own(error) => error.status,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
