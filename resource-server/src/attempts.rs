//! How often a credential may be guessed: failures lock an account and an address, and no address may try too often.
use crate::{challenge::Refusal, clock::Clock};
use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderValue, StatusCode, header},
};
use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

/// Failures within `WINDOW` that lock.
const MOST_FAILURES: usize = 5;
const WINDOW: Duration = Duration::minutes(15);
/// The first lock; each further one is twice as long.
const LOCK: Duration = Duration::seconds(300);
const LONGEST_LOCK: Duration = Duration::hours(1);
/// Failures of one address, within a second and a minute.
const RATES: [(usize, Duration); 2] = [(10, Duration::SECOND), (100, Duration::MINUTE)];
/// Accounts and addresses remembered; of too many, those that failed longest ago are forgotten.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
struct Record {
    /// Oldest first, and no more than the rates count.
    failures: VecDeque<OffsetDateTime>,
    /// Those that the next lock counts.
    strikes: VecDeque<OffsetDateTime>,
    /// Without a quiet time in between.
    locks: u32,
    locked_until: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Address(IpAddr),
}

/// Who asks. Whoever only wants to know what would happen is not counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asker {
    address: Option<IpAddr>,
    only_wonders: bool,
}

impl Asker {
    pub fn of(extensions: &Extensions) -> Self {
        let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Self { address, only_wonders: extensions.get::<Wondering>().is_some() }
    }
}

/// Marks a request that is none.
#[derive(Clone, Copy)]
pub(crate) struct Wondering;

/// Failures at one surface.
pub(crate) struct Attempts {
    records: Mutex<HashMap<Who, Record>>,
    clock: Clock,
}

impl Attempts {
    pub fn new(clock: Clock) -> Self {
        Self { records: Mutex::default(), clock }
    }

    /// Who asks, if they may ask at all, and about this account.
    pub fn check(&self, account: Option<&str>, extensions: &Extensions) -> Result<Asker, Refusal> {
        let asker = Asker::of(extensions);
        self.allow(account, asker).map(|()| asker)
    }

    pub fn allow(&self, account: Option<&str>, asker: Asker) -> Result<(), Refusal> {
        let (address, now, records) = (asker.address, self.clock.now(), self.lock());
        let locked = |who: &Who| records.get(who).and_then(|record| record.locked_until).filter(|until| *until > now);
        let whos = [account.map(|name| Who::Account(name.to_owned())), address.map(Who::Address)];
        if account.is_some()
            && let Some(until) = whos.iter().flatten().filter_map(locked).max()
        {
            return Err(too_many("locked after too many failures", until - now));
        }
        let record = whos[1].as_ref().and_then(|who| records.get(who));
        let busy = record.and_then(|record| RATES.iter().find(|(most, span)| record.within(*span, now) >= *most));
        busy.map_or(Ok(()), |(_, span)| Err(too_many("too many failed attempts from this address", *span)))
    }

    /// Counts against the account, if one was named, and against the address. Does a lock begin with this?
    pub fn failed(&self, account: Option<&str>, asker: Asker) -> bool {
        let Asker { address, only_wonders: false } = asker else { return false };
        let mut locks = false;
        let (now, mut records) = (self.clock.now(), self.lock());
        for who in [account.map(|name| Who::Account(name.to_owned())), address.map(Who::Address)].into_iter().flatten()
        {
            if records.len() >= MOST && !records.contains_key(&who) {
                let oldest = records.iter().min_by_key(|(_, record)| record.failures.back().copied());
                let oldest = oldest.map(|(who, _)| who.clone());
                oldest.and_then(|who| records.remove(&who));
            }
            locks |= records.entry(who).or_default().fail(account.is_some(), now);
        }
        locks
    }

    /// Forgives the account; the address may be trying many.
    pub fn succeeded(&self, account: &str, asker: Asker) {
        if asker.only_wonders {
            return;
        }
        self.lock().remove(&Who::Account(account.to_owned()));
    }

    /// How many accounts nobody can try now.
    pub fn locked_accounts(&self) -> usize {
        let (now, records) = (self.clock.now(), self.lock());
        let locked = |record: &Record| record.locked_until.is_some_and(|until| until > now);
        records.iter().filter(|(who, record)| matches!(who, Who::Account(_)) && locked(record)).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn within(&self, span: Duration, now: OffsetDateTime) -> usize {
        self.failures.iter().filter(|at| now - **at < span).count()
    }

    /// Does a lock begin with this?
    fn fail(&mut self, may_lock: bool, now: OffsetDateTime) -> bool {
        if self.failures.back().is_some_and(|at| now - *at > LONGEST_LOCK * 2) {
            self.locks = 0;
        }
        if self.failures.len() >= RATES[1].0 {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        self.strikes.retain(|at| may_lock && now - *at < WINDOW);
        self.strikes.extend(may_lock.then_some(now));
        let locks = self.strikes.len() >= MOST_FAILURES;
        if locks {
            self.strikes.clear();
            self.locked_until = Some(now + (LOCK * 2_i32.pow(self.locks.min(4))).min(LONGEST_LOCK));
            self.locks += 1;
        }
        locks
    }
}

/// So many in a time.
pub(crate) struct Budget {
    most: usize,
    span: Duration,
    spent: Mutex<VecDeque<OffsetDateTime>>,
    clock: Clock,
}

impl Budget {
    pub fn new(most: usize, span: Duration, clock: Clock) -> Self {
        Self { most, span, spent: Mutex::default(), clock }
    }

    /// Is all of it left?
    pub fn is_whole(&self) -> bool {
        let (now, spent) = (self.clock.now(), self.spent.lock().unwrap_or_else(PoisonError::into_inner));
        spent.back().is_none_or(|at| now - *at >= self.span)
    }

    pub fn spend(&self) -> Result<(), Refusal> {
        let (now, mut spent) = (self.clock.now(), self.spent.lock().unwrap_or_else(PoisonError::into_inner));
        while spent.front().is_some_and(|at| now - *at >= self.span) {
            spent.pop_front();
        }
        if let Some(first) = spent.front().filter(|_| spent.len() >= self.most) {
            return Err(too_many("too many requests of this kind", self.span - (now - *first)));
        }
        spent.push_back(now);
        Ok(())
    }
}

fn too_many(text: &'static str, wait: Duration) -> Refusal {
    let seconds = HeaderValue::from(wait.whole_seconds().max(1));
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", text).header(header::RETRY_AFTER, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: [u8; 4]) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from((address, 1))));
        extensions
    }

    fn fail(attempts: &Attempts, account: Option<&str>, address: [u8; 4]) {
        attempts.failed(account, Asker { address: Some(IpAddr::from(address)), only_wonders: false });
    }

    #[test]
    fn five_failures_lock_the_account_everywhere_and_the_address_for_all_each_time_twice_as_long() {
        let clock = Clock::default();
        let attempts = Attempts::new(clock.clone());
        let (here, there) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let locked = |account, address| attempts.check(Some(account), &from(address)).is_err();
        for seconds in [300, 600, 1200, 2400, 3600, 3600] {
            for failure in 0..5 {
                assert!(!locked("alice", here), "{failure} of {seconds}");
                fail(&attempts, Some("alice"), here);
            }
            assert!(locked("alice", there) && locked("bob", here) && !locked("bob", there));
            clock.advance(Duration::seconds(seconds - 1));
            assert!(locked("alice", here), "{seconds}");
            clock.advance(Duration::SECOND);
        }
    }

    #[test]
    fn success_forgives_the_account_and_not_the_address() {
        let attempts = Attempts::new(Clock::default());
        for _ in 0..4 {
            fail(&attempts, Some("alice"), [192, 0, 2, 1]);
        }
        attempts.succeeded("alice", Asker::default());
        fail(&attempts, Some("alice"), [192, 0, 2, 1]);
        assert!(attempts.check(Some("alice"), &from([192, 0, 2, 2])).is_ok());
        assert!(attempts.check(Some("alice"), &from([192, 0, 2, 1])).is_err());
    }

    #[test]
    fn an_address_may_fail_ten_times_a_second_and_a_hundred_times_a_minute() {
        let clock = Clock::default();
        let attempts = Attempts::new(clock.clone());
        let may = || attempts.check(None, &from([192, 0, 2, 1])).is_ok();
        for second in 0..10 {
            for _ in 0..10 {
                assert!(may(), "{second}");
                fail(&attempts, None, [192, 0, 2, 1]);
            }
            assert!(!may(), "{second}");
            clock.advance(Duration::SECOND);
        }
        assert!(!may());
        clock.advance(Duration::seconds(50));
        assert!(may());
    }
}
