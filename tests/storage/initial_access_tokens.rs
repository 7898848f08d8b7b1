//! Table `initial_access_tokens`.
use super::{event, events, new_client, now};
use crate::support::db::fresh_db;
use keyward::{
    model::Client,
    secrets::Digest,
    storage::{
        Db,
        clients::{self, RegistrationResult},
        initial_access_tokens::{self, InitialAccessToken},
    },
};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

fn a_token(name: &str, uses_left: i32) -> InitialAccessToken {
    let expires_at = now() + Duration::days(1);
    InitialAccessToken { token_hash: Digest::of(name), uses_left, scope: Some("mcp:read".into()), expires_at }
}

/// Whether somebody was registered by it.
async fn taken(db: &Db, hash: &Digest, at: OffsetDateTime) -> bool {
    let client = Client { created_at: at, ..new_client() };
    let registration = clients::register(db, &client, "192.0.2.1", 1_000, Some(hash)).await.unwrap();
    let is_on_record = clients::find(db, &client.id).await.unwrap().is_some();
    assert_eq!(is_on_record, matches!(registration, RegistrationResult::Done(_)), "{registration:?}");
    assert!(is_on_record || matches!(registration, RegistrationResult::NotPermitted), "{registration:?}");
    is_on_record
}

#[tokio::test]
async fn nothing_is_used_up_where_there_is_no_room() {
    let db = fresh_db().await;
    let token = a_token("one", 1);
    initial_access_tokens::insert(&db, &token, &event("made")).await.unwrap();
    let refused = clients::register(&db, &new_client(), "192.0.2.1", 0, Some(&token.token_hash)).await.unwrap();
    assert!(matches!(refused, RegistrationResult::Full), "{refused:?}");
    assert!(taken(&db, &token.token_hash, now()).await);
}

#[tokio::test]
async fn a_token_is_taken_as_often_as_it_has_uses_also_by_many_at_once() {
    let db = fresh_db().await;
    let token = a_token("five", 5);
    initial_access_tokens::insert(&db, &token, &event("made")).await.unwrap();
    let found = initial_access_tokens::find(&db, &token.token_hash, now()).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{token:?}"));
    let mut takers = JoinSet::new();
    for _ in 0..20 {
        let (db, hash) = ((*db).clone(), token.token_hash.clone());
        takers.spawn(async move { taken(&db, &hash, now()).await });
    }
    assert_eq!(takers.join_all().await.into_iter().filter(|taken| *taken).count(), 5);
    assert!(initial_access_tokens::find(&db, &token.token_hash, now()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_expired_one_is_worth_nothing_and_swept_like_one_that_is_used_up() {
    let db = fresh_db().await;
    let (token, other) = (a_token("late", 5), a_token("once", 1));
    initial_access_tokens::insert(&db, &token, &event("made")).await.unwrap();
    initial_access_tokens::insert(&db, &other, &event("made")).await.unwrap();
    assert!(initial_access_tokens::find(&db, &token.token_hash, token.expires_at).await.unwrap().is_none());
    assert!(!taken(&db, &token.token_hash, token.expires_at).await);
    assert!(!taken(&db, &Digest::of("unknown"), now()).await);
    assert_eq!(initial_access_tokens::sweep(&db, now()).await.unwrap(), 0);
    assert!(taken(&db, &other.token_hash, now()).await);
    assert_eq!(initial_access_tokens::sweep(&db, now()).await.unwrap(), 1);
    assert_eq!(initial_access_tokens::sweep(&db, token.expires_at).await.unwrap(), 1);
}

#[tokio::test]
async fn good_ones_are_listed_by_their_end_page_after_page_and_deleted_once_with_an_event() {
    let db = fresh_db().await;
    let mut tokens = ["a", "b", "c", "gone", "used up"].map(|name| a_token(name, 5));
    tokens[1].expires_at += Duration::hours(1);
    tokens[2].expires_at += Duration::hours(2);
    tokens[3].expires_at = now();
    tokens[4].uses_left = 0;
    for token in &tokens {
        initial_access_tokens::insert(&db, token, &event("made")).await.unwrap();
    }
    let fingerprint = |token: &InitialAccessToken| token.token_hash.as_bytes()[..6].try_into().unwrap();
    let found = async |after, limit| {
        let found = initial_access_tokens::list(&db, now(), after, limit).await.unwrap();
        found.into_iter().map(|token| token.token_hash).collect::<Vec<_>>()
    };
    let [a, b, c, gone, used_up] = tokens;
    assert_eq!(found(None, 9).await, [&a, &b, &c].map(|token| token.token_hash.clone()));
    assert_eq!(found(None, 2).await, [&a, &b].map(|token| token.token_hash.clone()));
    assert_eq!(found(Some(fingerprint(&b)), 9).await, std::slice::from_ref(&c.token_hash));
    for (token, is_good) in [(&b, true), (&gone, false), (&used_up, false)] {
        let found = initial_access_tokens::find_by_fingerprint(&db, fingerprint(token), now()).await.unwrap();
        assert_eq!(found.map(|found| found.token_hash), is_good.then(|| token.token_hash.clone()));
    }
    assert!(initial_access_tokens::delete(&db, &b.token_hash, &event("revoked")).await.unwrap());
    assert!(!initial_access_tokens::delete(&db, &b.token_hash, &event("revoked")).await.unwrap());
    assert_eq!(found(None, 9).await, [a.token_hash, c.token_hash]);
    assert_eq!(events(&db).await, ["made", "made", "made", "made", "made", "revoked"]);
}
