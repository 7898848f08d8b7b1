//! What a tool may know beside its arguments.
use crate::{
    accounts::Accounts,
    attempts::Asker,
    client::Client,
    store::{Store, StoreError},
};
use keyward_guard::{caller::Caller, clock::Clock};
use keyward_limits::source::Source;
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

/// One call of a tool, and whatever it was made with.
#[derive(Clone)]
pub(crate) struct Call {
    pub caller: Caller,
    /// Who may be guessing, if a password is tried.
    pub asker: Asker,
    /// Whom the call counts for.
    pub source: Source,
    pub client: Client,
    /// The surface's id.
    pub surface: Arc<str>,
    /// Its people, if they log in there.
    pub accounts: Option<Arc<Accounts>>,
    pub store: Store,
    pub clock: Clock,
    /// What is unknown may be made up, and says so.
    pub demo: bool,
    /// Answers SQL queries.
    pub queries: Option<Arc<Path>>,
    /// The legacy session, SSE stream or process that the call came on; whoever logs in there is logged in there only.
    pub connection: Option<String>,
    /// Is nobody else on it, as on this process's standard input?
    pub alone: bool,
    /// Of audit events.
    pub client_info: Value,
    pub request_id: String,
}

impl Call {
    /// Whose documents the caller's are in the store: the same for all clients of a person, another on each surface.
    pub fn owner(&self) -> String {
        let [issuer, subject, _] = &self.caller.principal;
        json!([&*self.surface, issuer, subject]).to_string()
    }

    /// Where the call came from, if that is all that is known of who makes it.
    pub fn stranger(&self) -> Option<Source> {
        Some(self.source).filter(|_| !self.caller.is_known())
    }

    /// Keeps a document of the caller's.
    pub async fn keep(&self, kind: &str, id: &str, body: &impl Serialize) -> Result<(), StoreError> {
        let owner = self.owner();
        match self.stranger() {
            Some(source) => self.store.put_of_stranger(source, (&owner, kind), id, body).await,
            None => self.store.put(&owner, kind, id, body).await,
        }
    }
}
