//! Connections that only read.
use crate::storage::driver::{Answer, ConnectOptions, Connection, Query};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// Connections that are kept open; each caches up to 2 MiB of pages.
const MAX_IDLE: usize = 4;
/// Long queries at a time: they share the disk and the processors with everything else.
const MAX_SCANS: usize = 2;

#[derive(Debug)]
pub(super) struct Readers {
    options: ConnectOptions,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
    scans: Semaphore,
}

impl Readers {
    pub(super) fn new(file: &Path) -> Self {
        let options = ConnectOptions { read_only: true, ..ConnectOptions::new(file) };
        Self { options, idle: Mutex::new(Some(vec![])), scans: Semaphore::new(MAX_SCANS) }
    }

    pub(super) fn connect(&self) -> sqlx::Result<Connection> {
        self.options.open()
    }

    pub(super) fn run(&self, query: Query) -> sqlx::Result<Answer> {
        let idle = self.with_idle(|idle| idle.as_mut().map(Vec::pop)).ok_or(sqlx::Error::PoolClosed)?;
        let connection = idle.map_or_else(|| self.connect(), Ok)?;
        // A connection that failed is not used again.
        let answer = connection.run(query)?;
        self.with_idle(|idle| {
            if let Some(idle) = idle.as_mut().filter(|idle| idle.len() < MAX_IDLE) {
                idle.push(connection);
            }
        });
        Ok(answer)
    }

    /// As [`Self::run`], on a thread that may wait for the disk.
    pub(super) async fn scan(self: &Arc<Self>, query: Query) -> sqlx::Result<Answer> {
        let _turn = self.scans.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let this = self.clone();
        let scanned = tokio::task::spawn_blocking(move || this.run(query));
        scanned.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    pub(super) fn close(&self) {
        self.scans.close();
        self.with_idle(Option::take);
    }

    fn with_idle<T>(&self, then: impl FnOnce(&mut Option<Vec<Connection>>) -> T) -> T {
        then(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
