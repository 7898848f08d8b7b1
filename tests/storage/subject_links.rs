//! Table `subject_links`.
use super::{new_user, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{User, UserId},
    storage::{
        Db,
        subject_links::{self, SubjectLink},
        users,
    },
};
use tokio::task::JoinSet;

fn link(subject: &str, user_id: UserId) -> SubjectLink {
    SubjectLink {
        issuer: "https://idp.example".into(),
        tenant: String::new(),
        subject: subject.into(),
        user_id,
        linked_at: now(),
    }
}

async fn find(db: &Db, tenant: &str, subject: &str) -> Option<UserId> {
    subject_links::find(db, "https://idp.example", tenant, subject).await.unwrap().map(|user| user.id)
}

async fn a_user(db: &Db, name: &str) -> User {
    let user = new_user(name);
    assert!(users::insert(db, &user).await.unwrap());
    user
}

#[tokio::test]
async fn a_subject_is_one_account_and_an_account_one_subject_of_an_issuer_and_tenant() {
    let db = fresh_db().await;
    let (ada, bob) = (a_user(&db, "ada").await, a_user(&db, "bob").await);
    assert!(subject_links::insert(&db, &link("1", ada.id)).await.unwrap());
    assert!(!subject_links::insert(&db, &link("1", bob.id)).await.unwrap());
    assert!(!subject_links::insert(&db, &link("2", ada.id)).await.unwrap());
    assert_eq!((find(&db, "", "1").await, find(&db, "", "2").await), (Some(ada.id), None));
    assert_eq!(find(&db, "acme", "1").await, None);
    let elsewhere = SubjectLink { tenant: "acme".into(), ..link("1", ada.id) };
    assert!(subject_links::insert(&db, &elsewhere).await.unwrap());
    assert_eq!(find(&db, "acme", "1").await, Some(ada.id));
    assert!(subject_links::is_linked(&db, ada.id, "https://idp.example", "acme").await.unwrap());
    assert!(!subject_links::is_linked(&db, bob.id, "https://idp.example", "acme").await.unwrap());
    assert!(!subject_links::is_linked(&db, ada.id, "https://other.example", "acme").await.unwrap());
}

#[tokio::test]
async fn an_account_comes_with_its_link_or_not_at_all() {
    let db = fresh_db().await;
    let ada = new_user("ada");
    assert!(subject_links::insert_user(&db, &ada, &link("1", ada.id)).await.unwrap());
    let (taken, late) = (new_user("ADA"), new_user("late"));
    assert!(!subject_links::insert_user(&db, &taken, &link("2", taken.id)).await.unwrap());
    assert!(!subject_links::insert_user(&db, &late, &link("1", late.id)).await.unwrap());
    assert_eq!((find(&db, "", "1").await, find(&db, "", "2").await), (Some(ada.id), None));
    assert!(users::find(&db, late.id).await.unwrap().is_none());
}

#[tokio::test]
async fn of_many_who_are_first_at_once_one_account_is_made() {
    let db = fresh_db().await;
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let db = (*db).clone();
        tasks.spawn(async move {
            let user = new_user(&format!("user{n}"));
            subject_links::insert_user(&db, &user, &link("1", user.id)).await.unwrap().then_some(user.id)
        });
    }
    let made: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(made.len(), 1);
    assert_eq!(find(&db, "", "1").await, Some(made[0]));
}

#[tokio::test]
async fn accounts_are_found_by_address_in_any_case() {
    let db = fresh_db().await;
    for (name, email) in [("ada", Some("Ada@people.example")), ("bob", None), ("twin", Some("ada@People.example"))] {
        users::insert(&db, &User { email: email.map(str::to_owned), ..new_user(name) }).await.unwrap();
    }
    let found = async |email| users::find_by_email(&db, email).await.unwrap().len();
    assert_eq!(found("ADA@people.example").await, 2);
    assert_eq!(found("bob@people.example").await, 0);
    assert_eq!(found("").await, 0);
}
