//! The trail, and what it takes to write it.
use super::{queue::AuditQueue, tally::Tally};
use crate::{clock::Clock, config, storage::Db};
use aws_lc_rs::hmac;
use keyward_shared::mask::Masker;
use std::sync::Arc;

pub struct Trail {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) settings: config::Audit,
    /// Seals the chain.
    pub(super) key: hmac::Key,
    /// Knows the secrets of the settings, and what those look like that are issued.
    pub masker: Arc<Masker>,
    pub(super) queue: AuditQueue,
    /// Events that are counted rather than written one by one.
    pub(super) tally: Tally,
}

impl Trail {
    #[must_use]
    pub fn new(db: Db, clock: Clock, settings: config::Audit, key: hmac::Key, masker: Arc<Masker>) -> Self {
        Self { db, clock, settings, key, masker, queue: AuditQueue::default(), tally: Tally::default() }
    }
}
