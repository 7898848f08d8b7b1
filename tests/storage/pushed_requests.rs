//! Table `pushed_requests`.
use super::{a_pair, now};
use crate::support::db::fresh_db;
use keyward::{
    model::ClientId,
    secrets::{self, Digest},
    storage::{
        Db, clients,
        pushed_requests::{self, Insertion, MAX_IN_ALL, MAX_PER_SOURCE, PushedRequest, insert},
    },
};
use keyward_limits::source::Source;
use time::Duration;

fn source(address: &str) -> Source {
    Source::of(address.parse().unwrap())
}

async fn a_request(db: &Db) -> PushedRequest {
    let (client, _) = a_pair(db).await;
    let request = PushedRequest {
        request_hash: Digest::of(secrets::random()),
        client_id: client.id,
        query: "scope=a%20b&state=%C3%A4".into(),
        expires_at: now() + Duration::seconds(90),
    };
    assert_eq!(insert(db, &request, source("192.0.2.1"), None, None, now()).await.unwrap(), Insertion::Done);
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
async fn it_expires_on_the_second() {
    let db = fresh_db().await;
    let request = a_request(&db).await;
    let find = async |at| pushed_requests::find(&db, &request.request_hash, &request.client_id, at).await.unwrap();
    assert!(find(request.expires_at - Duration::seconds(1)).await.is_some());
    assert!(find(request.expires_at).await.is_none());
}

const BYTES: &str = "SELECT CAST(sum(bytes) AS BIGINT) FROM pushed_requests WHERE bytes >= length(query)";

/// So many bytes, from there.
async fn push(db: &Db, client: &ClientId, bytes: usize, from: &str) -> (Digest, Insertion) {
    let request_hash = Digest::of(secrets::random());
    let (client_id, query, expires_at) = (client.clone(), "x".repeat(bytes), now() + Duration::minutes(10));
    let request = PushedRequest { request_hash: request_hash.clone(), client_id, query, expires_at };
    (request_hash, insert(db, &request, source(from), None, None, now()).await.unwrap())
}

async fn held(db: &Db, client: &ClientId, hash: &Digest) -> bool {
    pushed_requests::find(db, hash, client, now()).await.unwrap().is_some()
}

#[tokio::test]
async fn attack_187_no_source_has_more_than_its_share_and_where_all_are_used_the_greediest_makes_room() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let largest = 32 * 1024;
    let fits = |most: i64, bytes: usize| usize::try_from(most).unwrap() / bytes;
    let oldest = push(&db, &client.id, largest, "192.0.2.0").await.0;
    for _ in 1..fits(MAX_PER_SOURCE, largest) {
        assert_eq!(push(&db, &client.id, largest, "192.0.2.0").await.1, Insertion::Done);
    }
    assert_eq!(push(&db, &client.id, 1, "192.0.2.0").await.1, Insertion::SourceFull);
    // Small ones count as something, too.
    for _ in 0..fits(MAX_PER_SOURCE / 2, 1024) {
        assert_eq!(push(&db, &client.id, 1, "192.0.2.1").await.1, Insertion::Done);
    }
    assert_eq!(push(&db, &client.id, largest, "192.0.2.1").await.1, Insertion::Done);
    let honest = push(&db, &client.id, 600, "2001:db8::").await.0;
    for source in 2..200 {
        for _ in 0..3 {
            push(&db, &client.id, largest, &format!("198.51.100.{source}")).await;
        }
    }
    for source in 2..200 {
        for _ in 0..4 {
            push(&db, &client.id, largest, &format!("203.0.113.{source}")).await;
        }
    }
    assert!(held(&db, &client.id, &honest).await && !held(&db, &client.id, &oldest).await);
    // Who has as much as anybody waits.
    let full = push(&db, &client.id, largest, "203.0.113.199").await.1;
    assert!(matches!(full, Insertion::Full | Insertion::Done), "{full:?}");
    let (again, insertion) = push(&db, &client.id, 600, "2001:db8:0:1::").await;
    assert!(insertion == Insertion::Done && held(&db, &client.id, &again).await);
    let bytes = db.number(BYTES).await;
    assert!(bytes <= MAX_IN_ALL, "{bytes}");
    // What has expired takes no room.
    let later = now() + Duration::minutes(10);
    let expires_at = later + Duration::minutes(10);
    let request = PushedRequest { request_hash: again, client_id: client.id, query: String::new(), expires_at };
    assert_eq!(insert(&db, &request, source("192.0.2.0"), None, None, later).await.unwrap(), Insertion::Done);
    assert_eq!(db.number(BYTES).await, 1024);
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

#[tokio::test]
async fn who_owns_a_whole_network_makes_room_though_none_of_its_sources_has_much() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let most = usize::try_from(MAX_IN_ALL).unwrap() / (32 * 1024);
    let mut pushed = vec![];
    for n in 0..most {
        pushed.push(push(&db, &client.id, 32 * 1024, &format!("2001:db8:1:{n:x}::1")).await);
    }
    assert!(pushed.iter().all(|(_, insertion)| *insertion == Insertion::Done));
    let (honest, insertion) = push(&db, &client.id, 2048, "192.0.2.1").await;
    assert_eq!(insertion, Insertion::Done);
    assert!(held(&db, &client.id, &honest).await);
    let left = db.number("SELECT count(*) FROM pushed_requests").await;
    assert!(usize::try_from(left).unwrap() < most, "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_push_at_once_none_gets_more_than_there_is() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let bytes = 256 * 1024;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (db, client) = ((*db).clone(), client.id.clone());
            // Two sources, four times as much each as one of them may have.
            tokio::spawn(async move { push(&db, &client, bytes, &format!("192.0.2.{}", n % 2)).await.1 })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        match task.await.unwrap() {
            Insertion::Done => done += 1,
            other => assert_eq!(other, Insertion::SourceFull),
        }
    }
    let each = usize::try_from(MAX_PER_SOURCE).unwrap() / bytes;
    assert_eq!(done, 2 * each);
    let held = db
        .number(
            "SELECT CAST(max(held) AS BIGINT) FROM (SELECT sum(bytes) AS held FROM pushed_requests
                           GROUP BY source) AS sums",
        )
        .await;
    assert_eq!(held, MAX_PER_SOURCE);
}

#[tokio::test]
async fn a_proof_is_used_up_with_what_it_came_with_or_not_at_all() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let proofs = async || db.number("SELECT count(*) FROM dpop_proofs").await;
    let (hash, ends) = (Digest::of("proof"), now() + Duration::minutes(10));
    let push_with = async |bytes: usize| {
        let request_hash = Digest::of(secrets::random());
        let (client_id, query) = (client.id.clone(), "x".repeat(bytes));
        let request = PushedRequest { request_hash, client_id, query, expires_at: ends };
        insert(&db, &request, source("192.0.2.1"), Some((&hash, ends)), None, now()).await.unwrap()
    };
    let share = usize::try_from(MAX_PER_SOURCE).unwrap();
    assert_eq!(push(&db, &client.id, share - 2_000, "192.0.2.1").await.1, Insertion::Done);
    assert_eq!((push_with(4_000).await, proofs().await), (Insertion::SourceFull, 0));
    assert_eq!((push_with(100).await, proofs().await), (Insertion::Done, 1));
    let before = db.number(BYTES).await;
    assert_eq!((push_with(100).await, db.number(BYTES).await), (Insertion::SourceFull, before));
    pushed_requests::sweep(&db, ends).await.unwrap();
    assert_eq!(
        (push_with(100).await, db.number("SELECT count(*) FROM pushed_requests").await),
        (Insertion::Replayed, 0)
    );
}
