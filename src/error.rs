//! The protocol's one error: a code from an RFC, a sentence for the client, a cause for the log.
use std::{borrow::Cow, fmt};

/// What went wrong, in the words of the specifications. The description names the broken rule and never
/// repeats what the request said (RFC 6749 §5.2 limits its characters); the cause is only ever logged.
#[derive(Debug)]
pub struct OAuthError {
    pub code: &'static str,
    pub description: Cow<'static, str>,
    pub cause: Option<anyhow::Error>,
    /// Seconds after which trying again makes sense (`Retry-After`, RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// What the next proof of possession must hold (`DPoP-Nonce`, RFC 9449 §8).
    pub dpop_nonce: Option<String>,
    /// A budget was used up, and so it is told of in the audit trail.
    pub by_budget: bool,
}

macro_rules! codes {
    ($($name:ident),* $(,)?) => {$(
        #[must_use]
        pub fn $name(description: impl Into<Cow<'static, str>>) -> Self {
            Self::new(stringify!($name), description)
        }
    )*};
}

impl OAuthError {
    #[must_use]
    pub fn new(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        // RFC 6749 §5.2
        debug_assert!(description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
        let by_budget = code == "too_many_requests";
        Self { code, description, cause: None, retry_after: None, dpop_nonce: None, by_budget }
    }

    // RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2, RFC 7591 §3.2.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 9449 §5 and §8,
    // OpenID Connect Core §3.1.2.6, OpenID Connect Core Error Code unmet_authentication_requirements
    codes!(
        access_denied,
        authorization_pending,
        consent_required,
        expired_token,
        insufficient_scope,
        invalid_client,
        invalid_client_metadata,
        invalid_dpop_proof,
        invalid_grant,
        invalid_redirect_uri,
        invalid_request,
        invalid_scope,
        invalid_software_statement,
        invalid_target,
        invalid_token,
        login_required,
        request_not_supported,
        request_uri_not_supported,
        slow_down,
        temporarily_unavailable,
        too_many_requests,
        unapproved_software_statement,
        unmet_authentication_requirements,
        unauthorized_client,
        unsupported_grant_type,
        unsupported_response_type,
        use_dpop_nonce,
    );

    /// Our own failure: the client learns nothing but that it was not its fault.
    pub fn server_error(cause: impl Into<anyhow::Error>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new("server_error", "the server could not complete the request") }
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
