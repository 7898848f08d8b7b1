//! Table `audit_chain`, and the column of `audit_events` with each event's place in the chain. Every change to either
//! locks the table's only row, so that nodes take turns.
use super::{Db, audit_events::insert_sealed};
use crate::model::{AuditEvent, Link, SealedEvent};
use std::sync::Arc;
use time::OffsetDateTime;

/// The size of an event in bytes: its variable parts plus a constant. The migration that introduced the count uses the
/// same expression.
macro_rules! size {
    () => {
        "300 + octet_length(CAST(details AS TEXT)) + octet_length(coalesce(user_agent, ''))
             + octet_length(coalesce(client_id, ''))"
    };
}

/// Events deleted in one step: other writers wait for its end.
const MAX_DELETED_AT_ONCE: i64 = 2_000;

/// The link before the oldest stored event, and the newest link.
pub async fn ends(db: &Db) -> sqlx::Result<(Link, Link)> {
    let (base_place, base_seal, place, seal) =
        read!(db, |on| sqlx::query_as("SELECT base_place, base_seal, place, seal FROM audit_chain").fetch_one(on))?;
    Ok((Link { place: base_place, seal: base_seal }, Link { place, seal }))
}

/// Seals (by `link`) at most `limit` stored events that have no place yet, together with these events, which are stored
/// now: the oldest first. `in_doubt` says that some of them may be stored already. Returns the size of all sealed events
/// in bytes.
pub async fn extend(
    db: &Db,
    (more, in_doubt): (&[Arc<AuditEvent>], bool),
    limit: i64,
    link: impl Fn(&Link, &AuditEvent) -> Link,
) -> sqlx::Result<i64> {
    transaction!(db, |on| {
        let mut last: Link =
            sqlx::query_as("UPDATE audit_chain SET place = place RETURNING place, seal").fetch_one(&mut *on).await?;
        let before = last.place;
        let stored: Vec<AuditEvent> =
            sqlx::query_as("SELECT * FROM audit_events WHERE place IS NULL ORDER BY id LIMIT $1")
                .bind(limit)
                .fetch_all(&mut *on)
                .await?;
        let mut events: Vec<_> = stored.iter().map(|event| (event, true)).collect();
        for event in more {
            // Only now, because a commit whose outcome nobody waited for may have ended while this one waited.
            let is_known = "SELECT EXISTS (SELECT 1 FROM audit_events WHERE id = $1)";
            if !in_doubt || !sqlx::query_scalar(is_known).bind(event.id).fetch_one(&mut *on).await? {
                events.push((&**event, false));
            }
        }
        events.sort_by_key(|(event, _)| *event.id.as_bytes());
        let mut sealed = Vec::with_capacity(more.len());
        for (event, is_stored) in events {
            last = link(&last, event);
            if !is_stored {
                sealed.push((event, last.clone()));
                continue;
            }
            sqlx::query("UPDATE audit_events SET place = $2, seal = $3 WHERE id = $1")
                .bind(event.id)
                .bind(last.place)
                .bind(&last.seal)
                .execute(&mut *on)
                .await?;
        }
        if !sealed.is_empty() {
            insert_sealed!(sealed).build().persistent(false).execute(&mut *on).await?;
        }
        let bytes: i64 = sqlx::query_scalar(concat!(
            "UPDATE audit_chain SET place = $1, seal = $2, bytes = bytes + (SELECT CAST(coalesce(sum(",
            size!(),
            "), 0) AS BIGINT) FROM audit_events WHERE place > $3) RETURNING bytes"
        ))
        .bind(last.place)
        .bind(&last.seal)
        .bind(before)
        .fetch_one(&mut *on)
        .await?;
        bytes
    })
}

/// Whether an event has no place yet.
pub async fn any_unsealed(db: &Db) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM audit_events WHERE place IS NULL)").fetch_one(on))
}

/// The events after this place, in order.
pub async fn after(db: &Db, place: i64, limit: i64) -> sqlx::Result<Vec<SealedEvent>> {
    scan!(db, |on| sqlx::query_as("SELECT * FROM audit_events WHERE place > $1 ORDER BY place LIMIT $2")
        .bind(place)
        .bind(limit)
        .fetch_all(on))
}

/// The most bytes that events may take, and the bytes that are left after shortening.
#[derive(Clone, Copy, Debug)]
pub struct SizeLimit {
    pub most: i64,
    pub left: i64,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShorteningResult {
    pub events: u64,
    /// Whether events were deleted for lack of room before they were old enough.
    pub for_room: bool,
    /// Whether more has to be deleted in another step.
    pub more: bool,
}

/// Deletes events older than `older_than`, and then the oldest ones until the rest fits into `room`. The chain begins
/// after the deleted events.
pub async fn shorten(
    db: &Db,
    older_than: Option<OffsetDateTime>,
    room: Option<SizeLimit>,
) -> sqlx::Result<ShorteningResult> {
    transaction!(db, |on| {
        let (last, base, bytes): (i64, i64, i64) =
            sqlx::query_as("UPDATE audit_chain SET place = place RETURNING place, base_place, bytes")
                .fetch_one(&mut *on)
                .await?;
        let mut end = base;
        if let Some(older_than) = older_than {
            let kept: Option<i64> = sqlx::query_scalar(
                "SELECT place FROM audit_events WHERE place IS NOT NULL AND at >= $1 ORDER BY place LIMIT 1",
            )
            .bind(older_than)
            .fetch_optional(&mut *on)
            .await?;
            end = kept.map_or(last, |kept| kept - 1).min(base + MAX_DELETED_AT_ONCE);
        }
        let too_many = room.filter(|room| bytes > room.most);
        let mut fits = end;
        if let Some(room) = too_many {
            let cut: Option<i64> = sqlx::query_scalar(concat!(
                "SELECT CAST(coalesce(min(CASE WHEN held >= $2 THEN place END), max(place)) AS BIGINT) FROM
                     (SELECT place, sum(bytes) OVER (ORDER BY place) AS held FROM
                         (SELECT place, ",
                size!(),
                " AS bytes FROM audit_events WHERE place > $1 ORDER BY place LIMIT $3) AS oldest) AS sums"
            ))
            .bind(base)
            .bind(bytes - room.left)
            .bind(MAX_DELETED_AT_ONCE)
            .fetch_one(&mut *on)
            .await?;
            fits = cut.unwrap_or(end);
        }
        let for_room = fits > end;
        end = end.max(fits);
        let more = end - base >= MAX_DELETED_AT_ONCE;
        if end > base {
            sqlx::query(concat!(
                "UPDATE audit_chain SET base_place = $1, base_seal = (SELECT seal FROM audit_events WHERE place = $1),
                     bytes = bytes - (SELECT CAST(coalesce(sum(",
                size!(),
                "), 0) AS BIGINT) FROM audit_events WHERE place <= $1)"
            ))
            .bind(end)
            .execute(&mut *on)
            .await?;
        }
        let gone = sqlx::query("DELETE FROM audit_events WHERE place <= $1").bind(end).execute(&mut *on).await?;
        ShorteningResult { events: gone.rows_affected(), for_room, more }
    })
}
