//! The protocol's one error: a code from an RFC, and a sentence for the client.
use std::{borrow::Cow, fmt};

/// What went wrong, in the words of the specifications. The description names the broken rule and never repeats what
/// the request said (RFC 6749 §5.2 limits its characters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    pub code: &'static str,
    pub description: Cow<'static, str>,
}

/// A constructor for each code, for whatever type of error has a `new`: RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2,
/// RFC 7591 §3.2.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 9449 §5 and §8, `OpenID` Connect Core §3.1.2.6, `OpenID` Connect
/// Core Error Code `unmet_authentication_requirements`.
#[macro_export]
macro_rules! error_constructors {
    () => {
        $crate::error_constructors!(
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
    };
    ($($name:ident,)*) => {$(
        #[must_use]
        pub fn $name(description: impl Into<std::borrow::Cow<'static, str>>) -> Self {
            Self::new(stringify!($name), description)
        }
    )*};
}

impl ProtocolError {
    #[must_use]
    pub fn new(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
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
