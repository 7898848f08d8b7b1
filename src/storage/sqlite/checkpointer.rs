//! Copies committed pages from the log into the database file, on a thread and a connection of its own, so that no
//! writer waits for it.
use crate::storage::driver::{ConnectOptions, Connection};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How long after a commit its pages are copied.
const DELAY: Duration = Duration::from_millis(500);
/// Pages of 4 KiB (32 MiB): a larger log is restarted.
const MAX_LOG_PAGES: i64 = 8192;
/// How long restarting the log waits for readers.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Checkpointer {
    due: AtomicBool,
    requests: Sender<Request>,
}

#[derive(Debug)]
enum Request {
    Soon,
    Close(oneshot::Sender<sqlx::Result<()>>),
}

impl Checkpointer {
    pub(super) fn start(file: &Path) -> sqlx::Result<Arc<Self>> {
        let connection = ConnectOptions { busy_timeout: BUSY_TIMEOUT, ..ConnectOptions::new(file) }.open()?;
        let (requests, received) = mpsc::channel();
        let this = Arc::new(Self { due: AtomicBool::new(false), requests });
        let due = Arc::downgrade(&this);
        thread::Builder::new().name("checkpointer".into()).spawn(move || {
            serve(connection, &received, || {
                if let Some(this) = due.upgrade() {
                    this.due.store(false, Ordering::Release);
                }
            });
        })?;
        Ok(this)
    }

    pub(super) fn soon(&self) {
        if !self.due.swap(true, Ordering::AcqRel) {
            // After `close` there is nothing to copy.
            self.requests.send(Request::Soon).ok();
        }
    }

    /// Empties the log.
    pub(super) async fn close(&self) -> sqlx::Result<()> {
        let (closed, outcome) = oneshot::channel();
        match self.requests.send(Request::Close(closed)) {
            Ok(()) => outcome.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)),
            Err(_) => Ok(()),
        }
    }
}

fn serve(connection: Connection, requests: &Receiver<Request>, begin: impl Fn()) {
    let closed = loop {
        match requests.recv() {
            Ok(Request::Soon) => {}
            Ok(Request::Close(closed)) => break closed,
            Err(_) => return,
        }
        if let Some(closed) = closed_within_delay(requests) {
            break closed;
        }
        begin();
        if let Err(error) = checkpoint(&connection) {
            tracing::warn!(%error, "checkpoint failed; the next one tries again");
        }
    };
    let emptied = connection.number("PRAGMA wal_checkpoint(TRUNCATE)", 0).map(drop);
    drop(connection);
    closed.send(emptied).ok();
}

fn closed_within_delay(requests: &Receiver<Request>) -> Option<oneshot::Sender<sqlx::Result<()>>> {
    let until = Instant::now() + DELAY;
    loop {
        match requests.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Request::Close(closed)) => return Some(closed),
            Ok(Request::Soon) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn checkpoint(connection: &Connection) -> sqlx::Result<()> {
    let pages = connection.number("PRAGMA wal_checkpoint(PASSIVE)", 1)?;
    if pages > MAX_LOG_PAGES {
        connection.number("PRAGMA wal_checkpoint(RESTART)", 0)?;
    }
    Ok(())
}
