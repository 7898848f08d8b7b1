//! The cache of clients.
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

/// Bytes of the cache: a flood of registrations cannot make it larger.
const MAX_CACHE_BYTES: usize = 16 * 1024 * 1024;
/// A cached client takes about this many times the bytes of its JSON, plus a constant.
const MEMORY_PER_JSON_BYTE: usize = 8;
const MEMORY_PER_CLIENT: usize = 256;
/// The cache budget that clients of the operator count against: strangers' registrations never evict them.
const OPERATOR: Source = Source::Party(0);
const STRANGERS: Source = Source::Party(1);
/// A safety net: every change of a row invalidates its entry, but some code might forget to.
const MAX_AGE: Duration = Duration::MINUTE;

/// Recently used clients. The cache is exact: every change of a row invalidates its entry, also when another process
/// made the change. While the database cannot report such changes, the cache is not used.
pub struct Clients {
    /// Metadata documents that need fetching again.
    pub due: DueDocuments,
    db: Db,
    documents: ClientMetadataDocuments,
    clock: Clock,
    heard: Arc<Changes>,
    remembered: RwLock<Table<ClientId, (Arc<Client>, Moment)>>,
    /// Counts the changes, so that a row which was read before a change is not cached after it.
    changes: AtomicU64,
}

impl Clients {
    #[must_use]
    pub fn new(db: Db, documents: ClientMetadataDocuments, clock: Clock, heard: Arc<Changes>) -> Self {
        let remembered = RwLock::new(empty());
        Self { due: DueDocuments::default(), db, documents, clock, heard, remembered, changes: AtomicU64::new(0) }
    }

    /// The client as the database has it; for a client with a metadata document that may be out of date. `None` if the
    /// operator no longer admits the host of its document.
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
            let bytes = serde_json::to_vec(&(&client.metadata, &client.policy))
                .map_or(MAX_CACHE_BYTES, |json| json.len() * MEMORY_PER_JSON_BYTE);
            let whose = if client.source == ClientSource::Seed { OPERATOR } else { STRANGERS };
            remembered.insert(whose, id, (client.clone(), read_at), bytes + MEMORY_PER_CLIENT);
        }
        Ok(Some(client))
    }

    fn recall(&self, id: &ClientId) -> Option<Arc<Client>> {
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        let (client, read_at) = remembered.peek(id).filter(|_| self.heard.are_heard())?;
        (self.clock.age(*read_at) < MAX_AGE).then(|| client.clone())
    }

    /// Bytes that the cache holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.remembered.read().unwrap_or_else(PoisonError::into_inner).weight()
    }

    /// Called after the client's row changed.
    pub fn forget(&self, id: &ClientId) {
        let mut remembered = self.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        remembered.remove(id);
    }

    /// Called after changes may have been missed.
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
    Table::new(MAX_CACHE_BYTES, MAX_CACHE_BYTES)
}
