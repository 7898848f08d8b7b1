//! Secrets that this server knows, from the settings or minted, stored as hashes.
use crate::settings::KeySettings;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use keyward_guard::{
    digest::{self, Digest},
    scopes::words,
};
use std::sync::{PoisonError, RwLock};
use time::OffsetDateTime;

#[derive(Clone)]
pub(crate) struct Key {
    pub hash: Digest,
    /// `None`: not limited to scopes.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(Default)]
pub(crate) struct Keys(RwLock<Vec<Key>>);

impl Keys {
    pub fn new(settings: &[KeySettings]) -> Self {
        let key = |settings: &KeySettings| {
            let scopes = settings.scope.as_deref().map(words);
            Key { hash: settings.secret.digest(), scopes, expires_at: None }
        };
        Self(RwLock::new(settings.iter().map(key).collect()))
    }

    pub fn add(&self, key: Key, now: OffsetDateTime) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| key.expires_at.is_none_or(|at| at > now));
        keys.push(key);
    }

    /// Compares with every key in constant time.
    pub fn find(&self, presented: &str, now: OffsetDateTime) -> Option<Key> {
        let hash = digest::of(presented.as_bytes());
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let alive = keys.iter().filter(|key| key.expires_at.is_none_or(|at| at > now));
        alive.fold(None, |found, key| {
            let same = verify_slices_are_equal(&key.hash, &hash).is_ok();
            if same { Some(key.clone()) } else { found }
        })
    }
}
