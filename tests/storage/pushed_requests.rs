//! Table `pushed_requests`.
use super::{a_pair, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{ClientId, PushedRequest},
    secrets::{self, Digest},
    storage::{Db, clients, pushed_requests},
};
use time::Duration;

async fn a_request(db: &Db) -> PushedRequest {
    let (client, _) = a_pair(db).await;
    let request = PushedRequest {
        request_hash: Digest::of(secrets::random()),
        client_id: client.id,
        query: "scope=a%20b&state=%C3%A4".into(),
        expires_at: now() + Duration::seconds(90),
        opened_at: None,
    };
    pushed_requests::insert(db, &request).await.unwrap();
    request
}

#[tokio::test]
async fn a_pushed_request_comes_back_as_stored_and_only_to_its_client() {
    let db = fresh_db().await;
    let (mine, other) = (a_request(&db).await, a_request(&db).await);
    let found = pushed_requests::find(&db, &mine.request_hash, &mine.client_id, now()).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{mine:?}"));
    for (hash, client) in [
        (&mine.request_hash, &other.client_id),
        (&mine.request_hash, &ClientId::from("unknown")),
        (&Digest::of("unknown"), &mine.client_id),
    ] {
        assert!(pushed_requests::find(&db, hash, client, now()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn it_expires_on_the_second_and_opening_extends_it_once() {
    let db = fresh_db().await;
    let request = a_request(&db).await;
    let find = async |at| pushed_requests::find(&db, &request.request_hash, &request.client_id, at).await.unwrap();
    assert!(find(request.expires_at - Duration::seconds(1)).await.is_some());
    assert!(find(request.expires_at).await.is_none());
    let until = now() + Duration::minutes(30);
    pushed_requests::open(&db, &request.request_hash, now(), until).await.unwrap();
    pushed_requests::open(&db, &request.request_hash, now(), until + Duration::hours(1)).await.unwrap();
    let opened = find(until - Duration::seconds(1)).await.unwrap();
    assert_eq!((opened.opened_at, opened.expires_at), (Some(now()), until));
    assert!(find(until).await.is_none());
}

#[tokio::test]
async fn it_is_completed_once_and_never_late() {
    let db = fresh_db().await;
    let (one, late) = (a_request(&db).await, a_request(&db).await);
    assert!(pushed_requests::complete(&db, &one.request_hash, now()).await.unwrap());
    assert!(!pushed_requests::complete(&db, &one.request_hash, now()).await.unwrap());
    assert!(!pushed_requests::complete(&db, &late.request_hash, late.expires_at).await.unwrap());
}

#[tokio::test]
async fn the_expired_are_swept_and_a_deleted_client_takes_its_own_along() {
    let db = fresh_db().await;
    let (one, other) = (a_request(&db).await, a_request(&db).await);
    assert_eq!(pushed_requests::sweep(&db, one.expires_at - Duration::seconds(1)).await.unwrap(), 0);
    assert!(clients::delete(&db, &one.client_id).await.unwrap());
    assert_eq!(pushed_requests::sweep(&db, other.expires_at).await.unwrap(), 1);
}
