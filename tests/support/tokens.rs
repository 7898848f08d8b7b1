//! What a token answer holds, and what became of it: alice's tokens, whether they count, and of which grant they are.
use super::app::{Answer, CALLBACK, TestApp};
use axum::{body::Body, http::Request};
use keyward::{
    model::{ClientId, Grant, GrantId},
    storage::grants,
};
use serde_json::Value;

/// What introspection says of a token that does not count.
pub const INACTIVE: &str = r#"{"active":false}"#;

pub fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}"))
}

#[track_caller]
pub fn access_token(tokens: &Value) -> &str {
    text(tokens, "access_token")
}

/// Of an answer that must have one.
#[track_caller]
pub fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json(), "refresh_token").to_owned()
}

/// A public client that alice allowed, and what it got.
pub async fn family(t: &TestApp, id: &str) -> (ClientId, Value) {
    family_with(t, id, &[]).await
}

/// The same, by a request with these parameters.
pub async fn family_with(t: &TestApp, id: &str, more: &[(&str, &str)]) -> (ClientId, Value) {
    let client = t.public_client(id, &[CALLBACK]).await;
    let tokens = t.tokens(&client, more).await;
    (client, tokens)
}

pub async fn is_active(t: &TestApp, token: &str) -> bool {
    let answer = t.introspect(token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["active"] == true || {
        assert_eq!(answer.body, INACTIVE);
        false
    }
}

/// The grant that a JWT names.
pub async fn grant_of(t: &TestApp, tokens: &Value) -> Grant {
    let id = TestApp::claims(&tokens["access_token"])["grant_id"].as_str().unwrap().parse::<GrantId>().unwrap();
    grants::find(&t.db, id).await.unwrap().unwrap()
}

/// What userinfo says to a request with these headers.
pub async fn userinfo(t: &TestApp, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get("/userinfo");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    t.send(request.body(Body::empty()).unwrap()).await
}
