//! Records of requests: logged, kept for `/debug`, and audited if they matter. They have names, hashes and sizes, but
//! never credentials or tool arguments.
mod arrival;
mod provenance;
mod record;
mod watch;

pub(crate) use provenance::client_info;
pub(crate) use record::Record;
pub(crate) use watch::SurfaceWatch;

use crate::{
    audit::{self, Audit, EventKind, Level},
    masking::masker,
    metrics::Metrics,
    own,
    settings::Settings,
};
use arrival::Arrival;
use keyward_guard::{Passage, caller::NO_SCHEME, clock::Clock, source};
use keyward_limits::shares::Table;
use keyward_shared::mask::Masker;
use std::{
    cell::LazyCell,
    cmp::Reverse,
    sync::{Arc, Mutex, PoisonError},
};
use time::format_description::well_known::Rfc3339;

/// Requests in memory, and those of one source.
const KEPT: usize = 1000;
const SHARE: usize = 500;

/// The requests of one server.
pub(crate) struct Records {
    /// Records by number, and the last number.
    recent: Mutex<(Table<u64, Record>, u64)>,
    pub audit: Arc<Audit>,
    log_payloads: bool,
    pub masker: Arc<Masker>,
    pub metrics: Metrics,
    clock: Clock,
}

impl Records {
    pub fn new(audit: Audit, settings: &Settings) -> anyhow::Result<Self> {
        let (log_payloads, clock) = (settings.log_payloads, settings.clock.clone());
        let (masker, metrics) = (Arc::new(masker(settings)?), Metrics::new()?);
        let audit = Arc::new(audit.masked(&masker));
        let recent = Mutex::new((Table::new(KEPT, SHARE), 0));
        Ok(Self { recent, audit, log_payloads, masker, metrics, clock })
    }

    async fn add(&self, arrival: Arrival, passage: Passage) {
        let Arrival { mut record, source, brought } = arrival;
        let now = self.clock.now();
        if let Some(message) = &passage.message {
            record.message(message);
        }
        if let Some(caller) = &passage.caller {
            record.describe(caller);
        }
        let caller = passage.caller.as_ref();
        let source = caller.map_or(source, |caller| source::of_caller(caller, source));
        // An unverified credential masks nothing: a caller could send a name as its credential to hide the name from the log.
        let judged = caller.is_none_or(|caller| ![NO_SCHEME, own::SECURITY_KEY].contains(&caller.scheme));
        let brought: Vec<_> = brought.iter().filter(|_| judged).map(String::as_str).collect();
        let masker = LazyCell::new(|| self.masker.beside(brought.iter().copied()));
        // However it is encoded, a text that is shorter than a credential does not hold it.
        let is_clean = |text: &str| self.masker.is_clean(text) && brought.iter().all(|one| one.len() > text.len());
        for text in record.told().filter(|text| !is_clean(text)) {
            *text = masker.text(text);
        }
        record.at = now.unix_timestamp();
        record.timestamp = now.format(&Rfc3339).unwrap_or_default();
        let took = passage.started.elapsed();
        record.ended(&passage, took);
        let payload = passage.message.filter(|_| self.log_payloads).map(|message| {
            let payload = serde_json::from_slice(&message.body);
            masker.masked(&payload.unwrap_or("a number in it is too large for the log".into())).to_string()
        });
        let refusal = record.error.filter(|_| record.failed_check.is_some());
        self.metrics.count(&record.surface, record.decision, record.status, refusal, took);
        record.log(payload.as_deref());
        let locks = passage.refused.is_some_and(|refused| refused.locks);
        let locking =
            locks.then(|| audit::Event { level: Level::Critical, ..record.event(EventKind::BruteForceDetected) });
        for event in record.to_audit().into_iter().chain(locking) {
            self.audit.record(event).await;
        }
        let (recent, last) = &mut *self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        recent.insert(source, *last, record, 1);
    }

    /// The newest requests first.
    pub fn recent(&self) -> Vec<Record> {
        let (recent, _) = &*self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = recent.iter().collect();
        all.sort_by_key(|(number, _)| Reverse(*number));
        all.into_iter().map(|(_, record)| record.clone()).collect()
    }
}
