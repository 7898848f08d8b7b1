//! Waits after wrong secrets: whom they hit, how they grow, and when they are forgotten.
use super::*;
use std::cell::Cell;
use time::Duration;

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
