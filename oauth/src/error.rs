//! The protocol's error: a code from a specification, and a sentence for the client.
use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt};

/// `error` as it is on the wire: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707 §2,
/// RFC 9101 §6.2, RFC 9449 §5 and §8, `OpenID` Connect Core §3.1.2.6 and its Error Code
/// `unmet_authentication_requirements`; the last six are HTTP's refusals in the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    AccessDenied,
    AuthorizationPending,
    ConsentRequired,
    ExpiredToken,
    InsufficientScope,
    InvalidClient,
    InvalidClientMetadata,
    InvalidDpopProof,
    InvalidGrant,
    InvalidRedirectUri,
    InvalidRequest,
    InvalidRequestUri,
    InvalidScope,
    InvalidSoftwareStatement,
    InvalidTarget,
    InvalidToken,
    LoginRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    ServerError,
    SlowDown,
    TemporarilyUnavailable,
    TooManyRequests,
    UnapprovedSoftwareStatement,
    UnauthorizedClient,
    UnmetAuthenticationRequirements,
    UnsupportedGrantType,
    UnsupportedResponseType,
    UseDpopNonce,
    Forbidden,
    MisdirectedRequest,
    NotFound,
    RequestTimeout,
    RequestTooLarge,
    Unauthorized,
}

impl ErrorCode {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ConsentRequired => "consent_required",
            Self::ExpiredToken => "expired_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::TooManyRequests => "too_many_requests",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::Forbidden => "forbidden",
            Self::MisdirectedRequest => "misdirected_request",
            Self::NotFound => "not_found",
            Self::RequestTimeout => "request_timeout",
            Self::RequestTooLarge => "request_too_large",
            Self::Unauthorized => "unauthorized",
        }
    }

    /// The status of an error response in JSON: RFC 6749 §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8628 §3.5 and RFC
    /// 9110 §15.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::AccessDenied
            | Self::AuthorizationPending
            | Self::ConsentRequired
            | Self::ExpiredToken
            | Self::InvalidClientMetadata
            | Self::InvalidDpopProof
            | Self::InvalidGrant
            | Self::InvalidRedirectUri
            | Self::InvalidRequest
            | Self::InvalidRequestUri
            | Self::InvalidScope
            | Self::InvalidSoftwareStatement
            | Self::InvalidTarget
            | Self::LoginRequired
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::SlowDown
            | Self::UnapprovedSoftwareStatement
            | Self::UnauthorizedClient
            | Self::UnmetAuthenticationRequirements
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType
            | Self::UseDpopNonce => 400,
            Self::InvalidClient | Self::InvalidToken | Self::Unauthorized => 401,
            Self::Forbidden | Self::InsufficientScope => 403,
            Self::NotFound => 404,
            Self::RequestTimeout => 408,
            Self::RequestTooLarge => 413,
            Self::MisdirectedRequest => 421,
            Self::TooManyRequests => 429,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
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

/// Lets tests compare a code with its word on the wire.
impl PartialEq<&str> for ErrorCode {
    fn eq(&self, word: &&str) -> bool {
        self.as_str() == *word
    }
}

/// An error in the words of the specifications. The description names the broken rule and never repeats the request
/// (RFC 6749 §5.2 limits its characters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
}

/// Constructors named by code, for each error type that has a `new`.
#[macro_export]
macro_rules! error_constructors {
    () => {
        $crate::error_constructors!(
            access_denied AccessDenied,
            authorization_pending AuthorizationPending,
            consent_required ConsentRequired,
            expired_token ExpiredToken,
            insufficient_scope InsufficientScope,
            invalid_client InvalidClient,
            invalid_client_metadata InvalidClientMetadata,
            invalid_dpop_proof InvalidDpopProof,
            invalid_grant InvalidGrant,
            invalid_redirect_uri InvalidRedirectUri,
            invalid_request InvalidRequest,
            invalid_scope InvalidScope,
            invalid_software_statement InvalidSoftwareStatement,
            invalid_target InvalidTarget,
            invalid_token InvalidToken,
            login_required LoginRequired,
            request_not_supported RequestNotSupported,
            request_uri_not_supported RequestUriNotSupported,
            slow_down SlowDown,
            temporarily_unavailable TemporarilyUnavailable,
            too_many_requests TooManyRequests,
            unapproved_software_statement UnapprovedSoftwareStatement,
            unauthorized_client UnauthorizedClient,
            unmet_authentication_requirements UnmetAuthenticationRequirements,
            unsupported_grant_type UnsupportedGrantType,
            unsupported_response_type UnsupportedResponseType,
            use_dpop_nonce UseDpopNonce,
        );
    };
    ($($name:ident $code:ident,)*) => {$(
        #[must_use]
        pub fn $name(description: impl Into<std::borrow::Cow<'static, str>>) -> Self {
            Self::new($crate::error::ErrorCode::$code, description)
        }
    )*};
}

impl ProtocolError {
    #[must_use]
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        // RFC 6749 §5.2
        debug_assert!(description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
        Self { code, description }
    }

    error_constructors!();
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

impl std::error::Error for ProtocolError {}
