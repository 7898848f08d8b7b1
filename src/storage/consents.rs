//! Table `consents`: what users allowed, so that they are not asked twice. Written by [`super::grants::authorize`].
use super::{Db, audit_events::insert_event};
use crate::model::{AuditEvent, ClientId, Consent, ConsentRecord, UserId};

pub async fn find(db: &Db, user: UserId, client: &ClientId, resource: &str) -> sqlx::Result<Option<Consent>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM consents WHERE user_id = $1 AND client_id = $2 AND resource = $3")
        .bind(user)
        .bind(client)
        .bind(resource)
        .fetch_optional(on))
}

/// All consents of this user for this client.
pub async fn find_all(db: &Db, user: UserId, client: &ClientId) -> sqlx::Result<Vec<Consent>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM consents WHERE user_id = $1 AND client_id = $2 ORDER BY resource")
        .bind(user)
        .bind(client)
        .fetch_all(on))
}

/// At most `most` of the users who allowed a client of this publisher.
pub async fn people_of_publisher(db: &Db, described_by: &str, most: u32) -> sqlx::Result<Vec<UserId>> {
    scan!(db, |on| sqlx::query_scalar(
        "SELECT DISTINCT consents.user_id FROM consents JOIN clients ON clients.id = consents.client_id
          WHERE clients.described_by = $1 LIMIT $2",
    )
    .bind(described_by)
    .bind(i64::from(most))
    .fetch_all(on))
}

/// Whether this user allowed a client of this publisher.
pub async fn knows_publisher(db: &Db, described_by: &str, user: UserId) -> sqlx::Result<bool> {
    let found: Option<i64> = scan!(db, |on| sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM consents JOIN clients ON clients.id = consents.client_id
          WHERE clients.described_by = $1 AND consents.user_id = $2 LIMIT 1",
    )
    .bind(described_by)
    .bind(user)
    .fetch_optional(on))?;
    Ok(found.is_some())
}

/// Selects consents; unset members match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
}

/// Sorted by user, client and resource, at most `limit`, beginning after the given consent.
pub async fn list(
    db: &Db,
    wanted: &Filter,
    after: Option<&(UserId, ClientId, String)>,
    limit: i64,
) -> sqlx::Result<Vec<ConsentRecord>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT consents.*, users.username FROM consents JOIN users ON users.id = consents.user_id
          WHERE ($1 IS NULL OR user_id = $1) AND client_id = coalesce($2, client_id)
            AND ($3 IS NULL OR (user_id, client_id, resource) > ($3, $4, $5))
          ORDER BY user_id, client_id, resource LIMIT $6",
    )
    .bind(wanted.user_id)
    .bind(&wanted.client_id)
    .bind(after.map(|after| after.0))
    .bind(after.map(|after| &after.1))
    .bind(after.map(|after| &after.2))
    .bind(limit)
    .fetch_all(on))
}

pub async fn count(db: &Db, wanted: &Filter) -> sqlx::Result<i64> {
    scan!(db, |on| sqlx::query_scalar(
        "SELECT count(*) FROM consents WHERE ($1 IS NULL OR user_id = $1) AND client_id = coalesce($2, client_id)",
    )
    .bind(wanted.user_id)
    .bind(&wanted.client_id)
    .fetch_one(on))
}

/// Deletes the selected consents and stores the event. Returns their number; `None`, with nothing changed, if there are
/// none.
pub async fn delete(
    db: &Db,
    wanted: &Filter,
    event: impl FnOnce(u64) -> AuditEvent,
) -> sqlx::Result<Option<(u64, AuditEvent)>> {
    transaction!(db, |on| {
        let deleted = sqlx::query(
            "DELETE FROM consents WHERE ($1 IS NULL OR user_id = $1) AND client_id = coalesce($2, client_id)",
        );
        let deleted = deleted.bind(wanted.user_id).bind(&wanted.client_id).execute(&mut *on).await?.rows_affected();
        if deleted > 0 {
            let event = event(deleted);
            insert_event!(event).execute(&mut *on).await?;
            Some((deleted, event))
        } else {
            None
        }
    })
}
