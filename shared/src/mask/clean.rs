//! Texts that were searched lately and hold no secret: most of them come again, as names and identifiers do.
use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// Texts that are remembered. A new one takes the place of whichever has the same.
const PLACES: usize = 4096;

/// Their hashes, by a key of this process that nobody else knows.
pub(super) struct CleanTexts {
    key: RandomState,
    places: Box<[AtomicU64]>,
}

impl Default for CleanTexts {
    fn default() -> Self {
        let places = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        Self { key: RandomState::new(), places }
    }
}

impl CleanTexts {
    pub fn holds(&self, text: &str) -> bool {
        let (place, hash) = self.place(text);
        place.load(Ordering::Relaxed) == hash
    }

    pub fn add(&self, text: &str) {
        let (place, hash) = self.place(text);
        place.store(hash, Ordering::Relaxed);
    }

    /// No hash is that of an empty place.
    fn place(&self, text: &str) -> (&AtomicU64, u64) {
        let hash = self.key.hash_one(text);
        #[allow(clippy::cast_possible_truncation)] // the lowest bits are as good as any
        (&self.places[(hash >> 1) as usize % PLACES], hash | 1)
    }
}

#[cfg(test)]
mod tests {
    use crate::mask::Masker;

    #[test]
    fn a_text_that_was_found_clean_is_masked_by_whoever_knows_more() {
        let masker = Masker::of(["a configured secret"]).unwrap();
        for _ in 0..2 {
            assert_eq!(masker.text("tomorrow at noon"), "tomorrow at noon");
            assert!(masker.is_clean("tomorrow at noon") && !masker.is_clean("it is a configured secret"));
            assert!(masker.text("it is a configured secret").starts_with("it is sha256:"));
        }
        let more = masker.beside(["tomorrow"]);
        assert!(!more.is_clean("tomorrow at noon") && more.text("tomorrow at noon").starts_with("sha256:"));
        assert!(masker.is_clean("tomorrow at noon"));
    }

    #[test]
    fn more_texts_than_there_are_places_for_are_each_judged_right() {
        let masker = Masker::of(["a configured secret"]).unwrap();
        for number in 0..2 * super::PLACES {
            assert!(masker.is_clean(&number.to_string()));
            assert!(!masker.is_clean(&format!("{number} a configured secret")));
        }
    }
}
