//! Events that a stranger brings about as often as he likes: of each kind, reason, account and source the first in a
//! minute is written, the others are counted and told when the minute is over.
use super::Event;
use crate::{
    app::App,
    clock::{Clock, Moment},
    events::{EventType, FailureReason},
    limits::source,
    secrets::Digest,
};
use keyward_limits::source::Source;
use serde_json::json;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::Duration;

/// How long they are counted before that is told.
const COUNTED_FOR: Duration = Duration::MINUTE;
/// Accounts that are told apart for one source; the others are counted together.
const MAX_PER_SOURCE: usize = 10;
/// What is told apart of one kind; beyond that sources are counted together.
const MAX_ENTRIES: usize = 200;

/// Which events are counted together.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    event_type: EventType,
    reason: Option<FailureReason>,
    account: Option<Digest>,
    source: Option<Source>,
}

struct Counted {
    first: Event,
    since: Moment,
    more: u64,
}

#[derive(Default)]
pub struct Tally(Mutex<HashMap<Key, Counted>>);

impl Tally {
    /// Whether it is the first of its kind, reason, account and source, which is to be written.
    fn is_first(&self, event: &Event, account: &str, source: Option<Source>, clock: &Clock) -> bool {
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
            // What the others have in common is the reason, and nothing else is told of them.
            first.details = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason.as_str() }));
        }
        counted.insert(key, Counted { first, since: clock.moment(), more: 0 });
        true
    }

    fn take(&self, over: impl Fn(&Counted) -> bool) -> Vec<Counted> {
        self.lock().extract_if(|_, counted| over(counted)).map(|(_, counted)| counted).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    /// For what somebody does to an account, or in its name, from this address.
    pub async fn tally(self, app: &App, account: &str, address: IpAddr) {
        let event = self.from(address);
        if app.tally.is_first(&event, account, Some(source(address)), &app.clock) {
            event.record(app).await;
        }
    }

    /// For what happens to something of ours, wherever it comes from.
    pub async fn tally_of(self, app: &App, what: &str) {
        if app.tally.is_first(&self, what, None, &app.clock) {
            self.note(app).await;
        }
    }
}

/// Tells how many came after the first, of those whose minute is over.
pub async fn tell(app: &App) {
    tell_of(app, |counted| app.clock.age(counted.since) >= COUNTED_FOR).await;
}

/// The same of all, at the end.
pub async fn tell_all(app: &App) {
    tell_of(app, |_| true).await;
}

async fn tell_of(app: &App, over: impl Fn(&Counted) -> bool) {
    for Counted { first, more, .. } in app.tally.take(over) {
        if more > 0 {
            let mut details = first.details.clone();
            details["more"] = json!(more);
            first.details(details).record(app).await;
        }
    }
}
