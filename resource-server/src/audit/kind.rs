//! The kinds of events that are audited, and how much each matters.
use serde::{Serialize, Serializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventKind {
    AccessDenied,
    AccessGranted,
    ApiKeyCreated,
    ApiKeyExpired,
    ApiKeyRevoked,
    ApiKeyUsed,
    AuthenticationRequired,
    BruteForceDetected,
    LoginFailure,
    LoginSuccess,
    Logout,
    McpRequest,
    PolicyDenied,
    RateLimitExceeded,
    SecurityViolation,
    ServerStart,
    ServerStop,
    TokenRefresh,
    UserCreated,
    UserUpdated,
}

impl EventKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AccessGranted => "access_granted",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyExpired => "api_key_expired",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::ApiKeyUsed => "api_key_used",
            Self::AuthenticationRequired => "authentication_required",
            Self::BruteForceDetected => "brute_force_detected",
            Self::LoginFailure => "login_failure",
            Self::LoginSuccess => "login_success",
            Self::Logout => "logout",
            Self::McpRequest => "mcp_request",
            Self::PolicyDenied => "policy_denied",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::SecurityViolation => "security_violation",
            Self::ServerStart => "server_start",
            Self::ServerStop => "server_stop",
            Self::TokenRefresh => "token_refresh",
            Self::UserCreated => "user_created",
            Self::UserUpdated => "user_updated",
        }
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Info,
    Warning,
    Critical,
}
