//! Wrong secrets, counted three times: for the account and its source together, for the source, and for the account.
mod counter;

use crate::{
    shares::Table,
    source::Source,
    steady::{SteadyClock, seconds},
};
use counter::Counter;
pub use counter::{Counters, Growth};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::OffsetDateTime;
use tokio::sync::Notify;

/// Counters of one kind that are remembered at once.
const MAX_COUNTERS: usize = 50_000;
const MAX_COUNTERS_PER_SOURCE: usize = 5_000;
/// The index of the table that counts for an account and a source together.
const PAIR: usize = 0;

/// Who tries a secret, and of which account.
#[derive(Clone, Copy, Debug)]
pub struct Guesser<'a> {
    /// What kind of account it is (`user`, `client`). Kinds have separate counters.
    pub kind: &'a str,
    pub account: &'a str,
    pub source: Source,
    /// Whether this browser or program has proven the account before. Then it has counters of its own, and wrong tries
    /// of others do not count for it.
    pub known: bool,
}

/// How many seconds the next try has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait(pub u64);

/// Why a try cannot be booked now.
enum Refusal {
    Wait(Wait),
    /// So many tries are being judged that one more could exceed the free ones.
    Busy,
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
    steady: SteadyClock,
    tables: [Table<Key, Counter>; 3],
}

/// A booked try. Dropping it without an outcome takes it back: nobody said that it was wrong.
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

impl Default for Guesses {
    fn default() -> Self {
        Self::new(Counters::default())
    }
}

impl Guesses {
    #[must_use]
    pub fn new(counters: Counters) -> Self {
        let tables = [(); 3].map(|()| Table::new(MAX_COUNTERS, MAX_COUNTERS_PER_SOURCE));
        let state = Mutex::new(State { steady: SteadyClock::default(), tables });
        Self { counters, hashes: RandomState::new(), state, judged: Notify::new() }
    }

    /// Books a try before it is judged, so that tries at the same moment count too. Where so many are under way that
    /// one more could exceed the free ones, it waits for their outcome, so that right ones are never refused.
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

    /// Counts a wrong try that was judged already, as secrets are that nobody can guess. Returns whether a wait begins
    /// with it.
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

    /// How long the next try has to wait; `None` where it need not.
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
    /// Counts the try as wrong. Returns whether a wait begins with it.
    #[must_use]
    pub fn wrong(mut self, now: OffsetDateTime) -> bool {
        self.outcome = Outcome::Wrong(now);
        self.settle()
    }

    /// Clears the counter of account and source together. Wrong tries of the source elsewhere, and of others here,
    /// stay.
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
mod tests;
