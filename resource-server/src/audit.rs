//! The audit trail: events are appended and never changed, each sealed with the hash of the previous one. Refusals of
//! strangers are summed up by address, and written once a minute.
mod kind;

pub(crate) use kind::{EventKind, Level};

use crate::store::{Filter, Store};
use keyward_guard::{clock::Clock, digest};
use keyward_shared::mask::Masker;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, PoisonError},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::Mutex;

/// One event.
#[derive(Clone)]
pub(crate) struct Event {
    pub kind: EventKind,
    pub level: Level,
    pub user_id: Option<String>,
    pub username: Option<String>,
    pub client_id: Option<String>,
    pub resource: Option<String>,
    pub action: Option<String>,
    pub details: Value,
    /// `ip_address`, `user_agent`, `transport`, `surface`.
    pub client_info: Value,
    pub success: bool,
    pub error_message: Option<&'static str>,
    pub request_id: Option<String>,
}

impl Event {
    pub fn new(kind: EventKind, success: bool) -> Self {
        Self {
            kind,
            level: if success { Level::Info } else { Level::Warning },
            user_id: None,
            username: None,
            client_id: None,
            resource: None,
            action: None,
            details: json!({}),
            client_info: json!({}),
            success,
            error_message: None,
            request_id: None,
        }
    }

    fn address(&self) -> Option<&str> {
        self.client_info["ip_address"].as_str()
    }

    /// Whether it is about an unknown party with a known address.
    fn is_strangers(&self) -> bool {
        self.user_id.is_none() && self.address().is_some()
    }
}

/// How long refusals of strangers are summed up, and at how many addresses; all further addresses share one sum.
const SUMMED: Duration = Duration::minutes(1);
const MOST_SUMS: usize = 1000;
const OTHERS: &str = "others";
/// Events that are to be written; beyond this number, whoever has another waits for the disk first.
const MOST_WAITING: usize = 10_000;

pub(crate) struct Audit {
    store: Store,
    clock: Clock,
    /// Events that are to be written.
    waiting: std::sync::Mutex<Vec<Event>>,
    /// Serialises writers: each event needs the hash of the previous one.
    trail: Mutex<Option<Trail>>,
    sums: std::sync::Mutex<Sums>,
    masker: Option<Arc<Masker>>,
}

struct Trail {
    /// The last seal.
    last: String,
    /// The numbers of events of known parties, and of strangers.
    counts: [i64; 2],
}

/// Address, type of event, and surface.
type Kind = (String, EventKind, Option<String>);

#[derive(Default)]
struct Sums {
    since: Option<OffsetDateTime>,
    /// How often the event was repeated since it was written, and its last occurrence.
    of: HashMap<Kind, (u32, Option<Event>)>,
    /// Whether a task waits for the end of the minute.
    awaited: bool,
}

impl Sums {
    fn goes_on(&self, now: OffsetDateTime) -> bool {
        self.since.is_some_and(|since| (Duration::ZERO..SUMMED).contains(&(now - since)))
    }

    fn end(&mut self) -> Vec<Event> {
        self.since = None;
        self.of.drain().filter_map(|(_, (_, last))| last).collect()
    }
}

impl Audit {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            waiting: std::sync::Mutex::default(),
            trail: Mutex::default(),
            sums: std::sync::Mutex::default(),
            masker: None,
        }
    }

    /// Masks secrets, such as a password typed in place of a name.
    pub fn masked(self, masker: &Arc<Masker>) -> Self {
        Self { masker: Some(Arc::clone(masker)), ..self }
    }

    /// A trail that cannot be written is logged as an error; the server continues.
    pub async fn record(self: &Arc<Self>, event: Event) {
        let (ended, event) = self.sum(event);
        self.write(ended.into_iter().chain(event)).await;
    }

    /// Events of the same moment are written together. Whoever comes first writes them for all, and goes on when its
    /// request was given up.
    async fn write(self: &Arc<Self>, events: impl IntoIterator<Item = Event>) {
        let events: Vec<_> = events.into_iter().collect();
        if events.is_empty() {
            return;
        }
        if self.waiting().len() >= MOST_WAITING {
            drop(self.trail.lock().await);
        }
        self.waiting().extend(events);
        let audit = Arc::clone(self);
        let _ = tokio::spawn(async move {
            let mut trail = audit.trail.lock().await;
            let events = std::mem::take(&mut *audit.waiting());
            // Whoever had the trail before may have written them.
            if events.is_empty() || audit.append(&mut trail, &events).await.is_ok() {
                return;
            }
            if let Err(error) = audit.append(&mut trail, &events).await {
                tracing::error!(error = format!("{error:#}"), events = events.len(), "events were not audited");
            }
        })
        .await;
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the sums after the minute, even if no further event comes.
    fn write_later(self: &Arc<Self>) {
        let (audit, clock) = (Arc::downgrade(self), self.clock.clone());
        tokio::spawn(async move {
            loop {
                clock.sleep(SUMMED).await;
                let Some(audit) = audit.upgrade() else { return };
                let Some(ended) = audit.ended() else { return };
                audit.write(ended).await;
            }
        });
    }

    /// The sums of a minute that is over; `None` if there are none.
    fn ended(&self) -> Option<Vec<Event>> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if sums.of.values().all(|(_, last)| last.is_none()) {
            sums.awaited = false;
            return None;
        }
        Some(if sums.goes_on(self.clock.now()) { Vec::new() } else { sums.end() })
    }

    /// Records an event of the server itself.
    pub async fn server(self: &Arc<Self>, kind: EventKind) {
        let details = json!({"version": env!("CARGO_PKG_VERSION")});
        self.record(Event { details, ..Event::new(kind, true) }).await;
    }

    /// The sums of the previous minute, and the event if it is the first of its kind in this minute.
    fn sum(self: &Arc<Self>, event: Event) -> (Vec<Event>, Option<Event>) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let ended = if sums.goes_on(now) { Vec::new() } else { sums.end() };
        let since = *sums.since.get_or_insert(now);
        let Some(address) = event.address().filter(|_| event.is_strangers() && event.level == Level::Warning) else {
            return (ended, Some(event));
        };
        let key = |address: &str| (address.to_owned(), event.kind, event.resource.clone());
        let own = Some(key(address)).filter(|own| sums.of.len() < MOST_SUMS || sums.of.contains_key(own));
        match sums.of.entry(own.unwrap_or_else(|| key(OTHERS))) {
            Entry::Vacant(first) => {
                first.insert((0, None));
                (ended, Some(event))
            }
            Entry::Occupied(mut again) => {
                let times = again.get().0.saturating_add(1);
                let since = since.format(&Rfc3339).unwrap_or_default();
                let details = json!({"times": times, "since": since});
                again.insert((times, Some(Event { details, request_id: None, ..event })));
                if !std::mem::replace(&mut sums.awaited, true) {
                    self.write_later();
                }
                (ended, None)
            }
        }
    }

    async fn append(&self, trail: &mut Option<Trail>, events: &[Event]) -> anyhow::Result<()> {
        let (mut last, mut counts) = match trail.take() {
            Some(Trail { last, counts }) => (last, counts),
            None => (
                self.store.last_seal().await?.unwrap_or_default(),
                [self.store.count_trail(false).await?, self.store.count_trail(true).await?],
            ),
        };
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let count = &mut counts[usize::from(event.is_strangers())];
            *count -= self.store.make_room(event.is_strangers(), *count).await?;
            *count += 1;
            let event = self.text(event)?;
            last = seal(&last, &event);
            rows.push((event, last.clone()));
        }
        self.store.append(&rows).await?;
        // After an error the trail is read again.
        *trail = Some(Trail { last, counts });
        Ok(())
    }

    /// An event as it is written.
    fn text(&self, event: &Event) -> anyhow::Result<String> {
        let mut said = json!({
            "event_type": event.kind,
            "level": event.level,
            "user_id": event.user_id,
            "username": event.username,
            "client_id": event.client_id,
            "resource": event.resource,
            "action": event.action,
            "details": event.details,
            "client_info": event.client_info,
            "success": event.success,
            "error_message": event.error_message,
            "request_id": event.request_id,
        });
        if let Some(masker) = &self.masker {
            said = masker.without_secrets(&said);
        }
        // Both are of our own making.
        said["id"] = json!(uuid::Uuid::now_v7().to_string());
        said["timestamp"] = json!(self.clock.now().format(&Rfc3339)?);
        Ok(said.to_string())
    }

    /// Writes the current sums.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let ended = self.sums.lock().unwrap_or_else(PoisonError::into_inner).end();
        if ended.is_empty() {
            return Ok(());
        }
        self.append(&mut *self.trail.lock().await, &ended).await
    }

    /// The newest events first.
    pub async fn find(&self, filter: &Filter, limit: u32) -> anyhow::Result<Vec<Value>> {
        self.settle().await?;
        let rows = self.store.events(filter, limit).await?;
        rows.iter().map(|(event, _)| Ok(serde_json::from_str(event)?)).collect()
    }
}

/// The hash of an event together with the previous seal.
fn seal(before: &str, event: &str) -> String {
    digest::hex(&digest::of(format!("{before}\n{event}").as_bytes()))
}

#[cfg(test)]
mod tests;
