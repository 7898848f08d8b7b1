//! Table `audit_chain`, and the places of `audit_events`: which event was sealed after which. Whoever changes either
//! holds the one row of the table, so that nodes do so one after the other.
use super::{Db, audit_events::insert_event};
use crate::model::{AuditEvent, Link, SealedEvent};
use time::OffsetDateTime;

/// The link before the oldest event that is kept, and the newest.
pub async fn ends(db: &Db) -> sqlx::Result<(Link, Link)> {
    let (base_place, base_seal, place, seal) =
        read!(db, |on| sqlx::query_as("SELECT base_place, base_seal, place, seal FROM audit_chain").fetch_one(on))?;
    Ok((Link { place: base_place, seal: base_seal }, Link { place, seal }))
}

/// Stores these, and gives a place and the seal that `link` makes to at most `limit` events that have none yet, the
/// oldest first. Answers how many.
pub async fn extend(
    db: &Db,
    more: &[AuditEvent],
    limit: i64,
    link: impl Fn(&Link, &AuditEvent) -> Link,
) -> sqlx::Result<usize> {
    transaction!(db, |on| {
        let mut last: Link =
            sqlx::query_as("UPDATE audit_chain SET place = place RETURNING place, seal").fetch_one(&mut *on).await?;
        for event in more {
            insert_event!(event).execute(&mut *on).await?;
        }
        let events: Vec<AuditEvent> =
            sqlx::query_as("SELECT * FROM audit_events WHERE place IS NULL ORDER BY id LIMIT $1")
                .bind(limit)
                .fetch_all(&mut *on)
                .await?;
        for event in &events {
            last = link(&last, event);
            sqlx::query("UPDATE audit_events SET place = $2, seal = $3 WHERE id = $1")
                .bind(event.id)
                .bind(last.place)
                .bind(&last.seal)
                .execute(&mut *on)
                .await?;
        }
        sqlx::query("UPDATE audit_chain SET place = $1, seal = $2")
            .bind(last.place)
            .bind(&last.seal)
            .execute(&mut *on)
            .await?;
        events.len()
    })
}

/// Whether an event has no place yet.
pub async fn any_unsealed(db: &Db) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM audit_events WHERE place IS NULL)").fetch_one(on))
}

/// Those that come after this place, in order.
pub async fn after(db: &Db, place: i64, limit: i64) -> sqlx::Result<Vec<SealedEvent>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM audit_events WHERE place > $1 ORDER BY place LIMIT $2")
        .bind(place)
        .bind(limit)
        .fetch_all(on))
}

/// Deletes the oldest up to the first that is not older. The chain begins after them from then on.
pub async fn sweep(db: &Db, older_than: OffsetDateTime) -> sqlx::Result<u64> {
    transaction!(db, |on| {
        let (mut end, base): (i64, i64) =
            sqlx::query_as("UPDATE audit_chain SET place = place RETURNING place, base_place")
                .fetch_one(&mut *on)
                .await?;
        let kept: Option<i64> = sqlx::query_scalar(
            "SELECT place FROM audit_events WHERE place IS NOT NULL AND at >= $1 ORDER BY place LIMIT 1",
        )
        .bind(older_than)
        .fetch_optional(&mut *on)
        .await?;
        end = kept.map_or(end, |kept| kept - 1);
        if end > base {
            sqlx::query(
                "UPDATE audit_chain SET base_place = $1, base_seal = (SELECT seal FROM audit_events WHERE place = $1)",
            )
            .bind(end)
            .execute(&mut *on)
            .await?;
        }
        sqlx::query("DELETE FROM audit_events WHERE place <= $1").bind(end).execute(&mut *on).await?.rows_affected()
    })
}
