//! The protocol's error, with what this server knows beside it: a cause for the log, and when to try again.
pub use keyward_oauth::error::{ErrorCode, ProtocolError};
use std::{borrow::Cow, fmt};

/// What went wrong, in the words of the specifications. The description names the broken rule and never
/// repeats what the request said (RFC 6749 §5.2 limits its characters); the cause is only ever logged.
#[derive(Debug)]
pub struct OAuthError {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
    pub cause: Option<anyhow::Error>,
    /// Seconds after which trying again makes sense (`Retry-After`, RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// What the next proof of possession must hold (`DPoP-Nonce`, RFC 9449 §8).
    pub dpop_nonce: Option<String>,
    /// A budget was used up, and so it is told of in the audit trail.
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

    /// Our own failure: the client learns nothing but that it was not its fault.
    pub fn server_error(cause: impl Into<anyhow::Error>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(ErrorCode::ServerError, "the server could not complete the request")
        }
    }

    /// What we stand on cannot answer now; trying again soon may well succeed.
    pub fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        let told = Self::temporarily_unavailable("the server cannot answer now; try again in a moment");
        Self { cause: Some(cause.into()), ..told }.retry_after(5)
    }

    /// What all share is used up, and this source had its share.
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
