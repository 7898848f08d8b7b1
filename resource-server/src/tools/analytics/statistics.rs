//! Descriptive statistics.
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statistics {
    pub mean: f64,
    pub median: f64,
    /// The most frequent value; of several, the one that comes first.
    pub mode: f64,
    /// Of a sample (divided by one less than the count); 0 for a single value.
    pub variance: f64,
    pub min: f64,
    pub max: f64,
}

impl Statistics {
    /// `None` without values, or if a result exceeds the range of numbers.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let upper = sorted[half];
        let median = if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[half - 1], upper) };
        let (mean, variance) = moments(values);
        let all = Self { mean, median, mode: mode(values)?, variance, min, max };
        [mean, median, variance, max - min].iter().all(|value| value.is_finite()).then_some(all)
    }

    /// The standard deviation.
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }
}

/// Mean and variance in one numerically stable pass (Welford).
fn moments(values: &[f64]) -> (f64, f64) {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    (mean, if count > 1.0 { squares / (count - 1.0) } else { 0.0 })
}

fn mode(values: &[f64]) -> Option<f64> {
    let mut counts = HashMap::<u64, usize>::new();
    // Minus zero counts as zero.
    let key = |value: f64| (value + 0.0).to_bits();
    for value in values {
        *counts.entry(key(*value)).or_default() += 1;
    }
    let most = counts.values().max()?;
    values.iter().copied().find(|value| counts.get(&key(*value)) == Some(most))
}

/// Pearson's coefficient; `None` if the values of a column are all equal.
pub(super) fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let ((mean, variance), (other_mean, other_variance)) = (moments(one), moments(other));
    let products: Vec<_> = one.iter().zip(other).map(|(a, b)| (a - mean) * (b - other_mean)).collect();
    let (covariance, _) = moments(&products);
    let count = f64::from(u32::try_from(products.len()).ok()?);
    let coefficient = covariance * count / (count - 1.0) / (variance * other_variance).sqrt();
    coefficient.is_finite().then_some(coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_textbook() {
        let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-12 * other.abs().max(1.0), "{one} {other}");
        let all = Statistics::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        close(all.mean, 5.0);
        close(all.median, 4.5);
        close(all.mode, 4.0);
        close(all.variance, 32.0 / 7.0);
        close(all.deviation(), 2.138_089_935_299_395);
        assert_eq!((all.min, all.max), (2.0, 9.0));
        let odd = Statistics::of(&[3.0, -1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.mode), (2.0, 3.0));
        let one = Statistics::of(&[7.5]).unwrap();
        assert_eq!((one.mean, one.median, one.mode, one.variance), (7.5, 7.5, 7.5, 0.0));
        assert!(Statistics::of(&[-0.0, 1.0, 0.0]).unwrap().mode.abs() < 0.5);
    }

    /// NIST's `NumAcc3`: most digits are the same in all values.
    #[test]
    fn digits_are_not_lost_where_values_are_alike() {
        let values: Vec<_> =
            (0..1001).map(|n| 1_000_000.2 + [0.0, -0.1, 0.1][if n == 0 { 0 } else { 1 + n % 2 }]).collect();
        let all = Statistics::of(&values).unwrap();
        assert!((all.mean - 1_000_000.2).abs() < 1e-9, "{}", all.mean);
        assert!((all.deviation() - 0.1).abs() < 1e-8, "{}", all.deviation());
    }

    #[test]
    fn what_cannot_be_calculated_has_no_statistics() {
        assert_eq!(Statistics::of(&[]), None);
        assert_eq!(Statistics::of(&[f64::MAX, -f64::MAX]), None);
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(correlation(&[1.0], &[1.0]), None);
    }

    #[test]
    fn correlation_is_one_for_a_line_and_minus_one_for_one_that_falls() {
        let line = |slope: f64| correlation(&[1.0, 2.0, 4.0], &[slope, 2.0 * slope, 4.0 * slope]).unwrap();
        assert!((line(3.0) - 1.0).abs() < 1e-12 && (line(-3.0) + 1.0).abs() < 1e-12);
        let known = correlation(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 4.0, 5.0, 4.0, 5.0]).unwrap();
        assert!((known - 0.774_596_669_241_483_4).abs() < 1e-12, "{known}");
    }
}
