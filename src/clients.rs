//! Clients: found in memory, authenticated, registered.
pub mod authenticate;
pub mod register;

use crate::{
    error::OAuthError,
    model::{Client, ClientId},
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
    remembered: RwLock<HashMap<ClientId, Arc<Client>>>,
    /// Counts the changes, so that a row read before one is not remembered after it.
    changes: AtomicU64,
}

impl Clients {
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, remembered: RwLock::default(), changes: AtomicU64::new(0) }
    }

    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, OAuthError> {
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
