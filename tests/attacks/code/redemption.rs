//! Attacks with a valid code: by another client, too late, twice, concurrently, from another address.
use super::on_record;
use crate::support::{
    app::{self, Answer, CALLBACK, TestApp, VERIFIER, basic, encode},
    events::happened,
    grants::grants_of,
};
use axum::{Router, body::Body, http::Request};
use keyward::http::router;
use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;

const GOOD: (&str, &str) = ("code_verifier", VERIFIER);

/// Asserts that both tokens do what they did when they were new.
async fn still_work(t: &TestApp, client: &keyward::model::ClientId, tokens: &Value) {
    assert_eq!(t.introspect(tokens["access_token"].as_str().unwrap()).await.json()["active"], true);
    assert_eq!(t.refresh(client, tokens["refresh_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn attack_33_a_code_of_one_client_is_nothing_to_another() {
    let t = TestApp::start().await;
    let owner = t.public_client("owner", &[CALLBACK]).await;
    let thief = t.public_client("thief", &[CALLBACK]).await;
    t.confidential_client("web", "secret").await;
    let code = t.code(&owner, &[]).await;
    // More often than a code survives wrong verifiers: others cannot use it up.
    for _ in 0..6 {
        t.redeem(&thief, &code).await.refused(400, "invalid_grant");
    }
    let form = [("grant_type", "authorization_code"), ("code", &code), GOOD];
    let secret = [("authorization", &*basic("web", "secret"))];
    t.post_with("/token", &form, &secret).await.refused(400, "invalid_grant");
    let stored = on_record(&t, &code).await;
    assert_eq!((stored.consumed_at, stored.failures), (None, 0));
    assert_eq!(t.redeem(&owner, &code).await.status, 200);
}

#[tokio::test]
async fn attack_34_a_code_ends_with_its_lifetime() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let in_time = t.code(&client, &[]).await;
    t.app.clock.advance(Duration::seconds(50));
    assert_eq!(t.redeem(&client, &in_time).await.status, 200);
    let late = t.code(&client, &[]).await;
    t.app.clock.advance(Duration::seconds(60));
    t.redeem(&client, &late).await.refused(400, "invalid_grant");
    t.redeem(&client, &late).await.refused(400, "invalid_grant");
    assert_eq!(on_record(&t, &late).await.consumed_at, None);
    // Late is not stolen.
    assert!(grants_of(&t, "alice").await.iter().all(|grant| grant.revoked_at.is_none()));
    assert!(!happened(&t, "authorization_code_reused").await);
}

async fn redeem_at(router: Router, code: String) -> Answer {
    let form = [("grant_type", "authorization_code"), ("client_id", "c"), ("code", &code), GOOD];
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    app::send(&router, request.body(Body::from(encode(&form))).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_35_of_fifty_redemptions_at_two_nodes_at_once_one_succeeds() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &[]).await;
    let nodes = [router(t.app.clone()), router(t.second_node().await)];
    let mut all = JoinSet::new();
    for number in 0..50 {
        all.spawn(redeem_at(nodes[number % 2].clone(), code.clone()));
    }
    let (good, bad): (Vec<_>, Vec<_>) = all.join_all().await.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 49));
    for answer in bad {
        answer.refused(400, "invalid_grant");
    }
    // Each of the others was right in everything but being late: two parties hold the code, so none keeps tokens.
    let tokens = good[0].json();
    assert_eq!(t.introspect(tokens["access_token"].as_str().unwrap()).await.json(), json!({"active": false}));
    let granted = grants_of(&t, "alice").await;
    assert!(granted.len() == 1 && granted[0].revoked_at.is_some() && granted[0].generation == 1, "{granted:?}");
    t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn attack_36_a_valid_replay_takes_down_what_the_code_brought() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let bystander = t.tokens(&client, &[]).await;
    // At once, and long after the code expired.
    for later in [Duration::ZERO, Duration::minutes(5)] {
        let code = t.code(&client, &[]).await;
        let tokens = t.redeem(&client, &code).await.json();
        let successor = t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.json();
        t.app.clock.advance(later);
        t.redeem(&client, &code).await.refused(400, "invalid_grant");
        for tokens in [&tokens, &successor] {
            let introspected = t.introspect(tokens["access_token"].as_str().unwrap()).await;
            assert_eq!(introspected.json(), json!({"active": false}));
            t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.refused(400, "invalid_grant");
        }
    }
    assert!(happened(&t, "authorization_code_reused").await);
    // The same person's other grant to the same client has nothing to do with it.
    still_work(&t, &client, &bystander).await;
}

#[tokio::test]
async fn attack_37_a_replay_that_proves_nothing_revokes_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let thief = t.public_client("thief", &[CALLBACK]).await;
    let code = t.code(&client, &[]).await;
    let tokens = t.redeem(&client, &code).await.json();
    let wrong = "w".repeat(43);
    t.redeem_with(&client, &code, &[("code_verifier", &wrong)]).await.refused(400, "invalid_grant");
    t.redeem_with(&client, &code, &[]).await.refused(400, "invalid_grant");
    t.redeem_with(&client, &code, &[GOOD, ("redirect_uri", "https://evil.example")])
        .await
        .refused(400, "invalid_grant");
    t.redeem(&thief, &code).await.refused(400, "invalid_grant");
    t.redeem(&"unknown".into(), &code).await.refused(401, "invalid_client");
    still_work(&t, &client, &tokens).await;

    let web = t.confidential_client("web", "secret").await;
    let code = t.code(&web, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), GOOD];
    let secret = [("authorization", &*basic("web", "secret"))];
    let tokens = t.post_with("/token", &form, &secret).await.json();
    t.redeem(&web, &code).await.refused(401, "invalid_client");
    t.post("/token", &form).await.refused(401, "invalid_client");
    let guess = [("authorization", &*basic("web", "guess"))];
    t.post_with("/token", &form, &guess).await.refused(401, "invalid_client");
    assert_eq!(t.introspect(tokens["access_token"].as_str().unwrap()).await.json()["active"], true);
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    assert_eq!(t.post_with("/token", &refresh, &secret).await.status, 200);
    assert!(!happened(&t, "authorization_code_reused").await);
    assert!(grants_of(&t, "alice").await.iter().all(|grant| grant.revoked_at.is_none()));
}

#[tokio::test]
async fn attack_38_a_code_belongs_to_the_very_address_it_was_sent_to() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &["http://127.0.0.1/cb", "http://localhost/cb"]).await;
    let used = "http://127.0.0.1:51004/cb";
    let code = t.code(&client, &[("redirect_uri", used)]).await;
    for other in
        ["http://127.0.0.1:51005/cb", "http://127.0.0.1/cb", "http://localhost:51004/cb", "http://127.0.0.1:51004/cb?"]
    {
        t.redeem_with(&client, &code, &[GOOD, ("redirect_uri", other)]).await.refused(400, "invalid_grant");
    }
    assert_eq!(on_record(&t, &code).await.consumed_at, None);
    assert_eq!(t.redeem_with(&client, &code, &[GOOD, ("redirect_uri", used)]).await.status, 200);
}

#[tokio::test]
async fn attack_39_failed_client_authentication_uses_up_nothing() {
    let t = TestApp::start().await;
    let web = t.confidential_client("web", "secret").await;
    let code = t.code(&web, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), GOOD];
    for header in [basic("web", "wrong"), basic("web", ""), basic("unknown", "secret"), "Basic !!!".into()] {
        t.post_with("/token", &form, &[("authorization", &header)]).await.refused(401, "invalid_client");
    }
    t.redeem(&web, &code).await.refused(401, "invalid_client");
    // The right secret in the way that was not registered is no authentication either.
    t.redeem_with(&web, &code, &[GOOD, ("client_secret", "secret")]).await.refused(401, "invalid_client");
    let stored = on_record(&t, &code).await;
    assert_eq!((stored.consumed_at, stored.failures), (None, 0));
    let answer = t.post_with("/token", &form, &[("authorization", &basic("web", "secret"))]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
