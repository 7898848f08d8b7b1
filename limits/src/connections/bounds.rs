//! What connections may take: how many there are, and how long each step of one may last.
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once. Never more than three quarters of the files that the process may open.
    pub total: usize,
    /// Connections at once of one source that is no trusted proxy. Behind a proxy: answers under way to one source.
    pub per_source: usize,
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Without a byte of a body coming in, or of an answer being read. Bytes that keep moving prolong it.
    pub stall: Duration,
    /// For answers under way after the server was asked to stop.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            total: 1024,
            per_source: 128,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}
