//! What was measured, in the units of the report.
use crate::{compare::Case, load::Turn};
use std::time::Duration;

/// Of one server in one scenario.
#[derive(serde::Serialize, Clone, Copy)]
pub struct Figures {
    pub per_second: f64,
    /// Microseconds of the server's processors for each step.
    pub cpu: f64,
    pub client_cpu: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Bytes written for each step.
    pub written: f64,
    /// MiB.
    pub resident: f64,
    pub peak: f64,
    /// Steps each second that went on beside.
    pub beside: f64,
    /// The part of the processor time that no server could have spared, if that is known.
    pub unavoidable: Option<f64>,
}

/// The first server's to the second's; above 1 the first is better.
#[derive(serde::Serialize, Clone, Copy)]
pub struct Ratios {
    pub cpu: f64,
    pub per_second: f64,
    pub p99: f64,
}

#[allow(clippy::cast_precision_loss)] // far from 2^52
impl Figures {
    pub fn of(turn: &Turn) -> Self {
        let steps = turn.steps.max(1) as f64;
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        Self {
            per_second: steps / turn.time.as_secs_f64(),
            cpu: micros(turn.cpu) / steps,
            client_cpu: micros(turn.client_cpu) / steps,
            p50: micros(quantile(&turn.waits, 50)) / 1e3,
            p99: micros(quantile(&turn.waits, 99)) / 1e3,
            written: turn.written as f64 / steps,
            resident: mebibytes(turn.resident),
            peak: mebibytes(turn.peak),
            beside: turn.beside as f64 / turn.time.as_secs_f64(),
            unavoidable: turn.least.map(|least| least.as_secs_f64() * steps / turn.cpu.as_secs_f64()),
        }
    }

    /// The median of each, or nothing if there was no turn.
    pub fn medians(turns: &[Turn]) -> Option<Self> {
        let all: Vec<_> = turns.iter().map(Self::of).collect();
        let of = |member: fn(&Self) -> f64| median(all.iter().map(member));
        Some(Self {
            per_second: of(|one| one.per_second)?,
            cpu: of(|one| one.cpu)?,
            client_cpu: of(|one| one.client_cpu)?,
            p50: of(|one| one.p50)?,
            p99: of(|one| one.p99)?,
            written: of(|one| one.written)?,
            resident: of(|one| one.resident)?,
            peak: of(|one| one.peak)?,
            beside: of(|one| one.beside)?,
            unavoidable: median(all.iter().filter_map(|one| one.unavoidable)),
        })
    }
}

impl Ratios {
    fn of(ours: &Turn, theirs: &Turn) -> Self {
        let (ours, theirs) = (Figures::of(ours), Figures::of(theirs));
        Self { cpu: theirs.cpu / ours.cpu, per_second: ours.per_second / theirs.per_second, p99: theirs.p99 / ours.p99 }
    }

    /// The median of each over the pairs, if two servers were measured.
    pub fn medians(case: &Case) -> Option<Self> {
        let [ours, theirs] = case.turns.as_slice() else { return None };
        let all: Vec<_> = ours.iter().zip(theirs).map(|(ours, theirs)| Self::of(ours, theirs)).collect();
        let of = |member: fn(&Self) -> f64| median(all.iter().map(member));
        Some(Self { cpu: of(|one| one.cpu)?, per_second: of(|one| one.per_second)?, p99: of(|one| one.p99)? })
    }
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get((values.len().max(1) - 1) / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}
