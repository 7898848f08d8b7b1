//! How often something may be done: a budget for each source, which shrinks while many sources use up the common
//! budget.
use super::table::Table;
use crate::{
    source::Source,
    steady::{SteadyClock, seconds},
};
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

/// Sources that are remembered at once. Beyond that, the least recent ones of the greediest network are forgotten.
const MAX_SOURCES: usize = 20_000;
const MAX_PURPOSES_PER_SOURCE: usize = 1_000;
/// How many budgets of one source a whole network may spend.
const SOURCES_PER_NETWORK: u32 = 8;

/// How many at once, and how many a minute in the long run.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub burst: u32,
    pub per_minute: u32,
}

impl Quota {
    pub const UNBOUNDED: Self = Self { burst: u32::MAX, per_minute: u32::MAX };

    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self { burst: count, per_minute: count }
    }

    const fn times(self, times: u32) -> Self {
        Self { burst: self.burst.saturating_mul(times), per_minute: self.per_minute.saturating_mul(times) }
    }
}

/// What was spent, minus what time has given back since.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    spent: f64,
    at: i64,
}

impl Bucket {
    #[allow(clippy::cast_precision_loss)] // milliseconds of a process's life
    fn at(self, now: i64, quota: Quota) -> Self {
        let back = (now - self.at) as f64 * f64::from(quota.per_minute) / 60_000.0;
        Self { spent: (self.spent - back).max(0.0), at: now }
    }

    fn more(self) -> Self {
        Self { spent: self.spent + 1.0, ..self }
    }
}

/// A budget for each source and one for all together. No source and no network may have spent more than is left for the
/// others, so a source that comes for the first time is refused last.
#[derive(Debug)]
pub struct Rates {
    each: Quota,
    all: Quota,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    steady: SteadyClock,
    all: Bucket,
    /// The buckets of sources, and those of networks.
    levels: [Table<(Source, u64), Bucket>; 2],
}

impl Rates {
    #[must_use]
    pub fn new(each: Quota, all: Quota) -> Self {
        let state = State {
            steady: SteadyClock::default(),
            all: Bucket::default(),
            levels: [(); 2].map(|()| Table::new(MAX_SOURCES, MAX_PURPOSES_PER_SOURCE)),
        };
        Self { each, all, state: Mutex::new(state) }
    }

    /// Spends one unit of the source's budget; the error is the seconds to wait.
    pub fn spend(&self, source: Source, now: OffsetDateTime) -> Result<(), u64> {
        self.spend_for(source, 0, now)
    }

    /// Spends as [`spend`](Self::spend) does, from a budget that the source has for this purpose alone.
    #[allow(clippy::cast_possible_truncation)] // a bounded number of seconds
    pub fn spend_for(&self, source: Source, purpose: u64, now: OffsetDateTime) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.steady.at(now);
        let all = state.all.at(now, self.all);
        let left = f64::from(self.all.burst) - all.spent;
        let whose = [
            Some((source, self.each)),
            source.is_of_network().then_some((source.network(), self.each.times(SOURCES_PER_NETWORK))),
        ];
        let mut spent = [Bucket::default(); 2];
        for (level, (whose, quota)) in whose.iter().enumerate().filter_map(|(level, whose)| Some((level, (*whose)?))) {
            let bucket = state.levels[level].peek(&(whose, purpose)).copied().unwrap_or_default().at(now, quota);
            let most = f64::from(quota.burst).min(left);
            if bucket.spent + 1.0 > most {
                let quota = if left < f64::from(quota.burst) { self.all } else { quota };
                let short = (bucket.spent + 1.0 - most).max(0.0) * 60_000.0 / f64::from(quota.per_minute.max(1));
                return Err(seconds(short.ceil() as i64));
            }
            spent[level] = bucket.more();
        }
        state.all = all.more();
        for (level, (whose, _)) in whose.iter().enumerate().filter_map(|(level, whose)| Some((level, (*whose)?))) {
            let key = (whose, purpose);
            match state.levels[level].get(&key) {
                Some(known) => *known = spent[level],
                None => drop(state.levels[level].insert(whose, key, spent[level], 1)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    const NOON: OffsetDateTime = time::macros::datetime!(2026-01-01 12:00 UTC);

    fn of(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    fn spent(rates: &Rates, source: Source, now: OffsetDateTime) -> usize {
        (0..1_000).filter(|_| rates.spend(source, now).is_ok()).count()
    }

    #[test]
    fn a_budget_fills_up_again_with_time_and_says_when() {
        let rates = Rates::new(Quota { burst: 5, per_minute: 2 }, Quota::UNBOUNDED);
        let source = of("192.0.2.1");
        assert_eq!(spent(&rates, source, NOON), 5);
        assert_eq!(rates.spend(source, NOON), Err(30));
        assert!(rates.spend(source, NOON + Duration::seconds(29)).is_err());
        assert_eq!(spent(&rates, source, NOON + Duration::seconds(60)), 2);
        assert_eq!(spent(&rates, source, NOON + Duration::minutes(30)), 5);
        assert_eq!(spent(&rates, of("192.0.2.2"), NOON), 5);
    }

    #[test]
    fn whoever_has_spent_most_is_refused_first_and_a_newcomer_last() {
        let rates = Rates::new(Quota::per_minute(100), Quota::per_minute(100));
        let greedy = spent(&rates, of("192.0.2.1"), NOON);
        assert!((45..=50).contains(&greedy), "{greedy}");
        let second = spent(&rates, of("192.0.2.2"), NOON);
        assert!((20..=30).contains(&second), "{second}");
        assert!(rates.spend(of("192.0.2.3"), NOON).is_ok());
        assert!(rates.spend(of("192.0.2.1"), NOON).is_err());
    }

    #[test]
    fn a_network_of_many_sources_has_a_budget_too() {
        let rates = Rates::new(Quota::per_minute(10), Quota::UNBOUNDED);
        let of_network = (0..1_000).filter(|n| rates.spend(of(&format!("2001:db8:1:{n:x}::1")), NOON).is_ok()).count();
        assert_eq!(of_network, 80);
        assert!(rates.spend(of("2001:db8:2::1"), NOON).is_ok());
    }

    #[test]
    fn a_clock_that_is_set_prolongs_nothing() {
        let rates = Rates::new(Quota::per_minute(1), Quota::UNBOUNDED);
        let source = of("192.0.2.1");
        rates.spend(source, NOON).unwrap();
        let back = NOON - Duration::hours(1);
        assert_eq!(rates.spend(source, back), Err(60));
        rates.spend(source, back + Duration::seconds(61)).unwrap();
        assert_eq!(rates.spend_for(source, 7, back), Ok(()));
    }
}
