//! Invented values that are the same for the same request, and identifiers that are always new.
use super::Failure;
use aws_lc_rs::rand;
use keyward_guard::digest;

/// Values derived from a seed (`SplitMix64`). They are not random enough for secrets.
pub(super) struct Fake(u64);

impl Fake {
    /// Seeded by the parts of a request.
    pub fn of(parts: &[&str]) -> Self {
        let hash = digest::of(serde_json::json!(parts).to_string().as_bytes());
        Self(hash[..8].iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = u64::from(high.abs_diff(low)) + 1;
        low.saturating_add(i32::try_from(self.next() % span).unwrap_or_default())
    }

    /// From `low` to `high`, in tenths.
    pub fn tenths(&mut self, low: i32, high: i32) -> f64 {
        f64::from(self.between(low * 10, high * 10)) / 10.0
    }

    /// One of these values; the default if there are none.
    pub fn one<T: Copy + Default>(&mut self, all: &[T]) -> T {
        let last = i32::try_from(all.len()).unwrap_or(i32::MAX).saturating_sub(1).max(0);
        let index = usize::try_from(self.between(0, last)).unwrap_or_default();
        all.get(index).copied().unwrap_or_default()
    }

    /// `prefix` and 12 hexadecimal digits.
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}_{:012x}", self.next() >> 16)
    }
}

/// `prefix` and 64 random bits, in hexadecimal.
pub(super) fn fresh_id(prefix: &str) -> Result<String, Failure> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes)?;
    Ok(format!("{prefix}_{:016x}", u64::from_be_bytes(bytes)))
}

/// To so many digits behind the point.
pub(super) fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_another_another() {
        let answer = |parts: &[&str]| Fake::of(parts).id("a");
        assert_eq!(answer(&["city", "Oslo"]), answer(&["city", "Oslo"]));
        assert_ne!(answer(&["city", "Oslo"]), answer(&["cityO", "slo"]));
        assert_ne!(fresh_id("a").unwrap(), fresh_id("a").unwrap());
    }

    #[test]
    fn values_stay_within_their_bounds_and_reach_them() {
        let mut fake = Fake::of(&["bounds"]);
        let all: Vec<_> = (0..1000).map(|_| fake.between(-2, 2)).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&-2), Some(&2)));
        assert_eq!(fake.between(i32::MIN, i32::MIN), i32::MIN);
        assert_eq!(fake.one::<i32>(&[]), 0);
        let _ = (0..1000).map(|_| fake.between(i32::MIN, i32::MAX)).count();
    }
}
