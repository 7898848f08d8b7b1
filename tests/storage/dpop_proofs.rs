//! Table `dpop_proofs`.
use super::{a_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    secrets::Digest,
    storage::{
        codes, dpop_proofs,
        grants::{self, Refresher},
    },
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
async fn a_grant_is_bound_with_its_code_or_its_rotation_and_to_the_first_key_for_good() {
    let db = fresh_db().await;
    let bound = async |id| grants::find(&db, id).await.unwrap().unwrap().dpop_jkt;
    let (grant, code) = a_grant(&db).await;
    assert!(codes::consume(&db, &code.code_hash, now(), 5, Some("first")).await.unwrap());
    assert_eq!(bound(grant.id).await.as_deref(), Some("first"));
    // Nothing consumed, nothing bound.
    assert!(!codes::consume(&db, &code.code_hash, now(), 5, Some("second")).await.unwrap());
    let next = Digest::of("next");
    let idle = now() - Duration::days(1);
    assert!(
        grants::rotate(
            &db,
            grant.id,
            &grants::Rotation {
                generation: 1,
                hashes: [&grant.refresh_hash, &next],
                jkt: Some("second"),
                by: &Refresher::default()
            },
            now(),
            idle
        )
        .await
        .unwrap()
        .is_some()
    );
    assert_eq!(bound(grant.id).await.as_deref(), Some("first"));

    let (grant, code) = a_grant(&db).await;
    assert!(!codes::consume(&db, &code.code_hash, code.expires_at, 5, Some("late")).await.unwrap());
    assert_eq!(bound(grant.id).await, None);
    assert!(
        grants::rotate(
            &db,
            grant.id,
            &grants::Rotation {
                generation: 2,
                hashes: [&grant.refresh_hash, &next],
                jkt: Some("wrong"),
                by: &Refresher::default()
            },
            now(),
            idle
        )
        .await
        .unwrap()
        .is_none()
    );
    assert_eq!(bound(grant.id).await, None);
    let rotated = grants::rotate(
        &db,
        grant.id,
        &grants::Rotation {
            generation: 1,
            hashes: [&grant.refresh_hash, &next],
            jkt: Some("first"),
            by: &Refresher::default(),
        },
        now(),
        idle,
    )
    .await
    .unwrap();
    assert_eq!(rotated.unwrap().dpop_jkt.as_deref(), Some("first"));
}
