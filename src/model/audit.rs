//! Events of the audit trail.
use super::{AuditEventId, ClientId, GrantId, UserId};
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuditEvent {
    pub id: AuditEventId,
    /// The event's name in the catalogue [`crate::events`] of this or another version.
    pub event_type: String,
    /// The level of the event, as a log level.
    pub level: String,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    pub grant_id: Option<GrantId>,
    pub success: bool,
    /// A JSON object; it never holds a secret.
    #[sqlx(json)]
    pub details: serde_json::Value,
    pub request_id: Option<String>,
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client or browser.
    pub user_agent: Option<String>,
    pub at: OffsetDateTime,
}

/// An event together with the current username of its user.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuditRecord {
    #[sqlx(flatten)]
    pub event: AuditEvent,
    /// The user's current name.
    pub username: Option<String>,
}

/// A link of the chain: the number of events up to here, and their seal.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Link {
    pub place: i64,
    pub seal: Digest,
}

/// An event with its link of the chain.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SealedEvent {
    #[sqlx(flatten)]
    pub event: AuditEvent,
    #[sqlx(flatten)]
    pub link: Link,
}
