//! The protocol's error, with server-side additions: a cause for the log, and when to try again.
pub use keyward_oauth::error::{ErrorCode, ProtocolError};
use std::{borrow::Cow, fmt};

/// An error in the words of the specifications. The description names the broken rule and never repeats the request
/// (RFC 6749 §5.2 limits its characters); the cause is only logged.
#[derive(Debug)]
pub struct OAuthError {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
    pub cause: Option<anyhow::Error>,
    /// Seconds after which trying again makes sense (`Retry-After`, RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// The nonce that the next proof of possession must contain (`DPoP-Nonce`, RFC 9449 §8).
    pub dpop_nonce: Option<String>,
    /// A budget was used up; the audit trail records that.
    pub by_budget: bool,
}

impl From<ProtocolError> for OAuthError {
    fn from(ProtocolError { code, description }: ProtocolError) -> Self {
        let by_budget = code == ErrorCode::TooManyRequests;
        Self { code, description, cause: None, retry_after: None, dpop_nonce: None, by_budget }
    }
}

impl OAuthError {
    #[must_use]
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        ProtocolError::new(code, description).into()
    }

    keyward_oauth::error_constructors!();

    /// A failure of this server: the client learns only that it was not at fault.
    pub fn server_error(cause: impl Into<anyhow::Error>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(ErrorCode::ServerError, "the server could not complete the request")
        }
    }

    /// A dependency of this server (such as the database) cannot answer now; trying again soon may succeed.
    pub fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        let told = Self::temporarily_unavailable("the server cannot answer now; try again in a moment");
        Self { cause: Some(cause.into()), ..told }.retry_after(5)
    }

    /// The shared budget is used up, and this source has had its share.
    #[must_use]
    pub fn overloaded(description: &'static str) -> Self {
        Self { by_budget: true, ..Self::temporarily_unavailable(description) }.retry_after(5)
    }

    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

impl std::error::Error for OAuthError {}
