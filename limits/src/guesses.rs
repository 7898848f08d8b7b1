//! Wrong secrets, counted three times: for the account and its source together, for the source, and for the account.
use crate::{
    shares::Table,
    source::Source,
    steady::{Steady, seconds},
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

/// More of each counter are not remembered at once.
const MOST: usize = 50_000;
const MOST_PER_SOURCE: usize = 5_000;
/// Which of the tables counts for an account and a source together.
const PAIR: usize = 0;

/// How many wrong tries cost nothing within `window`, and how long the waits after them are: each twice the last.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    pub free: u32,
    pub first: Duration,
    pub longest: Duration,
    pub window: Duration,
}

impl Growth {
    const fn new(free: u32, longest: Duration) -> Self {
        Self { free, first: Duration::seconds(30), longest, window: Duration::minutes(15) }
    }
}

/// Of an account and a source together; of a source, at many accounts; of an account, from many sources.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    pub pair: Growth,
    pub source: Growth,
    pub account: Growth,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            pair: Growth::new(5, Duration::hours(1)),
            // Shorter waits: honest people share these.
            source: Growth::new(30, Duration::minutes(5)),
            account: Growth::new(50, Duration::minutes(5)),
        }
    }
}

/// Who tries what.
#[derive(Clone, Copy, Debug)]
pub struct Guesser<'a> {
    /// What is guessed (`user`, `client`): kinds have nothing to do with each other.
    pub kind: &'a str,
    pub account: &'a str,
    pub source: Source,
    /// Whether this browser, or whatever is asking, has proven the account before. Then nothing that others did
    /// counts, and it has counters of its own.
    pub known: bool,
}

/// Seconds until the next try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait(pub u64);

/// Why a try cannot be judged now.
enum Refusal {
    Wait(Wait),
    /// So many are being judged that one more might be one too many.
    Busy,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    wrong: u32,
    /// Booked, and not judged yet.
    pending: u32,
    /// Milliseconds.
    last: i64,
}

type Key = (u64, Option<Source>);

#[derive(Debug)]
pub struct Guesses {
    counters: Counters,
    hashes: RandomState,
    state: Mutex<State>,
    judged: Notify,
}

#[derive(Debug)]
struct State {
    steady: Steady,
    tables: [Table<Key, Counter>; 3],
}

/// A try that is booked. Dropped, it is taken back: nobody said that it was wrong.
#[must_use]
#[derive(Debug)]
pub struct Try<'a> {
    guesses: &'a Guesses,
    keys: [Option<Key>; 3],
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Unjudged,
    Right,
    Wrong(OffsetDateTime),
}

impl Counter {
    fn waits_until(&self, growth: Growth) -> i64 {
        let beyond = self.wrong.checked_sub(growth.free);
        self.last + beyond.map_or(0, |beyond| delay(growth, beyond))
    }

    fn wait(&self, growth: Growth, now: i64) -> i64 {
        (self.waits_until(growth) - now).max(0)
    }

    /// Quiet for the whole window, in which a wait is not counted.
    fn is_forgotten(&self, growth: Growth, now: i64) -> bool {
        now - self.waits_until(growth) > millis(growth.window)
    }
}

fn delay(growth: Growth, beyond: u32) -> i64 {
    millis(growth.first).saturating_mul(1 << beyond.min(20)).min(millis(growth.longest))
}

fn millis(duration: Duration) -> i64 {
    duration.whole_seconds().saturating_mul(1_000)
}

impl Default for Guesses {
    fn default() -> Self {
        Self::new(Counters::default())
    }
}

impl Guesses {
    #[must_use]
    pub fn new(counters: Counters) -> Self {
        let tables = [(); 3].map(|()| Table::new(MOST, MOST_PER_SOURCE));
        let state = Mutex::new(State { steady: Steady::default(), tables });
        Self { counters, hashes: RandomState::new(), state, judged: Notify::new() }
    }

    /// Books a try before it is judged, so that tries at the same moment count too. While so many are under way that
    /// this one might be one too many, it waits for their outcome: a right one among them costs nobody anything.
    pub async fn book(&self, who: &Guesser<'_>, now: impl Fn() -> OffsetDateTime) -> Result<Try<'_>, Wait> {
        loop {
            let judged = self.judged.notified();
            match self.book_now(who, now()) {
                Ok(booked) => return Ok(booked),
                Err(Refusal::Wait(wait)) => return Err(wait),
                Err(Refusal::Busy) => judged.await,
            }
        }
    }

    /// Counts a try that was judged, for what cannot be guessed and is therefore judged first. Answers whether a wait
    /// begins with it.
    pub fn wrong(&self, who: &Guesser<'_>, now: OffsetDateTime) -> Result<bool, Wait> {
        match self.book_now(who, now) {
            Ok(booked) => Ok(booked.wrong(now)),
            Err(Refusal::Wait(wait)) => Err(wait),
            Err(Refusal::Busy) => Err(Wait(1)),
        }
    }

    fn book_now(&self, who: &Guesser<'_>, now: OffsetDateTime) -> Result<Try<'_>, Refusal> {
        let keys = self.keys(who);
        let mut state = self.lock();
        let now = state.steady.at(now);
        let each = || keys.iter().zip(self.growths()).enumerate().filter_map(|(n, (key, of))| Some((n, (*key)?, of)));
        let mut busy = false;
        let mut longest = 0;
        for (table, key, growth) in each() {
            let Some(counter) = state.tables[table].peek(&key) else { continue };
            longest = longest.max(counter.wait(growth, now));
            let wrong = if counter.is_forgotten(growth, now) { 0 } else { counter.wrong };
            busy |= counter.pending > 0 && wrong.saturating_add(counter.pending) >= growth.free;
        }
        if longest > 0 {
            return Err(Refusal::Wait(Wait(seconds(longest))));
        }
        if busy {
            return Err(Refusal::Busy);
        }
        for (table, key, growth) in each() {
            let table = &mut state.tables[table];
            if let Some(counter) = table.get(&key) {
                if counter.is_forgotten(growth, now) {
                    counter.wrong = 0;
                }
                counter.pending += 1;
            } else {
                table.insert(who.source, key, Counter { wrong: 0, pending: 1, last: now }, 1);
            }
        }
        Ok(Try { guesses: self, keys, outcome: Outcome::Unjudged })
    }

    /// How long the next try has to wait, if it has to.
    #[must_use]
    pub fn wait(&self, who: &Guesser<'_>, now: OffsetDateTime) -> Option<Wait> {
        let mut state = self.lock();
        let now = state.steady.at(now);
        let counters = self.keys(who).into_iter().zip(self.growths()).zip(&state.tables);
        let waits = counters.filter_map(|((key, growth), table)| Some(table.peek(&key?)?.wait(growth, now)));
        waits.max().filter(|longest| *longest > 0).map(|longest| Wait(seconds(longest)))
    }

    /// Whether the next try has to wait.
    #[must_use]
    pub fn is_waiting(&self, who: &Guesser<'_>, now: OffsetDateTime) -> bool {
        self.wait(who, now).is_some()
    }

    fn growths(&self) -> [Growth; 3] {
        [self.counters.pair, self.counters.source, self.counters.account]
    }

    fn keys(&self, who: &Guesser<'_>) -> [Option<Key>; 3] {
        let account = who.account.to_lowercase();
        let hash = |what: &str| self.hashes.hash_one((who.kind, what, who.known));
        [
            Some((hash(&account), Some(who.source))),
            (!who.known).then(|| (hash(""), Some(who.source))),
            Some((hash(&account), None)),
        ]
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try<'_> {
    /// Answers whether a wait begins with this.
    #[must_use]
    pub fn wrong(mut self, now: OffsetDateTime) -> bool {
        self.outcome = Outcome::Wrong(now);
        self.settle()
    }

    /// Forgives the pair. What the source did at other accounts, and what others did at this one, stays.
    pub fn right(mut self) {
        self.outcome = Outcome::Right;
    }

    fn settle(&mut self) -> bool {
        let mut begins = false;
        let mut state = self.guesses.lock();
        let State { steady, tables } = &mut *state;
        for (table, (key, growth)) in self.keys.into_iter().zip(self.guesses.growths()).enumerate() {
            let Some(key) = key else { continue };
            let Some(counter) = tables[table].get(&key) else { continue };
            counter.pending = counter.pending.saturating_sub(1);
            match self.outcome {
                Outcome::Wrong(now) => {
                    let now = steady.at(now);
                    counter.wrong = counter.wrong.saturating_add(1);
                    counter.last = now;
                    begins |= counter.wait(growth, now) > 0;
                }
                Outcome::Right if table == PAIR => counter.wrong = 0,
                Outcome::Right | Outcome::Unjudged => {}
            }
            if counter.wrong == 0 && counter.pending == 0 {
                tables[table].remove(&key);
            }
        }
        self.keys = [None; 3];
        begins
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        self.settle();
        self.guesses.judged.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const NOON: OffsetDateTime = time::macros::datetime!(2026-01-01 12:00 UTC);

    fn source(number: u16) -> Source {
        let [high, low] = number.to_be_bytes();
        Source::of([198, 18, high, low].into())
    }

    fn who(account: &str, number: u16) -> Guesser<'_> {
        Guesser { kind: "user", account, source: source(number), known: false }
    }

    fn known(account: &str, number: u16) -> Guesser<'_> {
        Guesser { known: true, ..who(account, number) }
    }

    #[test]
    fn the_sixth_try_waits_ever_longer_and_only_where_the_wrong_ones_came_from() {
        let guesses = Guesses::default();
        for number in 1..=5 {
            assert_eq!(guesses.wrong(&who("alice", 1), NOON), Ok(number == 5));
        }
        let mut now = NOON;
        for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600] {
            assert_eq!(guesses.wrong(&who("ALICE", 1), now), Err(Wait(seconds)));
            assert!(!guesses.is_waiting(&who("alice", 2), now) && guesses.is_waiting(&who("alice", 1), now));
            now += Duration::seconds(i64::try_from(seconds).unwrap());
            assert_eq!(guesses.wrong(&who("alice", 1), now), Ok(true));
        }
    }

    #[test]
    fn wrong_tries_are_forgotten_after_a_quarter_of_an_hour_and_right_ones_are_never_counted() {
        let guesses = Guesses::default();
        (0..4).for_each(|_| assert_eq!(guesses.wrong(&who("alice", 1), NOON), Ok(false)));
        let later = NOON + Duration::minutes(16);
        (0..4).for_each(|_| assert_eq!(guesses.wrong(&who("alice", 1), later), Ok(false)));
        guesses.book_now(&who("alice", 1), later).ok().unwrap().right();
        (0..4).for_each(|_| assert_eq!(guesses.wrong(&who("alice", 1), later), Ok(false)));
        // Taken back: the server could not judge.
        (0..100).for_each(|_| drop(guesses.book_now(&who("alice", 1), later).ok().unwrap()));
        assert_eq!(guesses.wrong(&who("alice", 1), later), Ok(true));
    }

    #[test]
    fn a_thousand_right_tries_leave_nothing_behind() {
        let guesses = Guesses::default();
        let held = || guesses.lock().tables.iter().map(Table::len).collect::<Vec<_>>();
        for number in 0..1_000 {
            guesses.book_now(&who(&format!("account {number}"), number), NOON).ok().unwrap().right();
            drop(guesses.book_now(&known(&format!("account {number}"), number), NOON).ok().unwrap());
        }
        assert_eq!(held(), [0, 0, 0]);
        // Nor does one that forgives a wrong one, but for what others go by.
        assert_eq!(guesses.wrong(&who("alice", 1), NOON), Ok(false));
        guesses.book_now(&who("alice", 1), NOON).ok().unwrap().right();
        assert_eq!(held(), [0, 1, 1]);
    }

    #[test]
    fn one_source_cannot_try_every_account_and_its_own_right_password_is_no_licence() {
        let guesses = Guesses::default();
        let tried = (0..1_000).filter(|n| {
            guesses.book_now(&who("own", 1), NOON).map(Try::right).is_ok()
                && guesses.wrong(&who(&format!("account {n}"), 1), NOON).is_ok()
        });
        assert_eq!(tried.count(), 30);
        assert_eq!(guesses.wrong(&who("account 1", 1), NOON), Err(Wait(30)));
        assert_eq!(guesses.wrong(&who("account 1", 2), NOON), Ok(false));
        // Another kind of secret is another matter.
        assert_eq!(guesses.wrong(&Guesser { kind: "client", ..who("account 1", 1) }, NOON), Ok(false));
    }

    #[test]
    fn an_account_under_attack_from_everywhere_still_opens_to_who_was_there_before() {
        let guesses = Guesses::default();
        let tried = (0..5_000).filter(|n| guesses.wrong(&who("alice", *n), NOON).is_ok());
        assert_eq!(tried.count(), 50);
        assert!(guesses.is_waiting(&who("alice", 9_999), NOON));
        assert!(!guesses.is_waiting(&known("alice", 9_999), NOON) && !guesses.is_waiting(&known("alice", 1), NOON));
        assert!(!guesses.is_waiting(&who("bob", 9_999), NOON));
        // Which is no licence to guess either, from wherever.
        let tried = (0..5_000).filter(|n| guesses.wrong(&known("alice", 1 + n % 100), NOON).is_ok());
        assert_eq!(tried.count(), 50);
    }

    #[tokio::test]
    async fn a_hundred_guesses_at_the_same_moment_are_not_all_judged_and_a_hundred_right_ones_are() {
        let guesses = Guesses::default();
        let judged = Cell::new(0);
        let alice = who("alice", 1);
        let guess = |right: bool| {
            let (guesses, judged, alice) = (&guesses, &judged, &alice);
            async move {
                let Ok(booked) = guesses.book(alice, || NOON).await else { return };
                tokio::task::yield_now().await;
                judged.set(judged.get() + 1);
                if right {
                    booked.right();
                } else {
                    let _ = booked.wrong(NOON);
                }
            }
        };
        let all = |right| {
            let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(guess(right))).collect();
            std::future::poll_fn(move |cx| {
                waiting.retain_mut(|one| one.as_mut().poll(cx).is_pending());
                if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
        };
        all(true).await;
        assert_eq!(judged.take(), 100);
        all(false).await;
        assert_eq!(judged.take(), 5);
    }

    #[test]
    fn a_clock_that_is_set_prolongs_no_wait() {
        for step in [Duration::hours(1), Duration::hours(-1)] {
            let guesses = Guesses::default();
            (0..5).for_each(|_| drop(guesses.wrong(&who("alice", 1), NOON)));
            let Err(Wait(seconds)) = guesses.wrong(&who("alice", 1), NOON + step) else { continue };
            assert_eq!(seconds, 30);
            assert!(guesses.wrong(&who("alice", 1), NOON + step + Duration::seconds(31)).is_ok());
        }
    }
}
