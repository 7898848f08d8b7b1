//! Something that happened and must be accounted for.
use super::{AuditEventId, ClientId, GrantId, UserId};
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuditEvent {
    pub id: AuditEventId,
    /// A name of the catalogue in [`crate::events`], of this version or of another.
    pub event_type: String,
    /// How much it matters, as log levels say it.
    pub level: String,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    pub grant_id: Option<GrantId>,
    pub success: bool,
    /// A JSON object; never a secret.
    #[sqlx(json)]
    pub details: serde_json::Value,
    pub request_id: Option<String>,
    pub ip_address: Option<String>,
    /// What the client or the browser calls itself.
    pub user_agent: Option<String>,
    pub at: OffsetDateTime,
}

/// An event as somebody reads it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuditRecord {
    #[sqlx(flatten)]
    pub event: AuditEvent,
    /// The name that the person has now.
    pub username: Option<String>,
}

/// A link of the chain: so many events up to here, and the seal of them all.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Link {
    pub place: i64,
    pub seal: Digest,
}

/// An event in its place.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SealedEvent {
    #[sqlx(flatten)]
    pub event: AuditEvent,
    #[sqlx(flatten)]
    pub link: Link,
}
