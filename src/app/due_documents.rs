//! The metadata documents that a background job fetches again.
use crate::model::ClientId;
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;

#[derive(Default)]
pub struct DueDocuments {
    due: Mutex<HashSet<ClientId>>,
    wake: Notify,
}

/// Further documents are dropped; the next request for such a client queues it again.
const MAX_QUEUED: usize = 1_000;

impl DueDocuments {
    pub fn add(&self, id: &ClientId) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() < MAX_QUEUED {
            due.insert(id.clone());
            self.wake.notify_one();
        }
    }

    /// The number of queued documents.
    #[must_use]
    pub fn count(&self) -> usize {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until a document is queued.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Empties the queue and returns its documents.
    pub fn take(&self) -> HashSet<ClientId> {
        std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
