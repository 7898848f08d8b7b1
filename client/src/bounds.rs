//! How long anything may take, and how many bytes may come: every limit of the program stands here.
use crate::error::{Failure, Result};
use std::{future::Future, pin::pin, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Bytes of a metadata document, or of an answer of an authorization server.
pub const DOCUMENT: usize = 1 << 20;
/// Bytes of one result of an MCP server, in one body or one event.
pub const RESULT: usize = 16 << 20;
/// Bytes of all answers of one run.
pub const RUN: usize = 64 << 20;
/// Characters of one line that says what went wrong.
pub const LINE: usize = 2000;
/// Pages of one list.
pub const PAGES: usize = 1000;
/// Redirects of one document.
pub const REDIRECTS: usize = 3;
/// Redirects of a sign-in without a person.
pub const STEPS: usize = 10;
/// How often a server may ask back before it answers.
pub const QUESTIONS: usize = 8;
/// How often a broken stream is taken up again.
pub const RESUMPTIONS: usize = 10;
/// Connections to the login's callback at a time.
pub const VISITORS: usize = 32;
/// Bytes that one of them may send.
pub const VISIT: usize = 16 * 1024;
/// How long one of them may take.
pub const VISIT_TIME: Duration = Duration::from_secs(5);
/// Bytes of a line that a person pastes.
pub const PASTE: u64 = 64 * 1024;
/// The shortest and the longest interval of the device flow's polling, in seconds (RFC 8628 §3.5).
pub const POLL: (f64, f64) = (0.2, 60.0);
/// For one connection to be made. After it, the next address of the host is tried.
pub const CONNECT: Duration = Duration::from_secs(10);

/// When the time of the servers is over. The time of a person is counted separately.
pub struct Deadline {
    end: watch::Sender<Instant>,
    given: Duration,
    patience: Duration,
}

impl Deadline {
    /// `given` is for all servers together, `patience` for each question to a person.
    pub fn new(given: Duration, patience: Duration) -> Self {
        // A year is longer than anybody waits, and shorter than clocks reach.
        let at_most = |time: Duration| time.min(Duration::from_hours(24 * 365));
        let (given, patience) = (at_most(given), at_most(patience));
        Self { end: watch::Sender::new(Instant::now() + given), given, patience }
    }

    /// Does the work of a verb, and ends it at the deadline.
    pub async fn hold<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let (mut work, mut end) = (pin!(work), self.end.subscribe());
        loop {
            let now = *end.borrow_and_update();
            tokio::select! {
                result = &mut work => return result,
                _ = end.changed() => {}
                () = sleep_until(now) => {
                    let given = self.given.as_secs();
                    let message = format!("the servers were not done after {given} s; --timeout SECONDS gives them more");
                    return Err(Failure::new("timeout", message));
                }
            }
        }
    }

    /// Waits for a person, at most this long and at most the patience.
    pub async fn person<T>(&self, at_most: Duration, wait: impl Future<Output = T>) -> Result<T> {
        let (begun, patience) = (Instant::now(), self.patience.min(at_most));
        // The deadline of the servers moves back while the person is asked.
        self.end.send_modify(|end| *end += patience);
        let waited = tokio::time::timeout(patience, wait).await;
        self.end.send_modify(|end| *end = *end - patience + begun.elapsed());
        waited.map_err(|_| {
            Failure::new(
                "timeout",
                format!(
                    "nobody signed in or answered within {} s; --patience SECONDS waits longer",
                    patience.as_secs()
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests;
