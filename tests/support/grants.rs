//! What came of an authorization request: an error for the client, a grant, or nothing.
use super::app::{Answer, ISSUER, TestApp};
use keyward::{model::Grant, storage::grants};

/// Asserts an error that went back to the client, in the query and with no code beside it (RFC 6749 §4.1.2.1,
/// RFC 9207 §2).
#[track_caller]
pub fn sent_back(answer: &Answer, redirect_uri: &str, error: &str) {
    let location = answer.location();
    assert!(location.starts_with(&format!("{redirect_uri}?error=")), "{location}");
    assert!(!location.contains('#'), "{location}");
    assert_eq!(answer.returned("error").as_deref(), Some(error));
    assert_eq!(answer.returned("state").as_deref(), Some("af0ifjsldkj"));
    assert_eq!(answer.returned("iss").as_deref(), Some(ISSUER));
    assert_eq!((answer.returned("code"), answer.returned("access_token")), (None, None));
    assert_eq!(answer.header("cache-control"), "no-store");
}

pub async fn grants_of(t: &TestApp, username: &str) -> Vec<Grant> {
    grants::find_by_user(&t.db, t.user_named(username).await.id).await.unwrap()
}

/// Asserts that nobody granted anything to anybody.
pub async fn nothing_was_granted(t: &TestApp) {
    for username in ["alice", "bob", "root"] {
        assert_eq!(grants_of(t, username).await.len(), 0, "{username} granted something");
    }
}
