//! Counts events that a stranger can cause as often as they like. Of each kind, reason, account and source the first
//! event in a minute is written; the others are counted, and the count is written after the minute.
use super::Event;
use crate::{
    clock::{Clock, Moment},
    events::{EventType, FailureReason},
    secrets::Digest,
};
use keyward_limits::source::Source;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Accounts of one source with counts of their own; all further accounts share one count.
const MAX_PER_SOURCE: usize = 10;
/// Counts for one kind of event; beyond that, all sources share one count.
const MAX_ENTRIES: usize = 200;

/// Events with the same key are counted together.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    event_type: EventType,
    reason: Option<FailureReason>,
    account: Option<Digest>,
    source: Option<Source>,
}

/// Events of one kind, reason, account and source.
pub(super) struct EventCount {
    pub first: Event,
    pub since: Moment,
    pub more: u64,
}

#[derive(Default)]
pub struct Tally(Mutex<HashMap<Key, EventCount>>);

impl Tally {
    /// Whether the event is the first of its kind, reason, account and source in this minute, which has to be written.
    pub(super) fn is_first(&self, event: &Event, account: &str, source: Option<Source>, clock: &Clock) -> bool {
        let (mut counted, event_type, reason) = (self.lock(), event.kind, event.reason);
        let own = Key { event_type, reason, account: Some(Digest::of(account)), source };
        let of_kind = || counted.keys().filter(|key| key.event_type == event_type);
        let of_source = || of_kind().filter(|key| key.source == source).count();
        let key = match () {
            () if counted.contains_key(&own) => own,
            () if of_kind().count() >= MAX_ENTRIES => Key { event_type, reason, account: None, source: None },
            () if source.is_some() && of_source() >= MAX_PER_SOURCE => Key { account: None, ..own },
            () => own,
        };
        if let Some(known) = counted.get_mut(&key) {
            known.more += 1;
            return false;
        }
        let mut first = event.clone();
        first.ip_address = first.ip_address.filter(|_| key.source.is_some());
        if key.account.is_none() {
            (first.user_id, first.client_id, first.grant_id) = (None, None, None);
            // The counted events share only their reason, so the other details are dropped.
            first.details = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason.as_str() }));
        }
        counted.insert(key, EventCount { first, since: clock.moment(), more: 0 });
        true
    }

    pub(super) fn take(&self, over: impl Fn(&EventCount) -> bool) -> Vec<EventCount> {
        self.lock().extract_if(|_, counted| over(counted)).map(|(_, counted)| counted).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, EventCount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
