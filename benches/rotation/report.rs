//! What was sent, how long it took, and what failed.
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    TokenJwt,
    TokenOpaque,
    IntrospectJwt,
    IntrospectOpaque,
    GuardKeys,
    GuardAskingJwt,
    GuardAskingOpaque,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::TokenJwt,
        Self::TokenOpaque,
        Self::IntrospectJwt,
        Self::IntrospectOpaque,
        Self::GuardKeys,
        Self::GuardAskingJwt,
        Self::GuardAskingOpaque,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::TokenJwt => "/token, JWT",
            Self::TokenOpaque => "/token, opaque",
            Self::IntrospectJwt => "/introspect, JWT",
            Self::IntrospectOpaque => "/introspect, opaque",
            Self::GuardKeys => "guard with keys, JWT",
            Self::GuardAskingJwt => "guard that asks, signed, JWT",
            Self::GuardAskingOpaque => "guard that asks, opaque",
        }
    }
}

/// Microseconds of each request that went well, and how many did not, by kind.
#[derive(Default)]
pub struct Report([(Vec<u32>, usize); Kind::ALL.len()]);

impl Report {
    pub fn succeeded(&mut self, kind: Kind, took: Duration) {
        self.0[kind as usize].0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn failed(&mut self, kind: Kind) {
        self.0[kind as usize].1 += 1;
    }

    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (mine, (times, failures)) in self.0.iter_mut().zip(other.0) {
            mine.0.extend(times);
            mine.1 += failures;
        }
        self
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.0[kind as usize].0.len()
    }

    pub fn failures(&self) -> usize {
        self.0.iter().map(|(_, failures)| failures).sum()
    }

    pub fn print(&self, took: Duration) {
        println!(
            "\n{:30} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8}",
            "ms", "requests", "failures", "p50", "p90", "p99", "max"
        );
        for (kind, (times, failures)) in Kind::ALL.iter().zip(&self.0) {
            let mut times = times.clone();
            times.sort_unstable();
            let percentile = |percent: usize| {
                let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
                times.get(at).map_or(f64::NAN, |microseconds| f64::from(*microseconds) / 1000.0)
            };
            let [p50, p90, p99, max] = [50, 90, 99, 100].map(percentile);
            let name = kind.name();
            println!("{name:30} {:>9} {failures:>9} {p50:>8.2} {p90:>8.2} {p99:>8.2} {max:>8.2}", times.len());
        }
        let all: usize = Kind::ALL.iter().map(|kind| self.count(*kind)).sum();
        let per_second = u128::try_from(all).unwrap_or_default() * 1000 / took.as_millis().max(1);
        println!("{:30} {all:>9} {:>9} {per_second:>6}/s", "all", self.failures());
    }
}
