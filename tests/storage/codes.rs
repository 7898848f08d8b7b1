//! Table `codes`.
use super::{a_grant, a_pair, event, new_code, new_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    model::Code,
    secrets::Digest,
    storage::{codes, grants},
};
use time::Duration;

#[tokio::test]
async fn a_code_comes_back_as_stored() {
    let db = fresh_db().await;
    let (_, code) = a_grant(&db).await;
    let stored = codes::find(&db, &code.code_hash).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{code:?}"));
    assert!(codes::find(&db, &Digest::of("unknown")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_code_is_consumed_once_and_remembers_when() {
    let db = fresh_db().await;
    let (_, code) = a_grant(&db).await;
    assert!(codes::consume(&db, &code.code_hash, now(), 5, None).await.unwrap());
    assert!(!codes::consume(&db, &code.code_hash, now(), 5, None).await.unwrap());
    assert_eq!(codes::find(&db, &code.code_hash).await.unwrap().unwrap().consumed_at, Some(now()));
    assert!(!codes::consume(&db, &Digest::of("unknown"), now(), 5, None).await.unwrap());
}

#[tokio::test]
async fn a_key_is_bound_with_the_code_that_it_consumes_and_never_without() {
    let db = fresh_db().await;
    let bound = async |code: &Code| grants::find(&db, code.grant_id).await.unwrap().unwrap().dpop_jkt;
    let (_, code) = a_grant(&db).await;
    assert!(codes::consume(&db, &code.code_hash, now(), 5, Some("mine")).await.unwrap());
    assert!(!codes::consume(&db, &code.code_hash, now(), 5, Some("thiefs")).await.unwrap());
    assert_eq!(bound(&code).await.as_deref(), Some("mine"));
    // Nor does whoever comes second, too late or after too many guesses bind what was bound to none.
    let (_, code) = a_grant(&db).await;
    assert!(!codes::consume(&db, &code.code_hash, code.expires_at, 5, Some("late")).await.unwrap());
    assert!(!codes::consume(&db, &code.code_hash, now(), 0, Some("guessed")).await.unwrap());
    assert!(codes::consume(&db, &code.code_hash, now(), 5, None).await.unwrap());
    assert!(!codes::consume(&db, &code.code_hash, now(), 5, Some("second")).await.unwrap());
    assert_eq!(bound(&code).await, None);
}

#[tokio::test]
async fn a_code_expires_on_the_second() {
    let db = fresh_db().await;
    let (_, code) = a_grant(&db).await;
    assert!(!codes::consume(&db, &code.code_hash, code.expires_at, 5, None).await.unwrap());
    assert!(codes::consume(&db, &code.code_hash, code.expires_at - Duration::seconds(1), 5, None).await.unwrap());
}

#[tokio::test]
async fn a_code_guessed_at_too_often_is_dead() {
    let db = fresh_db().await;
    let (_, code) = a_grant(&db).await;
    codes::count_failure(&db, &code.code_hash).await.unwrap();
    codes::count_failure(&db, &code.code_hash).await.unwrap();
    assert_eq!(codes::find(&db, &code.code_hash).await.unwrap().unwrap().failures, 2);
    assert!(!codes::consume(&db, &code.code_hash, now(), 2, None).await.unwrap());
    assert!(codes::consume(&db, &code.code_hash, now(), 3, None).await.unwrap());
}

#[tokio::test]
async fn used_codes_are_kept_for_a_day_and_unused_ones_for_an_hour_past_expiry() {
    let db = fresh_db().await;
    let (_, unused) = a_grant(&db).await;
    let (client, owner) = a_pair(&db).await;
    let grant = new_grant(&client, &owner);
    let used = Code { consumed_at: Some(now()), ..new_code(&grant) };
    grants::authorize(&db, &grant, &used, None, &[], &event("approval")).await.unwrap();

    assert_eq!(codes::sweep(&db, unused.expires_at + Duration::hours(1)).await.unwrap(), 0);
    assert_eq!(codes::sweep(&db, unused.expires_at + Duration::hours(2)).await.unwrap(), 1);
    assert!(codes::find(&db, &unused.code_hash).await.unwrap().is_none());
    assert_eq!(codes::sweep(&db, now() + Duration::days(1)).await.unwrap(), 0);
    assert_eq!(codes::sweep(&db, now() + Duration::hours(25)).await.unwrap(), 1);
    assert!(codes::find(&db, &used.code_hash).await.unwrap().is_none());
}
