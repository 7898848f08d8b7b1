//! Table `audit_events`: what happened; only ever added to.
use super::{Db, Selection};
use crate::model::{AuditEvent, AuditRecord};

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

pub async fn insert(db: &Db, event: &AuditEvent) -> sqlx::Result<()> {
    execute!(db, insert_event!(event)).map(drop)
}

/// Youngest first, at most `limit`.
pub async fn recent(db: &Db, limit: i64) -> sqlx::Result<Vec<AuditEvent>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM audit_events ORDER BY id DESC LIMIT $1").bind(limit).fetch_all(on))
}

/// Of one type, or of all.
pub async fn select(db: &Db, event_type: Option<&str>, wanted: &Selection) -> sqlx::Result<Vec<AuditRecord>> {
    read!(db, |on| sqlx::query_as(
        "SELECT audit_events.*, users.username FROM audit_events LEFT JOIN users ON users.id = audit_events.user_id
          WHERE coalesce(client_id, '') = coalesce($1, client_id, '') AND at >= coalesce($2, at)
            AND event_type = coalesce($3, event_type)
          ORDER BY audit_events.id DESC LIMIT $4",
    )
    .bind(&wanted.client_id)
    .bind(wanted.since)
    .bind(event_type)
    .bind(wanted.limit)
    .fetch_all(on))
}
