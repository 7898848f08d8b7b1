//! Table `access_tokens`.
use super::now;
use crate::support::db::fresh_db;
use keyward::{
    secrets::Digest,
    storage::access_tokens::{self, AccessToken},
};
use serde_json::json;
use time::Duration;

fn token(name: &str) -> AccessToken {
    let claims = json!({"sub": "Ä\"\u{1F600}", "exp": i64::MAX, "cnf": {"jkt": "k"}, "list": [null, true, 0.5]});
    AccessToken { token_hash: Digest::of(name), claims, expires_at: now() + Duration::minutes(10) }
}

#[tokio::test]
async fn a_token_is_found_as_it_was_stored_until_it_is_deleted() {
    let db = fresh_db().await;
    let (one, other) = (token("one"), token("other"));
    assert_eq!(access_tokens::find(&db, &one.token_hash).await.unwrap(), None);
    access_tokens::insert(&db, &one).await.unwrap();
    access_tokens::insert(&db, &other).await.unwrap();
    assert!(access_tokens::insert(&db, &one).await.is_err(), "no token is another");
    assert_eq!(access_tokens::find(&db, &one.token_hash).await.unwrap(), Some(one.clone()));
    for _ in 0..2 {
        access_tokens::delete(&db, &one.token_hash).await.unwrap();
    }
    assert_eq!(access_tokens::find(&db, &one.token_hash).await.unwrap(), None);
    assert_eq!(access_tokens::find(&db, &other.token_hash).await.unwrap(), Some(other));
}

#[tokio::test]
async fn the_sweep_takes_those_that_expired_and_no_others() {
    let db = fresh_db().await;
    let (first, second) = (token("first"), AccessToken { expires_at: now() + Duration::hours(1), ..token("second") });
    access_tokens::insert(&db, &first).await.unwrap();
    access_tokens::insert(&db, &second).await.unwrap();
    assert_eq!(access_tokens::sweep(&db, first.expires_at - Duration::seconds(1)).await.unwrap(), 0);
    assert_eq!(access_tokens::sweep(&db, first.expires_at).await.unwrap(), 1);
    assert_eq!(access_tokens::find(&db, &first.token_hash).await.unwrap(), None);
    assert_eq!(access_tokens::find(&db, &second.token_hash).await.unwrap(), Some(second));
}
