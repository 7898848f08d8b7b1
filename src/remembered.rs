//! What is remembered so as not to be asked for again: bounded in bytes, so that no flood of it fills the memory.
use std::{collections::HashMap, hash::Hash};

pub struct Remembered<K, V> {
    entries: HashMap<K, (V, usize)>,
    bytes: usize,
    most: usize,
}

/// What an entry costs beside its contents.
const BESIDE: usize = 256;

impl<K: Eq + Hash, V> Remembered<K, V> {
    /// Of so many bytes at most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), bytes: 0, most }
    }

    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// `bytes` is what key and value take. What is too large for it is not remembered; where it would be one too many,
    /// all others are forgotten first, which costs no more than asking for them again.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        let bytes = bytes.saturating_add(BESIDE);
        if bytes > self.most {
            return;
        }
        if self.bytes + bytes > self.most {
            self.clear();
        }
        self.bytes += bytes;
        self.entries.insert(key, (value, bytes));
    }

    pub fn remove(&mut self, key: &K) {
        if let Some((_, bytes)) = self.entries.remove(key) {
            self.bytes -= bytes;
        }
    }

    pub fn clear(&mut self) {
        self.entries = HashMap::new();
        self.bytes = 0;
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_comes_and_goes_it_never_holds_more_than_it_may(steps: Vec<(u8, Option<u16>)>) {
            let mut remembered = Remembered::new(10_000);
            for (key, step) in steps {
                match step {
                    Some(bytes) => remembered.insert(key, bytes, bytes.into()),
                    None => remembered.remove(&key),
                }
                let sum: usize = remembered.entries.values().map(|(_, bytes)| bytes).sum();
                prop_assert_eq!(remembered.bytes(), sum);
                prop_assert!(sum <= 10_000);
                if let (Some(bytes), true) = (step, step.is_some_and(|bytes| usize::from(bytes) + BESIDE <= 10_000)) {
                    prop_assert_eq!(remembered.get(&key), Some(&bytes));
                }
            }
        }
    }
}
