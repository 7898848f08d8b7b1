//! Table `sessions`, as tower-sessions uses it.
use crate::support::db::{TestDb, fresh_db};
use keyward::{clock::Clock, storage::Sessions};
use time::Duration;
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
