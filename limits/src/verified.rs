//! Tokens whose signature was verified a moment ago: what they said, kept by the digest of the token, so that the
//! signature is not verified again. Whatever can end a token is still to be judged.
use crate::{shares::Table, source::Source};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock, Weak},
};
use time::{Duration, OffsetDateTime};

/// SHA-256 of a token.
pub type TokenDigest = [u8; 32];

/// After that a signature is verified again.
const KEPT: Duration = Duration::minutes(10);
/// Bytes of all that is kept, of which the tokens of one subject take half at most.
const MOST: usize = 8 * 1024 * 1024;
const MOST_OF_SUBJECT: usize = MOST / 2;
/// What a token takes beside its text, and so how many there can be.
const LEAST: usize = 1536;

/// What tokens said, each with the key that verified it. Only that very key keeps it: one that was withdrawn, or read
/// anew, verifies again.
pub struct VerifiedTokens<K, T> {
    hashes: RandomState,
    table: RwLock<Table<TokenDigest, Verified<K, T>>>,
}

struct Verified<K, T> {
    key: Weak<K>,
    said: Arc<T>,
    at: OffsetDateTime,
}

impl<K, T> Verified<K, T> {
    /// A clock that was set back makes nothing younger.
    fn is_young(&self, now: OffsetDateTime) -> bool {
        (Duration::ZERO..KEPT).contains(&(now - self.at))
    }
}

impl<K, T> Default for VerifiedTokens<K, T> {
    fn default() -> Self {
        Self { hashes: RandomState::new(), table: RwLock::new(Table::new(MOST, MOST_OF_SUBJECT)) }
    }
}

impl<K, T> VerifiedTokens<K, T> {
    /// What the token said, if its signature was verified lately, by a key that is still `held`.
    pub fn find(&self, token: &TokenDigest, now: OffsetDateTime, held: impl FnOnce(&Arc<K>) -> bool) -> Option<Arc<T>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let verified = table.peek(token)?;
        let is_held = verified.is_young(now) && verified.key.upgrade().is_some_and(|key| held(&key));
        is_held.then(|| Arc::clone(&verified.said))
    }

    /// Forgets what no longer counts: for housekeeping.
    pub fn sweep(&self, now: OffsetDateTime) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, verified| verified.is_young(now) && verified.key.strong_count() > 0);
    }

    /// Remembers a token of so many bytes, about `subject`, that this key verified. A subject with many pushes out its own.
    pub fn remember(
        &self,
        token: TokenDigest,
        (bytes, subject): (usize, &str),
        key: &Arc<K>,
        said: &Arc<T>,
        now: OffsetDateTime,
    ) {
        let source = Source::Party(self.hashes.hash_one(subject).into());
        let verified = Verified { key: Arc::downgrade(key), said: Arc::clone(said), at: now };
        self.table.write().unwrap_or_else(PoisonError::into_inner).insert(source, token, verified, bytes + LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: OffsetDateTime = time::macros::datetime!(2026-01-01 12:00 UTC);

    fn digest(number: usize) -> TokenDigest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn what_a_token_said_is_known_for_ten_minutes_and_only_as_long_as_its_own_key_is_held() {
        let (verified, key, same) = (VerifiedTokens::default(), Arc::new("key"), Arc::new("key"));
        verified.remember(digest(1), (600, "alice"), &key, &Arc::new("said"), NOON);
        let find = |token, seconds, held: &Arc<&str>| {
            verified.find(&digest(token), NOON + Duration::seconds(seconds), |key| Arc::ptr_eq(key, held)).is_some()
        };
        assert!(find(1, 0, &key) && find(1, 599, &key));
        assert!(!find(1, 600, &key) && !find(1, -1, &key) && !find(2, 0, &key));
        assert!(!find(1, 0, &same), "another key of the same name did not verify it");
        let kept = || verified.table.read().unwrap().len();
        verified.sweep(NOON + Duration::seconds(599));
        assert_eq!(kept(), 1);
        drop(key);
        assert!(verified.find(&digest(1), NOON, |_| true).is_none());
        verified.sweep(NOON);
        verified.remember(digest(2), (600, "alice"), &same, &Arc::new("said"), NOON);
        assert_eq!(kept(), 1);
        verified.sweep(NOON + Duration::seconds(600));
        assert_eq!(kept(), 0);
    }

    #[test]
    fn memory_is_bounded_and_a_subject_with_many_tokens_pushes_out_its_own_only() {
        let (verified, key) = (VerifiedTokens::default(), Arc::new(()));
        let remember = |number, bytes, subject: &str| {
            verified.remember(digest(number), (bytes, subject), &key, &Arc::new(()), NOON);
        };
        remember(0, 600, "honest");
        (1..10_000).for_each(|number| remember(number, 600, ["a", "b", "c"][number % 3]));
        // One that is too long is not kept at all.
        remember(10_000, MOST_OF_SUBJECT, "long");
        let kept = |number| verified.find(&digest(number), NOON, |_| true).is_some();
        assert!(kept(0) && kept(9_999) && !kept(1) && !kept(10_000));
        let table = verified.table.read().unwrap();
        assert!(table.weight() <= MOST && table.len() <= MOST / LEAST);
    }
}
