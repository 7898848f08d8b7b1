//! Connections that only read.
use crate::storage::driver::{Answer, ConnectOptions, Connection, Query};
use std::{
    num::NonZero,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long a read waits, and with it its thread, in the rare moments in which readers are locked out.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);
/// Long queries at a time: they share the disk and the processors with everything else.
const MAX_SCANS: usize = 2;

#[derive(Debug)]
pub(super) struct Readers {
    options: ConnectOptions,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
    /// As many connections stay open as can be in use at once: one of each thread that answers requests, and those of
    /// long queries. Each caches up to 2 MiB of pages.
    most: usize,
    scans: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: &Path) -> Self {
        let options = ConnectOptions { read_only: true, busy_timeout: BUSY_TIMEOUT, ..ConnectOptions::new(file) };
        let most = thread::available_parallelism().map_or(1, NonZero::get) + MAX_SCANS;
        Self { options, idle: Mutex::new(Some(vec![])), most, scans: Arc::new(Semaphore::new(MAX_SCANS)) }
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
            if let Some(idle) = idle.as_mut().filter(|idle| idle.len() < self.most) {
                idle.push(connection);
            }
        });
        Ok(answer)
    }

    /// As [`Self::run`], on a thread that may wait for the disk.
    pub(super) async fn scan(self: &Arc<Self>, query: Query) -> sqlx::Result<Answer> {
        let turn = self.scans.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let this = self.clone();
        // The turn ends with the query, also if nobody waits for it any longer.
        let scanned = tokio::task::spawn_blocking(move || {
            let answer = this.run(query);
            drop(turn);
            answer
        });
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
