//! What honest people got: how much of it, how fast, and what they complain of.
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Register,
    SignIn,
    Consent,
    Redeem,
    Call,
    Refresh,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Register, Self::SignIn, Self::Consent, Self::Redeem, Self::Call, Self::Refresh];
}

/// Complaints that are told in full.
const TOLD: usize = 20;

/// How long each step that went well took, how many did not, by kind.
#[derive(Default)]
pub struct Report {
    steps: [(Vec<Duration>, usize); Kind::ALL.len()],
    complaints: Vec<String>,
}

impl Report {
    pub fn add(&mut self, kind: Kind, took: Duration, good: bool) {
        let (times, failures) = &mut self.steps[kind as usize];
        if good { times.push(took) } else { *failures += 1 }
    }

    pub fn told(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (mine, (times, failures)) in self.steps.iter_mut().zip(other.steps) {
            mine.0.extend(times);
            mine.1 += failures;
        }
        self.complaints.extend(other.complaints);
        self
    }

    fn failures(&self) -> usize {
        self.steps.iter().map(|(_, failures)| failures).sum()
    }

    fn successes(&self) -> usize {
        self.steps.iter().map(|(times, _)| times.len()).sum()
    }

    /// Did each kind of work get done, and nearly all of it?
    pub fn good(&self) -> bool {
        let all = self.steps.iter().all(|(times, _)| !times.is_empty());
        all && self.failures() * 100 <= self.successes() + self.failures()
    }

    pub fn print(&self) {
        for complaint in self.complaints.iter().take(TOLD) {
            println!("  {complaint}");
        }
        println!("\n{:24} {:>8} {:>8} {:>8} {:>8} {:>8}", "honest work, ms", "done", "failed", "p50", "p99", "max");
        for (kind, (times, failures)) in Kind::ALL.iter().zip(&self.steps) {
            let mut times = times.clone();
            times.sort_unstable();
            let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
            let [p50, p99, max] = [50, 99, 100].map(|percent| at(percent).map_or(0, Duration::as_millis));
            let kind = format!("{kind:?}");
            println!("{kind:24} {:>8} {failures:>8} {p50:>8} {p99:>8} {max:>8}", times.len());
        }
        println!("{:24} {:>8} {:>8}", "all", self.successes(), self.failures());
    }
}
