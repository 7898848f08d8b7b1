//! The catalogue of what can happen here: one line for each event. The audit trail, the decision trace and the counts
//! take no other. Each has one name: the variant, and the same words in snake case on the wire.
use serde::{Serialize, Serializer};
use std::fmt;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    /// The event may be legitimate, but an operator should look.
    Warning,
    /// Somebody has a secret or access that they should not have.
    Critical,
}

impl Level {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Where an event is recorded. Metrics count requests, tokens and sign-ins separately, see [`crate::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sinks {
    Audit,
    Trace,
    AuditAndTrace,
}

impl Sinks {
    #[must_use]
    pub fn audit(self) -> bool {
        self != Self::Trace
    }

    #[must_use]
    pub fn trace(self) -> bool {
        self != Self::Audit
    }
}

/// The properties of an event.
pub struct Entry {
    pub name: &'static str,
    /// The lowest level of this event; if it reports a failure, the level is a warning at least.
    pub level: Level,
    pub sinks: Sinks,
    /// Members that its details in the audit trail may have, beside `reason` and `more`.
    pub details: &'static [&'static str],
}

macro_rules! catalogue {
    ($($event:ident $name:literal $level:ident $sinks:ident [$($detail:literal)*])*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($event),*
        }

        impl EventType {
            pub const ALL: &[Self] = &[$(Self::$event),*];

            #[must_use]
            pub fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$event => &Entry {
                        name: $name,
                        level: Level::$level,
                        sinks: Sinks::$sinks,
                        details: &[$($detail),*],
                    }),*
                }
            }
        }
    };
}

catalogue! {
    // People
    LoginSuccess "login_success" Info Audit []
    LoginFailure "login_failure" Warning Audit []
    Logout "logout" Info Audit []
    UserCreated "user_created" Info Audit ["username" "role" "by" "issuer" "tenant" "subject"]
    UserDisabled "user_disabled" Warning Audit ["grants" "sessions" "by"]
    UserEnabled "user_enabled" Info Audit ["by"]
    PasswordSet "password_set" Warning Audit ["sessions" "by"]
    SetupLinkCreated "setup_link_created" Warning Audit ["expires_at" "recovers" "by"]
    PasswordReset "password_reset" Warning Audit ["username" "role" "by"]
    SubjectLinked "subject_linked" Info Audit ["issuer" "tenant" "subject"]
    Approval "approval" Info Audit ["scope" "resource" "mode" "device_ip_address"]
    ConsentsDeleted "consents_deleted" Info Audit ["consents" "by"]
    GrantsRevoked "grants_revoked" Warning Audit ["grants" "by"]
    // Attempts
    BruteForceDetected "brute_force_detected" Warning Audit ["account"]
    RateLimitExceeded "rate_limit_exceeded" Warning Audit ["endpoint"]
    // Clients
    Registration "registration" Info Audit ["client_name" "redirect_uris" "left_out"]
    RegistrationUpdated "registration_updated" Info Audit ["client_name" "redirect_uris" "left_out"]
    RegistrationDeleted "registration_deleted" Info Audit []
    ClientDisabled "client_disabled" Warning Audit ["by"]
    ClientEnabled "client_enabled" Info Audit ["by"]
    RegistrationTokenCreated "registration_token_created" Info Audit ["fingerprint" "uses_left" "scope" "expires_at" "by"]
    RegistrationTokenRevoked "registration_token_revoked" Info Audit ["fingerprint" "uses_left" "scope" "expires_at" "by"]
    IdentityAssertion "identity_assertion" Info Audit ["issuer" "scope" "resource"]
    WorkloadIdentified "workload_identified" Info Audit ["issuer" "subject"]
    CimdSsrfBlocked "cimd_ssrf_blocked" Warning AuditAndTrace ["rule"]
    CimdFetchError "cimd_fetch_error" Warning AuditAndTrace ["rule"]
    CimdValidationError "cimd_validation_error" Warning AuditAndTrace ["rule"]
    // Codes and tokens
    AuthorizationCodeIssued "authorization_code_issued" Info AuditAndTrace []
    AuthorizationCodeReused "authorization_code_reused" Critical AuditAndTrace []
    DeviceCodeRedeemed "device_code_redeemed" Info Audit []
    TokenIssued "token_issued" Info Audit ["jti" "scope" "resource" "grant_type"]
    TokenRefresh "token_refresh" Info Audit ["jti" "scope" "resource" "grant_type"]
    TokenExchanged "token_exchanged" Info Audit
        ["actor" "subject" "subject_jti" "subject_client_id" "from" "resource" "scope"]
    TokenRevoked "token_revoked" Info Audit []
    RefreshReplayed "refresh_replayed" Info Audit ["generations" "differs"]
    RefreshCaughtUp "refresh_caught_up" Warning Audit ["generations"]
    RefreshReuseDetected "refresh_reuse_detected" Critical AuditAndTrace []
    // The server
    ServerStart "server_start" Info Audit ["version"]
    ServerStop "server_stop" Info Audit []
    ConfigChange "config_change" Info Audit ["settings"]
    ClockSetBack "clock_set_back" Warning Audit ["seconds"]
    AuditTrailShortened "audit_trail_shortened" Warning Audit ["events"]
    NewerTokensAccepted "newer_tokens_accepted" Warning Audit ["until"]
    NewerTokensRefused "newer_tokens_refused" Info Audit []
    SigningKeyPublished "signing_key_published" Info Audit ["alg" "kid"]
    SigningKeyRotationBegun "signing_key_rotation_begun" Info Audit ["kids" "by"]
    SigningKeyRotated "signing_key_rotated" Info Audit ["alg"]
    SigningKeysWithdrawn "signing_keys_withdrawn" Info Audit ["count"]
    SigningKeysReplaced "signing_keys_replaced" Critical Audit ["removed" "by"]
    // Decisions
    AuthorizeRequestValidation "authorize_request_validation" Info Trace []
    AuthorizeRedirectUriMismatch "authorize_redirect_uri_mismatch" Info Trace []
    ConsentApproved "consent_approved" Info Trace []
    ConsentDenied "consent_denied" Info Trace []
    DeviceApproved "device_approved" Info Trace []
    DeviceDenied "device_denied" Info Trace []
    PkceValidationSuccess "pkce_validation_success" Info Trace []
    PkceValidationFailure "pkce_validation_failure" Info Trace []
    TokenRequestSuccess "token_request_success" Info Trace []
    TokenRequestError "token_request_error" Info Trace []
    CimdFetchCacheHit "cimd_fetch_cache_hit" Info Trace []
    CimdFetchCacheMiss "cimd_fetch_cache_miss" Info Trace []
    CimdFetchStart "cimd_fetch_start" Info Trace []
    CimdFetchSuccess "cimd_fetch_success" Info Trace []
    CimdNoAuthMethod "cimd_no_auth_method" Info Trace []
    DcrRegisterStart "dcr_register_start" Info Trace []
    DcrRegisterSuccess "dcr_register_success" Info Trace []
    DcrRegisterError "dcr_register_error" Info Trace []
    DcrValidationError "dcr_validation_error" Info Trace []
    DcrRedirectUriLeftOut "dcr_redirect_uri_left_out" Info Trace []
}

impl EventType {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$said:meta])* $word:ident $text:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$said])* $word),*
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$word),*];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text),*
                }
            }
        }
    };
}

words!(
    /// The kinds of account whose secret can be guessed.
    AccountKind { User "user", Client "client", Device "device", Operator "operator" }
);

words!(
    /// Why an attempt failed. Only the audit trail says it: pages and answers are the same for all reasons.
    FailureReason {
        WrongPassword "wrong_password",
        WrongSecret "wrong_secret",
        WrongCode "wrong_code",
        WrongToken "wrong_token",
        /// The secret was right.
        Disabled "disabled",
        Unknown "unknown",
        /// The secret was not checked.
        Throttled "throttled",
        OtherMethod "other_method",
    }
);
