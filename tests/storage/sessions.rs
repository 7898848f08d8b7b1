//! Table `sessions`, as tower-sessions uses it.
use super::{event, new_user, now};
use crate::support::db::{TestDb, fresh_db};
use keyward::{
    clock::Clock,
    model::User,
    storage::{Sessions, users},
};
use time::Duration;
use tokio::task::JoinSet;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};

fn store(db: &TestDb) -> Sessions {
    Sessions { db: (**db).clone(), clock: Clock::stopped(), lifetime: Duration::hours(1) }
}

fn new_record(store: &Sessions, user: &str) -> Record {
    Record {
        id: Id::default(),
        data: [("user".into(), user.into())].into(),
        expiry_date: store.clock.now() + store.lifetime,
    }
}

#[tokio::test]
async fn a_session_is_created_saved_and_loaded_and_lasts_by_the_clock_whatever_the_library_dates() {
    let db = fresh_db().await;
    let sessions = store(&db);
    let mut record = new_record(&sessions, "ada");
    let id = record.id;
    sessions.create(&mut record).await.unwrap();
    assert_eq!(record.id, id);
    record.data.insert("step".into(), 2.into());
    sessions.clock.advance(Duration::minutes(30));
    sessions.save(&Record { expiry_date: record.expiry_date + Duration::days(1), ..record.clone() }).await.unwrap();
    record.expiry_date += Duration::minutes(30);
    assert_eq!(sessions.load(&id).await.unwrap().unwrap(), record);
    assert!(sessions.load(&Id::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn creating_never_overwrites_another_session() {
    let db = fresh_db().await;
    let sessions = store(&db);
    let mut first = new_record(&sessions, "ada");
    sessions.create(&mut first).await.unwrap();
    let mut second = Record { id: first.id, ..new_record(&sessions, "bob") };
    sessions.create(&mut second).await.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(sessions.load(&first.id).await.unwrap().unwrap().data, first.data);
    assert_eq!(sessions.load(&second.id).await.unwrap().unwrap().data, second.data);
}

#[tokio::test]
async fn saving_does_not_bring_a_deleted_session_back() {
    let db = fresh_db().await;
    let sessions = store(&db);
    let mut record = new_record(&sessions, "ada");
    sessions.create(&mut record).await.unwrap();
    sessions.delete(&record.id).await.unwrap();
    sessions.save(&record).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap().is_none());
}

#[tokio::test]
async fn an_expired_session_is_not_loaded_and_then_swept() {
    let db = fresh_db().await;
    let sessions = store(&db);
    let mut record = new_record(&sessions, "ada");
    sessions.create(&mut record).await.unwrap();
    assert_eq!(sessions.sweep(sessions.clock.now()).await.unwrap(), 0);
    sessions.clock.advance(Duration::hours(1));
    assert!(sessions.load(&record.id).await.unwrap().is_none());
    assert_eq!(sessions.sweep(sessions.clock.now()).await.unwrap(), 1);
}

/// Of this person, who signed in by the hash that the account had then.
pub fn record_of(user: &User) -> Record {
    let data = [("user_id", user.id.to_string()), ("verified_hash", user.password_hash.clone())];
    let data = data.map(|(name, value)| (name.to_owned(), value.into())).into();
    Record { id: Id::default(), data, expiry_date: now() }
}

#[tokio::test]
async fn a_session_begins_only_by_the_hash_that_the_account_still_has_and_does_not_keep_it() {
    let db = fresh_db().await;
    let (sessions, user) = (store(&db), new_user("ada"));
    users::insert(&db, &user).await.unwrap();
    let begins = async |record: Record| {
        let (mut record, before) = (record, sessions.count(user.id).await.unwrap());
        sessions.create(&mut record).await.unwrap();
        let began = sessions.count(user.id).await.unwrap() > before;
        assert_eq!(record.data.is_empty(), !began);
        let stored = sessions.load(&record.id).await.unwrap();
        assert_eq!(stored.is_some(), began);
        assert!(!format!("{stored:?} {record:?}").contains(&user.password_hash));
        began
    };
    assert!(begins(record_of(&user)).await);
    let mut unverified = record_of(&user);
    unverified.data.remove("verified_hash");
    assert!(!begins(unverified).await);
    users::set_password(&db, user.id, "$new$", |_| event("password")).await.unwrap();
    assert!(!begins(record_of(&user)).await);
    let user = User { password_hash: "$new$".into(), ..user.clone() };
    assert!(begins(record_of(&user)).await);
    db.set_user_disabled(user.id, Some(now())).await;
    assert!(!begins(record_of(&user)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_of_the_old_password_outlives_the_new_one_however_they_meet() {
    let db = fresh_db().await;
    for round in 0..20 {
        let (sessions, user) = (store(&db), new_user(&format!("ada{round}")));
        users::insert(&db, &user).await.unwrap();
        let mut all = JoinSet::new();
        for _ in 0..8 {
            let (sessions, mut record) = (sessions.clone(), record_of(&user));
            all.spawn(async move { sessions.create(&mut record).await.unwrap() });
        }
        let (one, id) = ((*db).clone(), user.id);
        all.spawn(async move {
            users::set_password(&one, id, "$new$", |_| event("password")).await.unwrap();
        });
        all.join_all().await;
        assert_eq!(sessions.count(user.id).await.unwrap(), 0, "round {round}");
    }
}
