//! Wrong credentials. Passwords can be guessed, so guessers have to wait: counted by account and source together, by
//! source, and by account. Long random keys cannot be guessed: they are checked at once, and wrong ones are only
//! limited in number.
use axum::http::Extensions;
use keyward_guard::{challenge::Refusal, clock::Clock, gate::DryRun, source::source_of};
use keyward_limits::{
    guesses::{Guesser, Guesses, Try, Wait},
    shares::{Quota, Rates, Seat, Seats, Table},
    source::Source,
};
use std::sync::{Mutex, PoisonError};

/// Wrong keys of one source; beyond, a wrong key gets 429. The right key always passes.
const NOISE: Quota = Quota::per_minute(100);
/// Passwords that are checked concurrently (at most half of them for one source), and the length of the queue.
const JUDGED: usize = 4;
const WAITING: usize = 64;
/// Pairs of source and account in memory.
const MOST_PROVEN: usize = 10_000;
const MOST_PROVEN_OF_SOURCE: usize = 100;

/// The party that presents a credential. Explaining a request does not count.
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

/// Failed attempts at one surface.
pub(crate) struct Attempts {
    guesses: Guesses,
    noise: Rates,
    /// Limits concurrent password checks.
    seats: Seats,
    /// Accounts with sources that knew their passwords: failures elsewhere do not lock these sources out.
    proven: Mutex<Table<(Source, String), ()>>,
    clock: Clock,
}

/// An attempt that was counted in advance. Dropping it takes the count back.
#[must_use]
pub(crate) struct Guess<'a> {
    /// `None` if the attempt is not counted.
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

    /// Refuses if this account has to wait.
    pub fn check(&self, account: &str, asker: Asker) -> Result<(), Refusal> {
        self.guesses
            .wait(&self.guesser(account, asker.source), self.clock.now())
            .map_or(Ok(()), |wait| Err(waits(wait)))
    }

    /// Counts an attempt before the password is checked, so that concurrent attempts count too.
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

    /// Counts a wrong key. Returns `refusal`, or a stricter one if there were too many.
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

    /// Whether this account is guessed at from so many sources that new sources have to wait.
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

    /// Records the failure; answers whether a wait begins now.
    pub fn wrong(self) -> bool {
        let now = self.attempts.clock.now();
        self.booked.is_some_and(|booked| booked.wrong(now))
    }
}

fn waits(Wait(seconds): Wait) -> Refusal {
    Refusal::too_many("locked after too many failures", seconds)
}
