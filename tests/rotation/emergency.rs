//! A stolen key: everything it signed is refused at once, and nothing else.
use super::{kid, published, with_status};
use crate::support::{
    app::{CALLBACK, TestApp, operator, send},
    guarded::Guarded,
    node::Node,
    tokens::text,
};
use axum::{body::Body, http::Request};
use keyward::{
    jobs::{self},
    keys::{MasterKey, SigningKeys},
    model::KeyStatus,
    operations::keys,
    storage::audit_events,
};
use std::sync::Arc;
use time::Duration;

#[tokio::test]
async fn after_an_emergency_old_tokens_are_refused_and_the_next_refresh_works() {
    let guarded = Guarded::start("").await;
    let t = &guarded.t;
    let (client, tokens) = guarded.tokens("c").await;
    let old = text(&tokens, "access_token");
    assert_eq!(guarded.call(old).await.body, "reached");
    keys::rotate(&t.app, &operator()).await.unwrap();
    let before = published(t).await;
    assert_eq!(keys::replace_all(&t.app, &operator()).await.unwrap(), 6, "those that were only published go too");
    let after = published(t).await;
    assert!(after.is_disjoint(&before) && after.len() == 3);
    assert_eq!(t.introspect(old).await.body, r#"{"active":false}"#);

    let tokens = t.refresh(&client, text(&tokens, "refresh_token")).await.json();
    let new = text(&tokens, "access_token");
    assert!(after.contains(&kid(new)));
    assert_eq!(t.introspect(new).await.json()["active"], true);
    // The guard meets a key it does not know, and forgets the old ones with it.
    guarded.advance(Duration::minutes(1));
    assert_eq!(guarded.call(new).await.body, "reached");
    guarded.call(old).await.refused(401, "invalid_token");
    let events = audit_events::recent(&t.db, 100).await.unwrap();
    let event = events.iter().find(|event| event.event_type == "signing_keys_replaced").unwrap();
    assert_eq!((event.level.as_str(), &event.details["removed"]), ("critical", &serde_json::json!(6)));
}

#[tokio::test]
async fn another_node_takes_a_token_of_a_key_it_has_not_heard_of() {
    let t = TestApp::start().await;
    let other = Node::beside(&t).await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid")]).await;
    keys::replace_all(&other.app, &operator()).await.unwrap();
    let tokens = other.refresh(&client, text(&tokens, "refresh_token")).await.json();
    let userinfo = async |token: &str| {
        let request = Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
        send(&keyward::http::router(t.app.clone()), request.body(Body::empty()).unwrap()).await
    };
    assert!(!t.app.keys.ring().contains(&kid(text(&tokens, "access_token"))));
    assert_eq!(userinfo(text(&tokens, "access_token")).await.status, 200);
    assert_eq!(with_status(&t.app, KeyStatus::Current), with_status(&other.app, KeyStatus::Current));
}

#[tokio::test]
async fn a_key_id_that_cannot_be_ours_is_no_question_to_the_database() {
    let t = TestApp::start().await;
    t.db.close().await.unwrap();
    for kid in ["x", "\0", &"A".repeat(42), &"A".repeat(44), "", "' OR 1=1 --"] {
        let header = serde_json::json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}).to_string();
        let jws = format!("{}.e30.AAAA", keyward::secrets::base64url(header));
        assert!(t.app.keys.verify::<serde_json::Value>(&jws, "at+jwt").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn running_nodes_hear_of_new_keys_by_themselves() {
    let t = TestApp::start().await;
    let other = Node::beside(&t).await;
    let housekeeping = tokio::spawn(jobs::run(Arc::clone(&other.app)));
    keys::replace_all(&t.app, &operator()).await.unwrap();
    let expected = with_status(&t.app, KeyStatus::Current);
    let heard = || with_status(&other.app, KeyStatus::Current) == expected;
    for _ in 0..1_000_000 {
        if heard() {
            break;
        }
        // Lets the house work; on SQLite a read does not wait for anything.
        tokio::task::yield_now().await;
        t.db.ping().await.unwrap();
    }
    assert!(heard());
    housekeeping.abort();
}

#[tokio::test]
async fn of_many_nodes_that_publish_and_promote_at_once_one_does() {
    let t = TestApp::start().await;
    let mut nodes = vec![Node::itself(&t)];
    for _ in 0..3 {
        nodes.push(Node::beside(&t).await);
    }
    let now = t.app.clock.now();
    let publish = nodes.iter().map(|node| node.app.keys.publish("ES256", now));
    let published = futures_of(publish.collect()).await;
    assert_eq!(published.into_iter().flatten().count(), 1);
    assert_eq!(with_status(&t.app, KeyStatus::Next).len(), 1);
    let promote = nodes.iter().map(|node| node.app.keys.promote("ES256", now));
    let promoted = futures_of(promote.collect()).await;
    assert_eq!(promoted.into_iter().filter(|promoted| *promoted).count(), 1);
    t.app.keys.reload().await.unwrap();
    assert_eq!(with_status(&t.app, KeyStatus::Retired).len(), 1);
    assert_eq!(with_status(&t.app, KeyStatus::Current).len(), 3);
}

async fn futures_of<T>(futures: Vec<impl Future<Output = anyhow::Result<T>>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer.unwrap());
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test]
async fn keys_do_not_open_under_another_master_key_and_survive_a_restart() {
    let t = TestApp::start().await;
    keys::rotate(&t.app, &operator()).await.unwrap();
    let again = Node::beside(&t).await;
    assert_eq!(again.app.keys.ring().jwks().plain().bytes, t.app.keys.ring().jwks().plain().bytes);
    let wrong = MasterKey::parse(&keyward::secrets::random()).unwrap();
    let refused = SigningKeys::load((*t.db).clone(), wrong, t.app.clock.clone()).await;
    assert!(refused.err().unwrap().to_string().contains("the wrong one"));
}
