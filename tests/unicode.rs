//! Keyboards write one letter in several ways: names and passwords are compared in one Unicode form (NFC).
use crate::support::app::TestApp;
use keyward::{
    model::{Role, User},
    passwords::MAX_LENGTH,
    people::{
        setup_link::{self, SetupOutcome},
        sign_in::new_user,
    },
    secrets::{Digest, SetupToken},
    storage::users,
};
use keyward_limits::spelling::normal_form;
use time::Duration;

/// The same words: composed, as most keyboards write them, and decomposed, as some do. The last one's composed form is
/// the longer one, which no keyboard types.
const WRITTEN: [(&str, &str); 4] = [
    ("f\u{fc}nf \u{e9}l\u{e8}ves d\u{e9}\u{e7}us", "fu\u{308}nf e\u{301}le\u{300}ves de\u{301}c\u{327}us"),
    (
        "\u{d55c}\u{ad6d}\u{c5b4} \u{be44}\u{bc00}",
        "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165} \u{1107}\u{1175}\u{1106}\u{1175}\u{11af}",
    ),
    ("\u{212b}ngstr\u{f6}m horse", "A\u{30a}ngstro\u{308}m horse"),
    ("\u{958} hindi words here", "\u{915}\u{93c} hindi words here"),
];

async fn signs_in(t: &TestApp, name: &str, password: &str) -> bool {
    let answer = t.browser().sign_in(name, password, "/").await;
    t.app.clock.advance(Duration::minutes(20));
    assert!([303, 403].contains(&answer.status.as_u16()), "{answer:?}");
    answer.status == 303
}

/// An account of before: name and password exactly as they were typed.
async fn as_typed(t: &TestApp, name: &str, password: &str) {
    let hash = argon2_of(password);
    let user = User {
        username: name.to_owned(),
        password_hash: hash,
        ..new_user(&t.app, "x", "y", Role::User).await.unwrap()
    };
    assert!(users::insert(&t.db, &user).await.unwrap());
}

fn argon2_of(password: &str) -> String {
    use argon2::{Argon2, PasswordHasher};
    Argon2::default().hash_password_with_salt(password.as_bytes(), b"sixteen bytes ..").unwrap().to_string()
}

#[tokio::test]
async fn a_password_is_right_in_whatever_form_it_is_typed() {
    let t = TestApp::start().await;
    for (number, (one, other)) in WRITTEN.into_iter().enumerate() {
        for (kind, chosen) in [("one", one), ("other", other)] {
            let name = format!("{kind}{number}");
            users::insert(&t.db, &new_user(&t.app, &name, chosen, Role::User).await.unwrap()).await.unwrap();
            assert!(signs_in(&t, &name, one).await && signs_in(&t, &name, other).await, "{chosen}");
            assert!(!signs_in(&t, &name, &one.replace(' ', "")).await);
        }
    }
}

#[tokio::test]
async fn hashes_of_before_keep_working_for_who_types_as_before() {
    let t = TestApp::start().await;
    for (number, (one, other)) in WRITTEN.into_iter().enumerate() {
        for (kind, chosen) in [("one", one), ("other", other)] {
            let name = format!("{kind}{number}");
            as_typed(&t, &name, chosen).await;
            assert!(signs_in(&t, &name, chosen).await, "{chosen}");
            assert!(!signs_in(&t, &name, &chosen.replace(' ', "_")).await);
        }
        // Who was composed before is right in either form.
        let name = format!("normal{number}");
        as_typed(&t, &name, &normal_form(one)).await;
        assert!(signs_in(&t, &name, one).await && signs_in(&t, &name, other).await);
    }
}

#[tokio::test]
async fn a_name_is_the_same_in_whatever_form_it_is_typed_and_counted_as_one() {
    let t = TestApp::start().await;
    let (composed, decomposed) = ("Ren\u{e9}e", "Rene\u{301}e");
    users::insert(&t.db, &new_user(&t.app, decomposed, "correct horse battery", Role::User).await.unwrap())
        .await
        .unwrap();
    assert_eq!(t.user_named(composed).await.username, composed);
    for name in [composed, decomposed, "RENE\u{301}E", "ren\u{e9}e"] {
        // Beyond ASCII case tells two names apart.
        assert_eq!(signs_in(&t, name, "correct horse battery").await, !name.starts_with("REN"), "{name}");
    }
    as_typed(&t, "Zoe\u{308}", "correct horse battery").await;
    assert!(signs_in(&t, "Zoe\u{308}", "correct horse battery").await);
    // Guesses at one name are guesses at the other.
    for n in 0..5 {
        let name = if n % 2 == 0 { composed } else { decomposed };
        assert_eq!(t.browser().sign_in(name, "wrong horse", "/").await.status, 403);
    }
    assert_eq!(t.browser().sign_in(decomposed, "wrong horse", "/").await.status, 429);
    assert_eq!(t.browser().sign_in(composed, "wrong horse", "/").await.status, 429);
}

#[tokio::test]
async fn the_first_administrator_signs_in_by_the_password_that_was_chosen() {
    let t = TestApp::start().await;
    t.db.outside("DELETE FROM users").await;
    let (composed, decomposed) = WRITTEN[0];
    let link = setup_link::first(&t.app).await.unwrap().unwrap();
    let token = SetupToken::presented(link.url.split_once("token=").unwrap().1);
    let made = setup_link::use_up(&t.app, &token, "boss", decomposed, &Digest::of("form")).await.unwrap();
    assert_eq!(made, SetupOutcome::Created);
    assert!(signs_in(&t, "boss", composed).await && signs_in(&t, "boss", decomposed).await);
}

#[tokio::test]
async fn what_is_too_long_in_one_form_is_judged_by_the_form_that_is_kept() {
    let t = TestApp::start().await;
    // 120 bytes composed, 180 decomposed.
    let (composed, decomposed) = ("\u{e9}".repeat(60), "e\u{301}".repeat(60));
    assert!(composed.len() <= MAX_LENGTH && decomposed.len() > MAX_LENGTH);
    users::insert(&t.db, &new_user(&t.app, "long", &decomposed, Role::User).await.unwrap()).await.unwrap();
    assert!(signs_in(&t, "long", &decomposed).await && signs_in(&t, "long", &composed).await);
    assert!(!signs_in(&t, "long", &composed[2..]).await);
}
