//! Tables `users` and `setup_tokens`.
use super::{a_grant, event, events, new_user, now, sessions::record_of};
use crate::support::db::{fresh_db, fresh_db_of_another_locale};
use keyward::{
    clock::Clock,
    model::{Role, User, UserId},
    secrets::Digest,
    storage::{
        Sessions, grants,
        setup_tokens::{self, StoredSetupLink},
        users::{self, EndedAccess, Filter, SetupTokenUse},
    },
};
use time::Duration;
use tokio::task::JoinSet;
use tower_sessions::SessionStore;

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
async fn a_user_is_disabled_enabled_and_given_another_password_each_once_and_with_an_event() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    let id = grant.user_id;
    let sessions = Sessions { db: (*db).clone(), clock: Clock::stopped(), lifetime: Duration::hours(1) };
    let begin = async |user: UserId| {
        let mut record = record_of(&users::find(&db, user).await.unwrap().unwrap());
        sessions.create(&mut record).await.unwrap();
        record
    };
    let another = new_user("another");
    users::insert(&db, &another).await.unwrap();
    let (theirs, anothers) = (begin(id).await, begin(another.id).await);
    let (disabled, _) = users::disable(&db, id, now(), |_| event("disabled")).await.unwrap().unwrap();
    assert_eq!(disabled, EndedAccess { grants: 1, sessions: 1 });
    assert!(sessions.load(&theirs.id).await.unwrap().is_none() && sessions.load(&anothers.id).await.unwrap().is_some());
    assert_eq!(grants::find(&db, grant.id).await.unwrap().unwrap().revoked_at, Some(now()));
    assert!(users::disable(&db, id, now(), |_| event("again")).await.unwrap().is_none());
    // A session that is saved once more does not come back.
    sessions.save(&theirs).await.unwrap();
    assert_eq!(sessions.count(id).await.unwrap(), 0);
    // Of before, and disabled: neither keeps a new password from ending what there is.
    db.set_user_disabled(id, None).await;
    begin(id).await;
    db.set_user_disabled(id, Some(now())).await;
    assert_eq!(sessions.count(id).await.unwrap(), 1);
    let (ended, _) = users::set_password(&db, id, "$new$", |_| event("password")).await.unwrap().unwrap();
    assert_eq!((ended, sessions.count(id).await.unwrap()), (1, 0));
    let stored = users::find(&db, id).await.unwrap().unwrap();
    assert_eq!((stored.disabled_at, stored.password_hash.as_str()), (Some(now()), "$new$"));
    assert!(users::enable(&db, id, &event("enabled")).await.unwrap());
    assert!(!users::enable(&db, id, &event("again")).await.unwrap());
    assert!(users::find(&db, id).await.unwrap().unwrap().disabled_at.is_none());
    let nobody = UserId::new();
    assert!(!users::enable(&db, nobody, &event("nobody")).await.unwrap());
    assert!(users::disable(&db, nobody, now(), |_| event("nobody")).await.unwrap().is_none());
    assert!(users::set_password(&db, nobody, "$new$", |_| event("nobody")).await.unwrap().is_none());
    assert_eq!(events(&db).await, ["approval", "disabled", "password", "enabled"]);
}

#[tokio::test]
async fn of_administrators_who_are_disabled_at_once_one_stays() {
    let db = fresh_db().await;
    let admins = ["ada", "grace", "root"].map(new_admin);
    for admin in &admins {
        users::insert(&db, admin).await.unwrap();
    }
    let mut acts = JoinSet::new();
    for id in admins.map(|admin| admin.id) {
        let db = (*db).clone();
        acts.spawn(async move { users::disable(&db, id, now(), |_| event("disabled")).await.unwrap().is_some() });
    }
    assert_eq!(acts.join_all().await.into_iter().filter(|disabled| *disabled).count(), 2);
    assert_eq!(events(&db).await, ["disabled", "disabled"]);
    let wanted = Filter { role: Some(Role::Admin), disabled: Some(false), search: None };
    assert_eq!(users::list(&db, &wanted, None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn people_are_listed_newest_first_by_role_state_and_part_of_a_name() {
    let db = fresh_db().await;
    let mut people = [new_admin("root"), new_user("under_score"), new_user("100%"), new_user("back\\slash")];
    people[1].email = Some("Someone@Example.com".into());
    for person in &people {
        users::insert(&db, person).await.unwrap();
    }
    db.set_user_disabled(people[2].id, Some(now())).await;
    let found = async |wanted: Filter, before, limit| {
        let found = users::list(&db, &wanted, before, limit).await.unwrap();
        found.into_iter().map(|user| user.username).collect::<Vec<_>>()
    };
    let all = Filter::default;
    assert_eq!(found(all(), None, 9).await, ["back\\slash", "100%", "under_score", "root"]);
    assert_eq!(found(all(), None, 2).await, ["back\\slash", "100%"]);
    assert_eq!(found(all(), Some(people[2].id), 9).await, ["under_score", "root"]);
    assert_eq!(found(Filter { role: Some(Role::Admin), ..all() }, None, 9).await, ["root"]);
    assert_eq!(found(Filter { disabled: Some(true), ..all() }, None, 9).await, ["100%"]);
    assert_eq!(found(Filter { disabled: Some(false), ..all() }, None, 9).await.len(), 3);
    for (text, names) in [
        ("ROO", &["root"][..]),
        ("example.COM", &["under_score"]),
        ("_", &["under_score"]),
        ("%", &["100%"]),
        ("\\", &["back\\slash"]),
        ("ada", &["back\\slash", "100%", "under_score", "root"]),
        ("nobody", &[]),
    ] {
        assert_eq!(found(Filter { search: Some(text.into()), ..all() }, None, 9).await, names, "{text}");
    }
}

fn link(token_hash: &Digest, recovers: bool) -> StoredSetupLink {
    let (created_at, expires_at) = (now(), now() + Duration::hours(1));
    StoredSetupLink { token_hash: token_hash.clone(), seed: Some(vec![1]), recovers, expires_at, created_at }
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
    let proposed =
        async |link: &StoredSetupLink| setup_tokens::get_or_replace(&db, link).await.unwrap().unwrap().token_hash;
    assert_eq!(proposed(&link(&first, false)).await, first);
    assert_eq!(proposed(&link(&second, false)).await, first);
    let late = StoredSetupLink { created_at: now() + Duration::hours(1), ..link(&second, false) };
    assert_eq!(proposed(&late).await, second);
    // One of before, which was shown once.
    setup_tokens::replace(&db, &StoredSetupLink { seed: None, ..link(&first, false) }).await.unwrap();
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
    assert_eq!(make("none", &setup, now()).await, SetupTokenUse::Nobody);
    setup_tokens::replace(&db, &link(&setup, false)).await.unwrap();
    assert_eq!(make("wrong", &Digest::of("x"), now()).await, SetupTokenUse::Nobody);
    assert_eq!(make("late", &setup, later).await, SetupTokenUse::Nobody);

    users::insert(&db, &new_user("taken")).await.unwrap();
    assert_eq!(make("Taken", &setup, now()).await, SetupTokenUse::NameTaken);
    assert!(setup_tokens::is_valid(&db, &setup, now()).await.unwrap());

    assert_eq!(make("root", &setup, now()).await, SetupTokenUse::Created);
    assert!(users::any_admin(&db).await.unwrap());
    assert!(!setup_tokens::is_valid(&db, &setup, now()).await.unwrap());
    setup_tokens::replace(&db, &link(&setup, false)).await.unwrap();
    assert_eq!(make("second", &setup, now()).await, SetupTokenUse::Nobody);
    assert_eq!(make("root", &setup, now()).await, SetupTokenUse::Nobody);
}

#[tokio::test]
async fn a_setup_token_for_those_who_are_locked_out_reaches_administrators_and_nobody_else() {
    let db = fresh_db().await;
    let setup = Digest::of("setup");
    let (root, somebody) = (new_admin("root"), new_user("somebody"));
    users::insert(&db, &root).await.unwrap();
    users::insert(&db, &somebody).await.unwrap();
    db.set_user_disabled(root.id, Some(now())).await;
    let fresh = async || setup_tokens::replace(&db, &link(&setup, true)).await.unwrap();
    let new = |name: &str| User { password_hash: "$new$".into(), ..new_admin(name) };
    fresh().await;
    assert_eq!(users::make_admin(&db, &new("Somebody"), &setup, now(), None).await.unwrap(), SetupTokenUse::NameTaken);
    let stored = users::find(&db, somebody.id).await.unwrap().unwrap();
    assert_eq!((stored.password_hash, stored.role), (somebody.password_hash, Role::User));
    let recovered = users::make_admin(&db, &new("ROOT"), &setup, now(), None).await.unwrap();
    assert_eq!(recovered, SetupTokenUse::Recovered(root.id));
    let stored = users::find(&db, root.id).await.unwrap().unwrap();
    assert_eq!((stored.password_hash.as_str(), stored.username.as_str(), stored.disabled_at), ("$new$", "root", None));
    assert_eq!(users::make_admin(&db, &new("root"), &setup, now(), None).await.unwrap(), SetupTokenUse::Nobody);
    fresh().await;
    assert_eq!(users::make_admin(&db, &new("other"), &setup, now(), None).await.unwrap(), SetupTokenUse::Created);
}
