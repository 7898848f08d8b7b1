//! A device that waits for somebody to let it in (RFC 8628).
use super::{ClientId, Scopes, UserId};
use crate::secrets::Digest;
use time::OffsetDateTime;

/// One device authorization request, from its two codes to the tokens.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DeviceAuthorization {
    pub device_code_hash: Digest,
    /// Digest, under our key, of the code that people type.
    pub user_code_hash: Digest,
    pub client_id: ClientId,
    /// What was asked for, empty for the defaults; once allowed, what was granted.
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    /// Resource identifiers (RFC 8707), as registered; none when only our own claims are asked for.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// Where the device asked from.
    pub ip_address: String,
    /// That address as the limits see it: a whole IPv6 network is one source.
    pub source: String,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// Seconds between polls; each poll that comes too early adds to them (RFC 8628 §3.5).
    pub poll_interval: i32,
    pub next_poll_at: OffsetDateTime,
    /// Who decided, and when they had last proved who they are.
    pub user_id: Option<UserId>,
    pub auth_time: Option<OffsetDateTime>,
    pub decided_at: Option<OffsetDateTime>,
    pub allowed: bool,
    /// When the tokens were fetched.
    pub consumed_at: Option<OffsetDateTime>,
}

impl DeviceAuthorization {
    /// Somebody may still decide.
    #[must_use]
    pub fn is_open(&self, now: OffsetDateTime) -> bool {
        self.decided_at.is_none() && self.expires_at > now
    }
}
