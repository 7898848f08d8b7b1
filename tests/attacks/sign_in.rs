//! Guesses at passwords: they slow down whoever makes them, and nobody else.
use crate::support::{
    app::{PASSWORD, TestApp},
    guesses::{Page, attack_from_everywhere},
};
use time::Duration;

#[tokio::test]
async fn attack_134_sixty_wrong_passwords_at_once_cost_whoever_has_the_right_one_nothing() {
    let t = TestApp::start().await;
    let page = Page::open(&t).await;
    let flood: Vec<_> = (0..60).map(|n| ([192, 0, 2, 1 + n % 3], format!("somebody{n}"), "wrong horse")).collect();
    let (flooding, honest) = (page.clone(), page.clone());
    let flood = tokio::spawn(async move { flooding.at_once(flood, [403, 303]).await });
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    for user in ["alice", "bob", "root"] {
        assert_eq!(honest.status([203, 0, 113, 9], user, PASSWORD).await, 303, "{user}");
    }
    assert_eq!(flood.await.unwrap()[1], 0);
}

#[tokio::test]
async fn attack_135_an_account_that_is_guessed_at_from_everywhere_opens_to_a_browser_that_was_there_before() {
    let t = TestApp::start().await;
    let page = Page::open(&t).await;
    let first = page.clone().send([203, 0, 113, 9], "alice".into(), PASSWORD).await;
    let known = page.with(&first);
    assert_eq!(attack_from_everywhere(&t, "alice").await, 50);
    let elsewhere = page.clone().send([203, 0, 113, 10], "alice".into(), PASSWORD).await;
    assert_eq!(elsewhere.status, 429);
    assert!((1..=30).contains(&elsewhere.header("retry-after").parse().unwrap()));
    assert!(elsewhere.body.contains("Too many wrong passwords"));
    // From wherever it is now; and everybody else is as before.
    assert_eq!(known.status([203, 0, 113, 11], "alice", PASSWORD).await, 303);
    assert_eq!(page.status([203, 0, 113, 10], "bob", PASSWORD).await, 303);
    t.app.clock.advance(Duration::seconds(31));
    assert_eq!(page.status([203, 0, 113, 10], "alice", PASSWORD).await, 303);
}

#[tokio::test]
async fn attack_136_one_address_cannot_try_one_password_at_every_account() {
    let t = TestApp::start().await;
    let page = Page::open(&t).await;
    let mut judged = 0;
    for n in 0..40 {
        judged += usize::from(page.status([192, 0, 2, 1], &format!("somebody{n}"), "wrong horse").await == 403);
    }
    assert_eq!(judged, 30);
    assert_eq!(page.status([192, 0, 2, 1], "alice", PASSWORD).await, 429);
    assert_eq!(page.status([192, 0, 2, 2], "alice", PASSWORD).await, 303);
    t.app.clock.advance(Duration::seconds(31));
    assert_eq!(page.status([192, 0, 2, 1], "alice", PASSWORD).await, 303);
}

#[tokio::test]
async fn attack_137_of_a_hundred_guesses_at_the_same_moment_five_are_judged_and_right_ones_are_never_counted() {
    let t = TestApp::start().await;
    let page = Page::open(&t).await;
    let all = |last, count, password| vec![([192, 0, 2, last], "alice".to_owned(), password); count];
    assert_eq!(page.at_once(all(1, 20, PASSWORD), [303, 429]).await, [20, 0]);
    assert_eq!(page.at_once(all(1, 100, "wrong horse"), [403, 429]).await, [5, 95]);
    assert_eq!(page.at_once(all(2, 20, PASSWORD), [303, 429]).await, [20, 0]);
    // Sixteen who share an address and an account, while some mistype.
    let mixed = [all(3, 2, "wrong horse"), all(3, 16, PASSWORD), all(3, 2, "wrong horse")].concat();
    assert_eq!(page.at_once(mixed, [303, 403]).await, [16, 4]);
}

#[tokio::test]
async fn attack_145_a_mark_of_another_account_or_of_ones_own_making_is_no_mark() {
    let t = TestApp::start().await;
    let page = Page::open(&t).await;
    let bob = page.clone().send([203, 0, 113, 9], "bob".into(), PASSWORD).await;
    attack_from_everywhere(&t, "alice").await;
    let made_up = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for value in ["", "x", ".....", made_up, &[made_up; 900].join(".")] {
        let forged = page.with_cookie(&format!("__Host-keyward_known={value}"));
        assert_eq!(forged.status([203, 0, 113, 9], "alice", PASSWORD).await, 429, "{value}");
    }
    assert_eq!(page.with(&bob).status([203, 0, 113, 9], "alice", PASSWORD).await, 429);
    // A browser is remembered for several people, and a mark is no licence to guess.
    t.app.clock.advance(Duration::seconds(31));
    let both = page.with(&page.with(&bob).send([203, 0, 113, 9], "alice".into(), PASSWORD).await);
    attack_from_everywhere(&t, "alice").await;
    attack_from_everywhere(&t, "bob").await;
    for user in ["alice", "bob"] {
        assert_eq!(both.status([203, 0, 113, 9], user, PASSWORD).await, 303);
    }
    let all = vec![([203, 0, 113, 9], "alice".to_owned(), "wrong horse"); 50];
    assert_eq!(both.at_once(all, [403, 429]).await, [5, 45]);
}

#[tokio::test]
async fn attack_146_a_clock_that_is_set_an_hour_either_way_keeps_nobody_out_longer() {
    for step in [Duration::hours(1), Duration::hours(-1)] {
        let t = TestApp::start().await;
        let page = Page::open(&t).await;
        for _ in 0..5 {
            assert_eq!(page.status([192, 0, 2, 1], "alice", "wrong horse").await, 403);
        }
        t.app.clock.advance(step);
        if step.is_negative() {
            let waits = Page::open(&t).await.send([192, 0, 2, 1], "alice".into(), PASSWORD).await;
            assert_eq!(waits.status, 429);
            assert!((1..=30).contains(&waits.header("retry-after").parse().unwrap()));
        }
        t.app.clock.advance(Duration::seconds(31));
        // The page, which is older than it may be by now, is another matter.
        assert_eq!(Page::open(&t).await.status([192, 0, 2, 1], "alice", PASSWORD).await, 303, "{step}");
    }
}
