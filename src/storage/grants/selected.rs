//! Selects grants by user, client or age: lists, counts and revokes them.
use super::super::{Db, audit_events::insert_event};
use crate::model::{AuditEvent, ClientId, GrantId, GrantRecord, UserId};
use time::OffsetDateTime;

/// Selects grants; unset members match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub id: Option<GrantId>,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    /// Created at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Neither revoked nor expired at this moment.
    pub live_at: Option<OffsetDateTime>,
}

/// Grants older than `before`, the newest first, at most `limit`.
pub async fn list(db: &Db, wanted: &Filter, before: Option<GrantId>, limit: i64) -> sqlx::Result<Vec<GrantRecord>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT grants.*, users.username FROM grants JOIN users ON users.id = grants.user_id
          WHERE grants.id < $1 AND ($2 IS NULL OR grants.id = $2) AND ($3 IS NULL OR user_id = $3)
            AND client_id = coalesce($4, client_id) AND grants.created_at >= coalesce($5, grants.created_at)
            AND ($6 IS NULL OR (revoked_at IS NULL AND expires_at > $6))
          ORDER BY grants.id DESC LIMIT $7",
    )
    .bind(before.unwrap_or(GrantId::from_bytes([u8::MAX; 16])))
    .bind(wanted.id)
    .bind(wanted.user_id)
    .bind(&wanted.client_id)
    .bind(wanted.since)
    .bind(wanted.live_at)
    .bind(limit)
    .fetch_all(on))
}

/// The number of selected grants that are live.
pub async fn count_live(db: &Db, wanted: &Filter, now: OffsetDateTime) -> sqlx::Result<i64> {
    scan!(db, |on| sqlx::query_scalar(
        "SELECT count(*) FROM grants
          WHERE ($1 IS NULL OR id = $1) AND ($2 IS NULL OR user_id = $2) AND client_id = coalesce($3, client_id)
            AND revoked_at IS NULL AND expires_at > $4",
    )
    .bind(wanted.id)
    .bind(wanted.user_id)
    .bind(&wanted.client_id)
    .bind(now)
    .fetch_one(on))
}

/// Revokes the selected live grants and stores the event. Returns their number; `None`, with nothing changed, if there
/// are none.
pub async fn revoke_selected(
    db: &Db,
    wanted: &Filter,
    now: OffsetDateTime,
    event: impl FnOnce(u64) -> AuditEvent,
) -> sqlx::Result<Option<(u64, AuditEvent)>> {
    transaction!(db, |on| {
        let revoked = sqlx::query(
            "UPDATE grants SET revoked_at = $4
              WHERE ($1 IS NULL OR id = $1) AND ($2 IS NULL OR user_id = $2) AND client_id = coalesce($3, client_id)
                AND revoked_at IS NULL AND expires_at > $4",
        )
        .bind(wanted.id)
        .bind(wanted.user_id)
        .bind(&wanted.client_id)
        .bind(now)
        .execute(&mut *on)
        .await?
        .rows_affected();
        if revoked > 0 {
            let event = event(revoked);
            insert_event!(event).execute(&mut *on).await?;
            Some((revoked, event))
        } else {
            None
        }
    })
}
