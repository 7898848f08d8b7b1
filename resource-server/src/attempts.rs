//! Wrong credentials. Passwords can be guessed, so who guesses waits: by account and source together, by source, and by
//! account. Long random keys cannot: they are judged first, and wrong ones are only noise.
use axum::http::Extensions;
use keyward_guard::{challenge::Refusal, clock::Clock, gate::DryRun, source::source_of};
use keyward_limits::{
    guesses::{Guesser, Guesses, Try, Wait},
    shares::{Quota, Rates, Seat, Seats, Table},
    source::Source,
};
use std::sync::{Mutex, PoisonError};

/// Wrong keys of one source a minute. More are refused unread.
const NOISE: Quota = Quota::per_minute(100);
/// Passwords judged at a time, of one source half of them; and those in line.
const JUDGED: usize = 4;
const WAITING: usize = 64;
/// Accounts that were proven from a source.
const MOST_PROVEN: usize = 10_000;
const MOST_PROVEN_OF_SOURCE: usize = 100;

/// Who asks. What is only explained is not counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub source: Source,
    is_dry_run: bool,
}

impl Asker {
    pub fn of(extensions: &Extensions) -> Self {
        Self { source: source_of(extensions), is_dry_run: extensions.get::<DryRun>().is_some() }
    }
}

impl Default for Asker {
    fn default() -> Self {
        Self::of(&Extensions::default())
    }
}

/// Failures at one surface.
pub(crate) struct Attempts {
    guesses: Guesses,
    noise: Rates,
    /// Passwords being judged.
    seats: Seats,
    /// Accounts by the sources that knew their passwords: there what others do at the account counts for nothing.
    proven: Mutex<Table<(Source, String), ()>>,
    clock: Clock,
}

/// A password that is to be judged. Dropped, it was not.
#[must_use]
pub(crate) struct Guess<'a> {
    /// `None`: it is not counted.
    booked: Option<Try<'a>>,
    attempts: &'a Attempts,
    account: &'a str,
    source: Source,
    _seat: Seat,
}

impl Attempts {
    pub fn new(clock: Clock) -> Self {
        Self {
            guesses: Guesses::default(),
            noise: Rates::new(NOISE, Quota::UNBOUNDED),
            seats: Seats::new(JUDGED, JUDGED / 2, WAITING),
            proven: Mutex::new(Table::new(MOST_PROVEN, MOST_PROVEN_OF_SOURCE)),
            clock,
        }
    }

    fn guesser<'a>(&self, account: &'a str, source: Source) -> Guesser<'a> {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let known = proven.peek(&(source, account.to_owned())).is_some();
        Guesser { kind: "password", account, source, known }
    }

    /// May a password of this account be tried now?
    pub fn check(&self, account: &str, asker: Asker) -> Result<(), Refusal> {
        self.guesses
            .wait(&self.guesser(account, asker.source), self.clock.now())
            .map_or(Ok(()), |wait| Err(waits(wait)))
    }

    /// Before a password is judged: tries at the same moment count too.
    pub async fn book<'a>(&'a self, account: &'a str, asker: Asker) -> Result<Guess<'a>, Refusal> {
        let Asker { source, is_dry_run } = asker;
        let booked = if is_dry_run {
            self.check(account, asker)?;
            None
        } else {
            let guesser = self.guesser(account, source);
            Some(self.guesses.book(&guesser, || self.clock.now()).await.map_err(waits)?)
        };
        let seat = self.seats.take(source).await;
        let seat = seat.map_err(|_| Refusal::busy("too many passwords are being judged"))?;
        Ok(Guess { booked, attempts: self, account, source, _seat: seat })
    }

    /// After a key turned out to be none: `instead` of the refusal that says so, if there were too many.
    pub fn noise(&self, asker: Asker, refusal: Refusal) -> Refusal {
        if asker.is_dry_run {
            return refusal;
        }
        let spent = self.noise.spend(asker.source, self.clock.now());
        spent.map_or_else(
            |seconds| Refusal::too_many("too many failed attempts from this address", seconds),
            |()| refusal,
        )
    }

    /// Is this account guessed at from so many sources that new ones wait?
    pub fn is_under_attack(&self, account: &str) -> bool {
        self.check(account, Asker::default()).is_err()
    }
}

impl Guess<'_> {
    pub fn right(self) {
        let Self { booked, attempts, account, source, .. } = self;
        let Some(booked) = booked else { return };
        booked.right();
        let mut proven = attempts.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.insert(source, (source, account.to_owned()), (), 1);
    }

    /// Does a wait begin with this?
    pub fn wrong(self) -> bool {
        let now = self.attempts.clock.now();
        self.booked.is_some_and(|booked| booked.wrong(now))
    }
}

fn waits(Wait(seconds): Wait) -> Refusal {
    Refusal::too_many("locked after too many failures", seconds)
}
