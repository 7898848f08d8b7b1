//! The context of a call: everything that a tool gets in addition to its arguments.
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
    /// The party that an attempted password counts for.
    pub asker: Asker,
    /// The source that the call counts for.
    pub source: Source,
    pub client: Client,
    /// The surface's id.
    pub surface: Arc<str>,
    /// The surface's people, if they log in there.
    pub accounts: Option<Arc<Accounts>>,
    pub store: Store,
    pub clock: Clock,
    /// Whether missing data may be invented; the result says so.
    pub demo: bool,
    /// The program that answers SQL queries.
    pub queries: Option<Arc<Path>>,
    /// The legacy session, SSE stream or process of the call; a login counts for this connection only.
    pub connection: Option<String>,
    /// Whether nobody else uses the connection, as on this process's standard input.
    pub alone: bool,
    /// Details for audit events.
    pub client_info: Value,
    pub request_id: String,
}

impl Call {
    /// The owner of the caller's documents: the same for all clients of a person, but different on each surface.
    pub fn owner(&self) -> String {
        let [issuer, subject, _] = &self.caller.principal;
        json!([&*self.surface, issuer, subject]).to_string()
    }

    /// The source of a caller without identity.
    pub fn stranger(&self) -> Option<Source> {
        Some(self.source).filter(|_| !self.caller.is_known())
    }

    /// Stores a document of the caller.
    pub async fn keep(&self, kind: &str, id: &str, body: &impl Serialize) -> Result<(), StoreError> {
        let owner = self.owner();
        match self.stranger() {
            Some(source) => self.store.put_of_stranger(source, (&owner, kind), id, body).await,
            None => self.store.put(&owner, kind, id, body).await,
        }
    }
}
