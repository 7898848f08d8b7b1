//! Events that wait for being written.
use crate::model::AuditEvent;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

#[derive(Default)]
pub struct AuditQueue {
    events: Mutex<VecDeque<Arc<AuditEvent>>>,
    /// Held by the one writer, which writes the oldest events and then drops them from the queue.
    pub(super) writer: tokio::sync::Mutex<()>,
    /// Whether the oldest events may be stored already, because writing them failed with an unknown outcome.
    pub(super) in_doubt: AtomicBool,
}

/// Events in the queue; beyond this number, whoever records an event waits for the disk.
const MAX_QUEUED: usize = 10_000;

impl AuditQueue {
    /// Returns the event if the queue is full.
    pub(super) fn add(&self, event: AuditEvent) -> Option<AuditEvent> {
        let mut events = self.lock();
        if events.len() >= MAX_QUEUED {
            return Some(event);
        }
        events.push_back(Arc::new(event));
        None
    }

    pub(super) fn oldest(&self, count: usize) -> Vec<Arc<AuditEvent>> {
        self.lock().iter().take(count).cloned().collect()
    }

    pub(super) fn drop_oldest(&self, count: usize) {
        self.lock().drain(..count);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<AuditEvent>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
