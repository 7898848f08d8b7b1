//! Tables `users` and `setup_tokens`.
use super::{new_user, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{Role, User},
    secrets::Digest,
    storage::{setup_tokens, users},
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
async fn a_username_is_taken_in_every_ascii_case_and_no_other() {
    let db = fresh_db().await;
    assert!(users::insert(&db, &new_user("Émile")).await.unwrap());
    assert!(!users::insert(&db, &new_user("ÉMILE")).await.unwrap());
    assert!(users::insert(&db, &new_user("émile")).await.unwrap());
    assert_eq!(users::find_by_username(&db, "Émile").await.unwrap().unwrap().username, "Émile");
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

#[tokio::test]
async fn a_setup_token_is_valid_until_it_expires_or_is_replaced() {
    let db = fresh_db().await;
    let (first, second) = (Digest::of("1"), Digest::of("2"));
    let later = now() + Duration::hours(1);
    assert!(!setup_tokens::is_valid(&db, &first, now()).await.unwrap());
    setup_tokens::insert(&db, &first, later, now()).await.unwrap();
    assert!(setup_tokens::is_valid(&db, &first, now()).await.unwrap());
    assert!(!setup_tokens::is_valid(&db, &first, later).await.unwrap());
    setup_tokens::insert(&db, &second, later, now()).await.unwrap();
    assert!(!setup_tokens::is_valid(&db, &first, now()).await.unwrap());
    assert!(setup_tokens::is_valid(&db, &second, now()).await.unwrap());
}

#[tokio::test]
async fn a_setup_token_makes_one_administrator_and_is_spent() {
    let db = fresh_db().await;
    let setup = Digest::of("setup");
    let later = now() + Duration::hours(1);
    assert!(!users::any_admin(&db).await.unwrap());
    assert!(!users::insert_first_admin(&db, &new_admin("none"), &setup, now(), None).await.unwrap());
    setup_tokens::insert(&db, &setup, later, now()).await.unwrap();
    assert!(!users::insert_first_admin(&db, &new_admin("wrong"), &Digest::of("x"), now(), None).await.unwrap());
    assert!(!users::insert_first_admin(&db, &new_admin("late"), &setup, later, None).await.unwrap());

    users::insert(&db, &new_user("taken")).await.unwrap();
    assert!(!users::insert_first_admin(&db, &new_admin("Taken"), &setup, now(), None).await.unwrap());
    assert!(setup_tokens::is_valid(&db, &setup, now()).await.unwrap());

    assert!(users::insert_first_admin(&db, &new_admin("root"), &setup, now(), None).await.unwrap());
    assert!(users::any_admin(&db).await.unwrap());
    assert!(!setup_tokens::is_valid(&db, &setup, now()).await.unwrap());
    setup_tokens::insert(&db, &setup, later, now()).await.unwrap();
    assert!(!users::insert_first_admin(&db, &new_admin("second"), &setup, now(), None).await.unwrap());
}
