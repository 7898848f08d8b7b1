//! Attacks on pushed authorization requests (RFC 9126): other clients' references, used references, additional
//! parameters.
use crate::support::{
    app::{CALLBACK, PASSWORD, TestApp, basic, encode},
    grants::{grants_of, nothing_was_granted, sent_back},
    par::{push, short},
};
use axum::{body::Body, http::Request};
use keyward::model::ClientId;
use std::sync::Arc;
use time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn attack_63_a_request_that_another_client_pushed_leads_nowhere() {
    let t = TestApp::start().await;
    let mine = t.public_client("a", &[CALLBACK]).await;
    t.public_client("b", &["https://other.example/cb"]).await;
    let pushed = push(&t, &mine, &[]).await;
    for visitor in [None, Some("alice")] {
        let mut browser = match visitor {
            Some(name) => t.signed_in(name).await,
            None => t.browser(),
        };
        for client in ["b", "nobody", ""] {
            browser.get(&short(client, &pushed)).await.page(400);
        }
        for uri in ["urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:made-up"] {
            let path = format!("/authorize?{}", encode(&[("client_id", "a"), ("request_uri", uri)]));
            browser.get(&path).await.page(400);
            // Nor does a good request beside it help.
            browser.get(&format!("{path}&response_type=code&redirect_uri={CALLBACK}")).await.page(400);
        }
        let twice = short("a", &pushed);
        browser.get(&format!("{twice}&{}", twice.split_once('&').unwrap().1)).await.page(400);
        browser.get(&format!("{twice}&client_id=b")).await.page(400);
    }
    nothing_was_granted(&t).await;
    // And its owner is none the worse for it.
    assert!(t.signed_in("alice").await.approve(&short("a", &pushed)).await.returned("code").is_some());
}

#[tokio::test]
async fn attack_64_a_pushed_request_survives_reloading_and_nothing_else() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let path = short("a", &push(&t, &client, &[]).await);
    let mut browser = t.browser();
    for _ in 0..3 {
        assert!(browser.get(&path).await.location().starts_with("/login?return_to=%2Fauthorize%3Fclient_id"));
    }
    // People may take their time.
    t.app.clock.advance(Duration::minutes(9));
    assert_eq!(browser.sign_in("alice", PASSWORD, &path).await.location(), path);
    let (one, other) = (browser.get(&path).await, browser.get(&path).await);
    let done = browser.approve(&path).await;
    assert!(done.location().starts_with(CALLBACK) && done.returned("code").is_some());
    browser.get(&path).await.page(400);
    // Neither of the pages that were open before counts any more.
    for page in [one, other] {
        let mut form = crate::support::browser::hidden(&page, "/consent");
        form.push(("decision".into(), "allow".into()));
        browser.post("/consent", &crate::support::browser::borrowed(&form)).await.page(400);
    }
    assert_eq!(grants_of(&t, "alice").await.len(), 1);

    let denied = short("a", &push(&t, &client, &[("scope", "mcp:read mcp:write")]).await);
    sent_back(&browser.decide(&denied, "deny").await, CALLBACK, "access_denied");
    browser.get(&denied).await.page(400);

    let late = short("a", &push(&t, &client, &[]).await);
    t.app.clock.advance(Duration::minutes(10));
    browser.get(&late).await.page(400);
    assert_eq!(grants_of(&t, "alice").await.len(), 1);
}

#[tokio::test]
async fn attack_188_looking_at_a_pushed_request_prolongs_nothing_and_writes_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let path = short("a", &push(&t, &client, &[("prompt", "consent")]).await);
    let mut alice = t.signed_in("alice").await;
    t.app.clock.advance(Duration::minutes(9));
    for _ in 0..3 {
        assert!(t.browser().get(&path).await.location().starts_with("/login"));
        assert_eq!(alice.get(&path).await.status, 200);
    }
    t.app.clock.advance(Duration::minutes(1));
    alice.get(&path).await.page(400);
    t.browser().get(&path).await.page(400);
    keyward::jobs::sweep(&t.app).await.unwrap();
    assert_eq!(t.db.number("SELECT count(*) FROM pushed_requests").await, 0);
}

#[tokio::test]
async fn attack_64_of_many_who_complete_it_at_once_one_gets_a_code() {
    let t = Arc::new(TestApp::start().await);
    let client = t.public_client("a", &[CALLBACK]).await;
    // Allowed before, so that no page is in the way.
    t.code(&client, &[]).await;
    let path = short("a", &push(&t, &client, &[]).await);
    let browser = t.signed_in("alice").await;
    let cookie = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let mut visits = JoinSet::new();
    for _ in 0..10 {
        let request = Request::get(&path).header("cookie", &cookie).body(Body::empty()).unwrap();
        let t = t.clone();
        visits.spawn(async move { t.send(request).await });
    }
    let answers = visits.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 400).count(), 9, "{answers:?}");
    assert_eq!(grants_of(&t, "alice").await.len(), 2);
}

#[tokio::test]
async fn attack_65_what_authorize_would_refuse_is_refused_when_it_is_pushed() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    t.public_client("two", &[CALLBACK, "https://client.example/2"]).await;
    t.confidential_client("c", "secret").await;
    let first = push(&t, &client, &[]).await;
    let uri = first.json()["request_uri"].as_str().unwrap().to_owned();
    for (code, more) in [
        ("invalid_request", ("request_uri", uri.as_str())),
        ("invalid_request", ("request_uri", "https://client.example/request.jwt")),
        ("invalid_request", ("redirect_uri", "https://evil.example/cb")),
        ("invalid_request", ("redirect_uri", "javascript:alert(1)")),
        ("invalid_request", ("code_challenge", "")),
        ("invalid_request", ("code_challenge_method", "plain")),
        ("invalid_request", ("prompt", "none login")),
        ("invalid_request", ("id_token_hint", "made.up.token")),
        ("invalid_request", ("response_mode", "fragment")),
        ("invalid_request", ("response_type", "")),
        ("unsupported_response_type", ("response_type", "token")),
        ("invalid_scope", ("scope", "mcp:unheard-of")),
        ("invalid_target", ("resource", "https://unknown.example/mcp")),
        ("request_not_supported", ("request", "e30.e30.")),
    ] {
        push(&t, &client, &[more]).await.refused(400, code);
    }
    push(&t, &ClientId::from("two"), &[]).await.refused(400, "invalid_request");
    push(&t, &client, &[("state", "1"), ("state", "2")]).await.refused(400, "invalid_request");
    for client in ["c", "nobody", ""] {
        push(&t, &ClientId::from(client), &[("client_id", client)]).await.refused(401, "invalid_client");
    }
    let wrong = [("authorization", &*basic("c", "wrong"))];
    t.post_with("/par", &[("response_type", "code")], &wrong).await.refused(401, "invalid_client");
    let other = [("authorization", &*basic("c", "secret"))];
    t.post_with("/par", &[("client_id", "a")], &other).await.refused(401, "invalid_client");
    let get = t.get("/par?client_id=a").await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
    t.post("/par?client_id=a", &[]).await.refused(400, "invalid_request");
    let again = push(&t, &client, &[]).await;
    assert_eq!((again.status.as_u16(), again.header("cache-control")), (201, "no-store"));
    assert_ne!(again.json()["request_uri"], uri);
}

#[tokio::test]
async fn attack_66_parameters_beside_the_reference_change_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let path = short("a", &push(&t, &client, &[("scope", "mcp:read"), ("nonce", "n")]).await);
    let beside = "&scope=mcp%3Aread%20mcp%3Awrite&state=theirs&redirect_uri=https%3A%2F%2Fevil.example%2F\
                  &response_type=token&resource=https%3A%2F%2Fother.example%2Fmcp&code_challenge=x&prompt=none";
    let mut browser = t.signed_in("alice").await;
    let page = browser.get(&format!("{path}{beside}")).await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("mcp:write") && !page.body.contains("other.example/mcp\""), "{page:?}");
    let done = browser.approve(&format!("{path}{beside}")).await;
    assert!(done.location().starts_with(&format!("{CALLBACK}?code=")));
    assert_eq!(done.returned("state").as_deref(), Some("af0ifjsldkj"));
    let tokens = t.redeem(&client, &done.returned("code").unwrap()).await.json();
    assert_eq!(tokens["scope"], "mcp:read");
}

#[tokio::test]
async fn attack_66_what_was_pushed_is_judged_again_when_it_is_used() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    let path = short("a", &push(&t, &client, &[("redirect_uri", CALLBACK)]).await);
    t.public_client("a", &["https://moved.example/cb"]).await;
    let mut browser = t.signed_in("alice").await;
    browser.get(&path).await.page(400);
    t.public_client("a", &[CALLBACK]).await;
    t.db.set_client_disabled(&client, Some(t.app.clock.now())).await;
    t.app.clients.forget(&client);
    browser.get(&path).await.page(400);
    nothing_was_granted(&t).await;
}
