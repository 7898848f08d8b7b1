//! Table `audit_events`: rows are added, sealed once with their place in the chain, and deleted when they are old;
//! nothing else changes them.
use super::Db;
use crate::model::{AuditEvent, AuditEventId, AuditRecord, ClientId, UserId};
use time::OffsetDateTime;

/// The statement that stores an event.
macro_rules! insert_event {
    ($event:expr) => {
        sqlx::query(
            "INSERT INTO audit_events (id, event_type, level, user_id, client_id, grant_id, success, details,
                 request_id, ip_address, user_agent, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind($event.id)
        .bind(&$event.event_type)
        .bind(&$event.level)
        .bind($event.user_id)
        .bind(&$event.client_id)
        .bind($event.grant_id)
        .bind($event.success)
        .bind(sqlx::types::Json(&$event.details))
        .bind(&$event.request_id)
        .bind(&$event.ip_address)
        .bind(&$event.user_agent)
        .bind($event.at)
    };
}
pub(super) use insert_event;

/// The statement that stores events together with their links of the chain.
macro_rules! insert_sealed {
    ($sealed:expr) => {{
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO audit_events (id, event_type, level, user_id, client_id, grant_id, success, details,
                 request_id, ip_address, user_agent, at, place, seal) ",
        );
        insert.push_values($sealed, |mut row, (event, link): (&$crate::model::AuditEvent, $crate::model::Link)| {
            row.push_bind(event.id)
                .push_bind(&event.event_type)
                .push_bind(&event.level)
                .push_bind(event.user_id)
                .push_bind(&event.client_id)
                .push_bind(event.grant_id)
                .push_bind(event.success)
                .push_bind(sqlx::types::Json(&event.details))
                .push_bind(&event.request_id)
                .push_bind(&event.ip_address)
                .push_bind(&event.user_agent)
                .push_bind(event.at)
                .push_bind(link.place)
                .push_bind(link.seal);
        });
        insert
    }};
}
pub(super) use insert_sealed;

pub async fn insert(db: &Db, event: &AuditEvent) -> sqlx::Result<()> {
    execute!(db, insert_event!(event)).map(drop)
}

/// The newest events first, at most `limit`.
pub async fn recent(db: &Db, limit: i64) -> sqlx::Result<Vec<AuditEvent>> {
    scan!(db, |on| sqlx::query_as("SELECT * FROM audit_events ORDER BY id DESC LIMIT $1").bind(limit).fetch_all(on))
}

/// Selects events; unset members match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub event_type: Option<String>,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    /// In canonical form, as the trail stores it.
    pub ip_address: Option<String>,
    /// At this moment or later.
    pub since: Option<OffsetDateTime>,
    /// At this moment or earlier.
    pub until: Option<OffsetDateTime>,
    pub success: Option<bool>,
}

/// Events older than `before`, the newest first, at most `limit`.
pub async fn select(
    db: &Db,
    wanted: &Filter,
    before: Option<AuditEventId>,
    limit: i64,
) -> sqlx::Result<Vec<AuditRecord>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT audit_events.*, users.username FROM audit_events LEFT JOIN users ON users.id = audit_events.user_id
          WHERE audit_events.id < $1
            AND event_type = coalesce($2, event_type)
            AND ($3 IS NULL OR user_id = $3)
            AND coalesce(client_id, '') = coalesce($4, client_id, '')
            AND coalesce(ip_address, '') = coalesce($5, ip_address, '')
            AND at >= coalesce($6, at) AND at <= coalesce($7, at)
            AND success = coalesce($8, success)
          ORDER BY audit_events.id DESC LIMIT $9",
    )
    .bind(before.unwrap_or(AuditEventId::from_bytes([u8::MAX; 16])))
    .bind(&wanted.event_type)
    .bind(wanted.user_id)
    .bind(&wanted.client_id)
    .bind(&wanted.ip_address)
    .bind(wanted.since)
    .bind(wanted.until)
    .bind(wanted.success)
    .bind(limit)
    .fetch_all(on))
}
