//! The observer of a surface's gate: passes requests to log, audit and metrics, and notices ended sessions.
use super::{Records, arrival::Arrival};
use crate::accounts::Accounts;
use axum::{extract::Request, http::Extensions};
use futures_util::future::{BoxFuture, FutureExt};
use keyward_guard::{Observer, Passage, challenge::RequestId};
use std::sync::Arc;

pub(crate) struct SurfaceWatch {
    /// The surface's id.
    pub surface: Arc<str>,
    pub records: Arc<Records>,
    /// The surface's people, if they log in there.
    pub accounts: Option<Arc<Accounts>>,
}

impl Observer for SurfaceWatch {
    fn arrived(&self, request: &Request, id: &RequestId, notes: &mut Extensions) {
        notes.insert(Arrival::new(request, id, &self.surface, &self.records.masker));
    }

    fn answered(&self, mut passage: Passage) -> BoxFuture<'_, ()> {
        async move {
            if let Some(arrival) = passage.notes.remove::<Arrival>() {
                self.records.add(arrival, passage).await;
            }
        }
        .boxed()
    }

    /// Ending a session logs its user out.
    fn session_ended(&self, id: &str) {
        if let Some(accounts) = &self.accounts {
            accounts.logins.unbind(id);
        }
    }
}
