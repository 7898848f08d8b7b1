//! Tables `users` and `setup_tokens`.
use super::{new_user, now};
use crate::support::db::{fresh_db, fresh_db_of_another_locale};
use keyward::{
    model::{Role, User},
    secrets::Digest,
    storage::{
        setup_tokens::{self, SetupLink},
        users::{self, Administered},
    },
};
use time::Duration;

fn new_admin(username: &str) -> User {
    User { role: Role::Admin, ..new_user(username) }
}

#[tokio::test]
async fn a_user_comes_back_as_inserted_by_id_and_by_name_in_any_case() {
    let db = fresh_db().await;
    let user = new_user("Ada");
    assert!(users::insert(&db, &user).await.unwrap());
    let by_id = users::find(&db, user.id).await.unwrap().unwrap();
    let by_name = users::find_by_username(&db, "aDA").await.unwrap().unwrap();
    for stored in [by_id, by_name] {
        assert_eq!(format!("{stored:?}"), format!("{user:?}"));
    }
    assert!(users::find(&db, new_user("x").id).await.unwrap().is_none());
    assert!(users::find_by_username(&db, "bob").await.unwrap().is_none());
}

#[tokio::test]
async fn a_username_is_taken_in_every_ascii_case_and_no_other_whatever_the_locale() {
    for db in [fresh_db().await, fresh_db_of_another_locale().await] {
        assert!(users::insert(&db, &new_user("Émile")).await.unwrap());
        assert!(!users::insert(&db, &new_user("ÉMILE")).await.unwrap());
        for written in ["Émile", "ÉMILE", "ÉmILe"] {
            assert_eq!(users::find_by_username(&db, written).await.unwrap().unwrap().username, "Émile", "{written}");
        }
        assert!(users::find_by_username(&db, "émile").await.unwrap().is_none());
        assert!(users::insert(&db, &new_user("émile")).await.unwrap());
        assert_eq!(users::find_by_username(&db, "éMILE").await.unwrap().unwrap().username, "émile");
    }
}

#[tokio::test]
async fn an_address_is_found_in_every_ascii_case_and_no_other_whatever_the_locale() {
    for db in [fresh_db().await, fresh_db_of_another_locale().await] {
        let email = Some("Émile@People.example".to_owned());
        assert!(users::insert(&db, &User { email, ..new_user("emile") }).await.unwrap());
        for (address, known) in [("ÉMILE@people.example", 1), ("Émile@People.example", 1), ("émile@people.example", 0)]
        {
            assert_eq!(users::find_by_email(&db, address).await.unwrap().len(), known, "{address}");
        }
    }
}

#[tokio::test]
async fn a_user_is_disabled_enabled_and_given_another_password() {
    let db = fresh_db().await;
    let user = new_user("ada");
    users::insert(&db, &user).await.unwrap();
    assert!(users::set_disabled(&db, user.id, Some(now())).await.unwrap());
    assert!(users::set_password(&db, user.id, "$new$").await.unwrap());
    let stored = users::find(&db, user.id).await.unwrap().unwrap();
    assert_eq!((stored.disabled_at, stored.password_hash.as_str()), (Some(now()), "$new$"));
    assert!(users::set_disabled(&db, user.id, None).await.unwrap());
    assert!(users::find(&db, user.id).await.unwrap().unwrap().disabled_at.is_none());
    assert!(!users::set_disabled(&db, new_user("x").id, None).await.unwrap());
    assert!(!users::set_password(&db, new_user("x").id, "$new$").await.unwrap());
}

fn link(token_hash: &Digest, recovers: bool) -> SetupLink {
    let (created_at, expires_at) = (now(), now() + Duration::hours(1));
    SetupLink { token_hash: token_hash.clone(), seed: Some(vec![1]), recovers, expires_at, created_at }
}

#[tokio::test]
async fn a_setup_token_is_valid_until_it_expires_or_is_replaced() {
    let db = fresh_db().await;
    let (first, second) = (Digest::of("1"), Digest::of("2"));
    let later = now() + Duration::hours(1);
    assert!(!setup_tokens::is_valid(&db, &first, now()).await.unwrap());
    setup_tokens::replace(&db, &link(&first, false)).await.unwrap();
    assert!(setup_tokens::is_valid(&db, &first, now()).await.unwrap());
    assert!(!setup_tokens::is_valid(&db, &first, later).await.unwrap());
    setup_tokens::replace(&db, &link(&second, false)).await.unwrap();
    assert!(!setup_tokens::is_valid(&db, &first, now()).await.unwrap());
    assert!(setup_tokens::is_valid(&db, &second, now()).await.unwrap());
}

#[tokio::test]
async fn a_setup_token_that_is_good_and_can_be_made_again_stays() {
    let db = fresh_db().await;
    let (first, second) = (Digest::of("1"), Digest::of("2"));
    let proposed = async |link: &SetupLink| setup_tokens::get_or_replace(&db, link).await.unwrap().unwrap().token_hash;
    assert_eq!(proposed(&link(&first, false)).await, first);
    assert_eq!(proposed(&link(&second, false)).await, first);
    let late = SetupLink { created_at: now() + Duration::hours(1), ..link(&second, false) };
    assert_eq!(proposed(&late).await, second);
    // One of before, which was shown once.
    setup_tokens::replace(&db, &SetupLink { seed: None, ..link(&first, false) }).await.unwrap();
    assert_eq!(proposed(&link(&second, false)).await, second);
}

#[tokio::test]
async fn a_setup_token_makes_one_administrator_and_is_spent() {
    let db = fresh_db().await;
    let setup = Digest::of("setup");
    let later = now() + Duration::hours(1);
    let make =
        async |name: &str, setup: &Digest, at| users::make_admin(&db, &new_admin(name), setup, at, None).await.unwrap();
    assert!(!users::any_admin(&db).await.unwrap());
    assert_eq!(make("none", &setup, now()).await, Administered::Nobody);
    setup_tokens::replace(&db, &link(&setup, false)).await.unwrap();
    assert_eq!(make("wrong", &Digest::of("x"), now()).await, Administered::Nobody);
    assert_eq!(make("late", &setup, later).await, Administered::Nobody);

    users::insert(&db, &new_user("taken")).await.unwrap();
    assert_eq!(make("Taken", &setup, now()).await, Administered::NameTaken);
    assert!(setup_tokens::is_valid(&db, &setup, now()).await.unwrap());

    assert_eq!(make("root", &setup, now()).await, Administered::Created);
    assert!(users::any_admin(&db).await.unwrap());
    assert!(!setup_tokens::is_valid(&db, &setup, now()).await.unwrap());
    setup_tokens::replace(&db, &link(&setup, false)).await.unwrap();
    assert_eq!(make("second", &setup, now()).await, Administered::Nobody);
    assert_eq!(make("root", &setup, now()).await, Administered::Nobody);
}

#[tokio::test]
async fn a_setup_token_for_those_who_are_locked_out_reaches_administrators_and_nobody_else() {
    let db = fresh_db().await;
    let setup = Digest::of("setup");
    let (root, somebody) = (new_admin("root"), new_user("somebody"));
    users::insert(&db, &root).await.unwrap();
    users::insert(&db, &somebody).await.unwrap();
    users::set_disabled(&db, root.id, Some(now())).await.unwrap();
    let fresh = async || setup_tokens::replace(&db, &link(&setup, true)).await.unwrap();
    let new = |name: &str| User { password_hash: "$new$".into(), ..new_admin(name) };
    fresh().await;
    assert_eq!(users::make_admin(&db, &new("Somebody"), &setup, now(), None).await.unwrap(), Administered::NameTaken);
    let stored = users::find(&db, somebody.id).await.unwrap().unwrap();
    assert_eq!((stored.password_hash, stored.role), (somebody.password_hash, Role::User));
    let recovered = users::make_admin(&db, &new("ROOT"), &setup, now(), None).await.unwrap();
    assert_eq!(recovered, Administered::Recovered(root.id));
    let stored = users::find(&db, root.id).await.unwrap().unwrap();
    assert_eq!((stored.password_hash.as_str(), stored.username.as_str(), stored.disabled_at), ("$new$", "root", None));
    assert_eq!(users::make_admin(&db, &new("root"), &setup, now(), None).await.unwrap(), Administered::Nobody);
    fresh().await;
    assert_eq!(users::make_admin(&db, &new("other"), &setup, now(), None).await.unwrap(), Administered::Created);
}
