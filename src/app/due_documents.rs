//! Documents of clients that are to be fetched again while nobody waits for them.
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

/// More than this are not waited for; whoever comes again asks again.
const MAX_DUE: usize = 1_000;

impl DueDocuments {
    pub fn add(&self, id: &ClientId) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() < MAX_DUE {
            due.insert(id.clone());
            self.wake.notify_one();
        }
    }

    /// How many are due.
    #[must_use]
    pub fn count(&self) -> usize {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Until there is one.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// All of them, which are due no more.
    pub fn take(&self) -> HashSet<ClientId> {
        std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
