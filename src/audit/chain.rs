//! The chain of the audit trail: each event is sealed together with all earlier events, under a key that is not in the
//! database. Whoever can write to the database cannot change an event, or add or remove one in the middle, without
//! breaking the chain there.
use super::{Event, Trail};
use crate::{
    events::EventType,
    model::{AuditEvent, Link},
    secrets::Digest,
    storage::audit_chain::{self, SizeLimit},
};
use aws_lc_rs::hmac;
use serde_json::json;
use std::sync::atomic::Ordering;
use time::Duration;

/// Events that get their place in one transaction: other writers wait for its end.
const MAX_SEALED_AT_ONCE: usize = 200;
/// Events that one query reads.
const EVENTS_PER_QUERY: i64 = 1000;

/// Writes the queued events, and gives a place to every event that has none.
pub async fn extend(trail: &Trail) -> sqlx::Result<()> {
    let _alone = trail.queue.writer.lock().await;
    let mut bytes = 0;
    loop {
        let waiting = trail.queue.oldest(MAX_SEALED_AT_ONCE);
        if waiting.is_empty() && !audit_chain::any_unsealed(&trail.db).await? {
            break;
        }
        let limit = i64::try_from(MAX_SEALED_AT_ONCE).unwrap_or(i64::MAX);
        let link = |before: &Link, event: &AuditEvent| link(&trail.key, before, event);
        // Also if this future is dropped, nobody knows what was written.
        let in_doubt = trail.queue.in_doubt.swap(true, Ordering::AcqRel);
        bytes = audit_chain::extend(&trail.db, (&waiting, in_doubt), limit, link).await?;
        trail.queue.drop_oldest(waiting.len());
        trail.queue.in_doubt.store(false, Ordering::Release);
    }
    match trail.settings.room() {
        Some(room) if bytes > room => shorten(trail).await,
        _ => Ok(()),
    }
}

/// Deletes events that are older than the settings keep them, and the oldest ones while the trail exceeds its size.
pub async fn shorten(trail: &Trail) -> sqlx::Result<()> {
    let settings = &trail.settings;
    let older_than = (settings.keep > 0).then(|| trail.clock.now() - Duration::seconds(settings.keep.into()));
    // Frees 5% more than necessary, so that not every call has to delete.
    let room = settings.room().map(|most| SizeLimit { most, left: most - most / 20 });
    let (mut lost, mut more) = (0, true);
    while more {
        let gone = audit_chain::shorten(&trail.db, older_than, room).await?;
        lost += if gone.for_room { gone.events } else { 0 };
        more = gone.more;
    }
    if lost > 0 {
        Event::new(EventType::AuditTrailShortened).warning().details(json!({"events": lost})).record(trail).await;
    }
    Ok(())
}

/// The result of checking the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainState {
    /// All events are as they were sealed; their number.
    Whole(i64),
    /// The event with this number was changed or is missing.
    BrokenAt(i64),
}

/// Checks the last `most` events, or all of them.
pub async fn verify(trail: &Trail, most: Option<i64>) -> sqlx::Result<ChainState> {
    let (base, head) = audit_chain::ends(&trail.db).await?;
    if trail.settings.keeps_all() && base.place > 0 {
        return Ok(ChainState::BrokenAt(1));
    }
    let from = most.map_or(base.place, |most| base.place.max(head.place - most));
    let mut last = match from - base.place {
        0 => base,
        _ => match audit_chain::after(&trail.db, from - 1, 1).await?.pop() {
            Some(found) if found.link.place == from => found.link,
            _ => return Ok(ChainState::BrokenAt(from)),
        },
    };
    while last.place < head.place {
        let page = audit_chain::after(&trail.db, last.place, EVENTS_PER_QUERY.min(head.place - last.place)).await?;
        if page.is_empty() {
            return Ok(ChainState::BrokenAt(last.place + 1));
        }
        for found in page {
            let expected = link(&trail.key, &last, &found.event);
            if found.link != expected {
                return Ok(ChainState::BrokenAt(expected.place));
            }
            last = expected;
        }
    }
    Ok(if last == head { ChainState::Whole(head.place - from) } else { ChainState::BrokenAt(head.place) })
}

/// The seal covers all members of an event. Its form must never change: that would break every existing chain.
fn link(key: &hmac::Key, before: &Link, event: &AuditEvent) -> Link {
    let place = before.place + 1;
    let said = json!([
        place,
        event.id.to_string(),
        event.event_type,
        event.level,
        event.user_id.map(|id| id.to_string()),
        event.client_id,
        event.grant_id.map(|id| id.to_string()),
        event.success,
        event.details,
        event.request_id,
        event.ip_address,
        event.user_agent,
        event.at.unix_timestamp(),
    ]);
    let mut context = hmac::Context::with_key(key);
    context.update(before.seal.as_bytes());
    context.update(said.to_string().as_bytes());
    Link { place, seal: Digest::of(context.sign()) }
}
