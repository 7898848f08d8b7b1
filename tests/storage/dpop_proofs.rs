//! Table `dpop_proofs`.
use super::{a_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    secrets::Digest,
    storage::{dpop_proofs, grants},
};
use time::Duration;

#[tokio::test]
async fn a_proof_is_used_once_until_it_is_swept() {
    let db = fresh_db().await;
    let (one, other) = (Digest::of("one"), Digest::of("other"));
    let ends = now() + Duration::minutes(10);
    assert!(dpop_proofs::insert(&db, &one, ends).await.unwrap());
    assert!(!dpop_proofs::insert(&db, &one, ends).await.unwrap());
    assert!(dpop_proofs::insert(&db, &other, ends + Duration::seconds(1)).await.unwrap());
    assert_eq!(dpop_proofs::sweep(&db, ends - Duration::seconds(1)).await.unwrap(), 0);
    assert_eq!(dpop_proofs::sweep(&db, ends).await.unwrap(), 1);
    assert!(dpop_proofs::insert(&db, &one, ends).await.unwrap());
    assert!(!dpop_proofs::insert(&db, &other, ends).await.unwrap());
}

#[tokio::test]
async fn of_many_who_use_a_proof_at_once_one_is_first() {
    let db = fresh_db().await;
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let db = (*db).clone();
            tokio::spawn(async move { dpop_proofs::insert(&db, &Digest::of("proof"), now()).await.unwrap() })
        })
        .collect();
    let mut first = 0;
    for task in tasks {
        first += i32::from(task.await.unwrap());
    }
    assert_eq!(first, 1);
}

#[tokio::test]
async fn a_grant_is_bound_to_the_first_key_for_good() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    assert_eq!(grants::find(&db, grant.id).await.unwrap().unwrap().dpop_jkt, None);
    for jkt in ["first", "second"] {
        grants::bind(&db, grant.id, jkt).await.unwrap();
        assert_eq!(grants::find(&db, grant.id).await.unwrap().unwrap().dpop_jkt.as_deref(), Some("first"));
    }
}
