//! The clients lately asked for, in memory.
use super::due_documents::DueDocuments;
use crate::{
    clock::{Clock, Moment},
    config::ClientMetadataDocuments,
    error::OAuthError,
    model::{Client, ClientId, ClientSource},
    storage::{self, Db, changes::Changes},
};
use keyward_limits::{shares::Table, source::Source};
use std::sync::{
    Arc, PoisonError, RwLock, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering},
};
use time::Duration;

/// Bytes: bounds what a flood of registrations can make us remember.
const MAX_REMEMBERED: usize = 16 * 1024 * 1024;
/// In memory a client takes about this many times the bytes of its JSON, and this beside.
const UNFOLDED: usize = 8;
const BESIDE: usize = 256;
/// To whom a place in memory belongs: what strangers register never pushes out what the operator set up.
const OPERATOR: Source = Source::Party(0);
const STRANGERS: Source = Source::Party(1);
/// Whoever changes a row says so; this is for the case that somebody forgot.
const MAX_AGE: Duration = Duration::MINUTE;

/// The clients lately asked for. Exact: whoever changes a row says so, other processes through the database; while they
/// cannot be heard, nothing is believed.
pub struct Clients {
    /// Documents that are to be fetched again.
    pub due: DueDocuments,
    db: Db,
    documents: ClientMetadataDocuments,
    clock: Clock,
    heard: Arc<Changes>,
    remembered: RwLock<Table<ClientId, (Arc<Client>, Moment)>>,
    /// Counts the changes, so that a row read before one is not remembered after it.
    changes: AtomicU64,
}

impl Clients {
    #[must_use]
    pub fn new(db: Db, documents: ClientMetadataDocuments, clock: Clock, heard: Arc<Changes>) -> Self {
        let remembered = RwLock::new(empty());
        Self { due: DueDocuments::default(), db, documents, clock, heard, remembered, changes: AtomicU64::new(0) }
    }

    /// As it is on record, which for a client with a metadata document may be out of date; `None` if the operator no
    /// longer lets in clients that its host describes.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, OAuthError> {
        Ok(self.on_record(id).await?.filter(|client| self.lets_in(client)))
    }

    fn lets_in(&self, client: &Client) -> bool {
        client.source != ClientSource::Cimd || self.documents.lets_client_in(client.id.as_str())
    }

    async fn on_record(&self, id: &str) -> Result<Option<Arc<Client>>, OAuthError> {
        let id = ClientId::from(id);
        if let Some(client) = self.recall(&id) {
            return Ok(Some(client));
        }
        let (changes, read_at) = (self.changes.load(Ordering::Acquire), self.clock.moment());
        let Some(client) = storage::clients::find(&self.db, &id).await? else { return Ok(None) };
        let client = Arc::new(client);
        let mut remembered = self.write();
        if self.heard.are_heard() && self.changes.load(Ordering::Acquire) == changes {
            let bytes = serde_json::to_vec(&client.metadata).map_or(MAX_REMEMBERED, |json| json.len() * UNFOLDED);
            let whose = if client.source == ClientSource::Seed { OPERATOR } else { STRANGERS };
            remembered.insert(whose, id, (client.clone(), read_at), bytes + BESIDE);
        }
        Ok(Some(client))
    }

    fn recall(&self, id: &ClientId) -> Option<Arc<Client>> {
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        let (client, read_at) = remembered.peek(id).filter(|_| self.heard.are_heard())?;
        (self.clock.age(*read_at) < MAX_AGE).then(|| client.clone())
    }

    /// Bytes that are remembered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.remembered.read().unwrap_or_else(PoisonError::into_inner).weight()
    }

    /// After its row changed.
    pub fn forget(&self, id: &ClientId) {
        let mut remembered = self.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        remembered.remove(id);
    }

    /// After anything may have changed unheard.
    pub fn forget_all(&self) {
        let mut remembered = self.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        *remembered = empty();
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<ClientId, (Arc<Client>, Moment)>> {
        self.remembered.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty<T>() -> Table<ClientId, T> {
    Table::new(MAX_REMEMBERED, MAX_REMEMBERED)
}
