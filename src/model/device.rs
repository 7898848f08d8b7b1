//! A device that waits for a user's decision (RFC 8628).
use super::{ClientId, Scopes, UserId};
use crate::secrets::Digest;
use time::OffsetDateTime;

/// One device authorization request, from its two codes to the tokens.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DeviceAuthorization {
    pub device_code_hash: Digest,
    /// Keyed digest of the code that people type.
    pub user_code_hash: Digest,
    pub client_id: ClientId,
    /// Before the decision, the requested scopes, empty for the defaults; after an approval, the granted ones.
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    /// Resource identifiers (RFC 8707), as registered; empty when only claims about the user are requested.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// The device's address.
    pub ip_address: String,
    /// The source of that address for the limits: a whole IPv6 network is one source.
    pub source: String,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// Seconds between polls; each early poll lengthens them (RFC 8628 §3.5).
    pub poll_interval: i32,
    pub next_poll_at: OffsetDateTime,
    /// The user who decided, and the time of their last sign-in.
    pub user_id: Option<UserId>,
    pub auth_time: Option<OffsetDateTime>,
    pub decided_at: Option<OffsetDateTime>,
    pub allowed: bool,
    /// When the tokens were fetched.
    pub consumed_at: Option<OffsetDateTime>,
}

impl DeviceAuthorization {
    /// Whether a user may still decide.
    #[must_use]
    pub fn is_open(&self, now: OffsetDateTime) -> bool {
        self.decided_at.is_none() && self.expires_at > now
    }
}
