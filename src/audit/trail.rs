//! The audit trail, and what is needed to write to it.
use super::{queue::AuditQueue, tally::Tally};
use crate::{clock::Clock, config, storage::Db};
use aws_lc_rs::hmac;
use keyward_shared::mask::Masker;
use std::sync::Arc;

pub struct Trail {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) settings: config::AuditSettings,
    /// Seals the chain.
    pub(super) key: hmac::Key,
    /// Masks the secrets of the settings, and anything that looks like a secret we issue.
    pub masker: Arc<Masker>,
    pub(super) queue: AuditQueue,
    /// Events that are counted instead of written one by one.
    pub(super) tally: Tally,
}

impl Trail {
    #[must_use]
    pub fn new(db: Db, clock: Clock, settings: config::AuditSettings, key: hmac::Key, masker: Arc<Masker>) -> Self {
        Self { db, clock, settings, key, masker, queue: AuditQueue::default(), tally: Tally::default() }
    }
}
