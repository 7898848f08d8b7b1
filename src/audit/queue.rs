//! Events that wait to be written.
use crate::model::AuditEvent;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct AuditQueue {
    events: Mutex<Vec<AuditEvent>>,
    /// One at a time writes the oldest and then drops them.
    pub(super) writer: tokio::sync::Mutex<()>,
}

/// When the disk is slower than what happens, more have to wait for it.
const MAX_WAITING: usize = 10_000;

impl AuditQueue {
    /// Gives it back if there are too many.
    pub(super) fn add(&self, event: AuditEvent) -> Option<AuditEvent> {
        let mut events = self.lock();
        if events.len() >= MAX_WAITING {
            return Some(event);
        }
        events.push(event);
        None
    }

    pub(super) fn oldest(&self, count: usize) -> Vec<AuditEvent> {
        self.lock().iter().take(count).cloned().collect()
    }

    pub(super) fn drop_oldest(&self, count: usize) {
        self.lock().drain(..count);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AuditEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
