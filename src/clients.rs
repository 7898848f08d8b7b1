//! Clients: found in memory, authenticated, registered, configured, described by documents.
pub mod authenticate;
pub mod configured;
pub mod keys;
pub mod logos;
pub mod manage;
pub mod metadata_document;
pub mod register;

use crate::{
    config::ClientMetadataDocuments,
    error::OAuthError,
    model::{Client, ClientId, ClientSource},
    storage::{self, Db},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bounds what a flood of registrations can make us remember.
const MAX_REMEMBERED: usize = 10_000;

/// The clients lately asked for. Exact: whoever changes a row says so, other nodes through the database.
pub struct Clients {
    db: Db,
    documents: ClientMetadataDocuments,
    remembered: RwLock<HashMap<ClientId, Arc<Client>>>,
    /// Counts the changes, so that a row read before one is not remembered after it.
    changes: AtomicU64,
}

impl Clients {
    #[must_use]
    pub fn new(db: Db, documents: ClientMetadataDocuments) -> Self {
        Self { db, documents, remembered: RwLock::default(), changes: AtomicU64::new(0) }
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
        if let Some(client) = self.remembered.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Some(client.clone()));
        }
        let changes = self.changes.load(Ordering::Acquire);
        let Some(client) = storage::clients::find(&self.db, &id).await? else { return Ok(None) };
        let client = Arc::new(client);
        let mut remembered = self.write();
        if self.changes.load(Ordering::Acquire) == changes {
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(id, client.clone());
        }
        Ok(Some(client))
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
        remembered.clear();
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ClientId, Arc<Client>>> {
        self.remembered.write().unwrap_or_else(PoisonError::into_inner)
    }
}
