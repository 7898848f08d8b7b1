//! Signing in again because a client demands a recent or stronger sign-in (RFC 9470, OpenID Connect Core §3.1.2.1).
use crate::support::{
    app::{CALLBACK, MCP, PASSWORD, TestApp, authorize_path, basic},
    guarded::Guarded,
    par::{push, short},
    token_exchange,
    tokens::text,
};
use keyward::oauth::authentication_context;
use serde_json::json;
use time::Duration;

const ACR: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// A parameter of a challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let found = challenge.split_once(&format!("{name}=\""))?.1;
    found.split_once('"').map(|(value, _)| value)
}

#[tokio::test]
async fn who_signed_in_too_long_ago_is_sent_to_do_so_again_and_then_let_in() {
    let g = Guarded::with("", |guard| guard.max_age(300)).await;
    let client = g.t.public_client("c", &[CALLBACK]).await;
    let mut alice = g.at.signed_in("alice", PASSWORD).await;
    let path = authorize_path(&client, &[("scope", "mcp:read")]);
    let code = alice.approve(&path).await.returned("code").unwrap();
    let tokens = g.at.redeem("c", &code).await.json();
    assert_eq!(g.call(text(&tokens, "access_token")).await.status, 200);

    g.advance(Duration::seconds(301));
    // A new token of the old sign-in is no better.
    let refreshed = g.at.refresh("c", text(&tokens, "refresh_token")).await.json();
    for stale in [&tokens, &refreshed] {
        let refused = g.call(text(stale, "access_token")).await;
        assert_eq!(refused.status, 401, "{refused:?}");
        let challenge = refused.header("www-authenticate");
        assert_eq!(parameter(challenge, "error"), Some("insufficient_user_authentication"));
        assert_eq!(parameter(challenge, "scope"), Some("mcp:read"));
        assert_eq!(parameter(challenge, "max_age"), Some("300"));
    }
    let path = authorize_path(&client, &[("scope", "mcp:read"), ("max_age", "300")]);
    assert!(alice.get(&path).await.location().starts_with("/login?"));
    assert_eq!(alice.sign_in("alice", PASSWORD, &path).await.location(), path);
    let code = alice.approve(&path).await.returned("code").unwrap();
    let tokens = g.at.redeem("c", &code).await.json();
    assert_eq!(g.call(text(&tokens, "access_token")).await.status, 200);
}

#[tokio::test]
async fn a_guard_that_wants_the_class_there_is_lets_people_in_and_programs_not() {
    let settings = "[clients.worker]\nsecret = '0123456789abcdef0123456789abcdef'\nscope = 'mcp:read'";
    let g = Guarded::with(settings, |guard| guard.acr(ACR).unwrap()).await;
    keyward::clients::configured::write(&g.t.app).await.unwrap();
    let (_, tokens) = g.tokens("c").await;
    assert_eq!(g.call(text(&tokens, "access_token")).await.status, 200);
    let authorization = basic("worker", "0123456789abcdef0123456789abcdef");
    let form = [("grant_type", "client_credentials")];
    let own = g.at.post_with("/token", &form, &[("authorization", &authorization)]).await.json();
    let refused = g.call(text(&own, "access_token")).await;
    assert_eq!(refused.status, 401);
    assert_eq!(parameter(refused.header("www-authenticate"), "acr_values"), Some(ACR));
}

#[tokio::test]
async fn tokens_and_introspection_say_when_and_how_the_person_signed_in_and_a_refresh_changes_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let signed_in_at = t.app.clock.now().unix_timestamp();
    let tokens = t.tokens(&client, &[("scope", "openid mcp:read"), ("resource", MCP)]).await;
    t.app.clock.advance(Duration::minutes(5));
    let refreshed = t.refresh(&client, text(&tokens, "refresh_token")).await.json();
    let mut times = vec![];
    for tokens in [&tokens, &refreshed] {
        let seen = t.introspect(text(tokens, "access_token")).await.json();
        for said in [TestApp::claims(&tokens["access_token"]), TestApp::claims(&tokens["id_token"]), seen] {
            assert_eq!(said["acr"], ACR, "{said}");
            times.push(said["auth_time"].as_i64().unwrap());
        }
    }
    times.dedup();
    assert_eq!(times.len(), 1, "{times:?}");
    assert!((0..60).contains(&(times[0] - signed_in_at)), "{times:?}");
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["acr_values_supported"], json!([ACR]));
    assert!(metadata["claims_supported"].as_array().unwrap().contains(&json!("acr")));
    assert_eq!(authentication_context::PASSWORD, ACR);
}

#[tokio::test]
async fn an_exchange_keeps_when_and_how_and_a_client_for_itself_says_nothing() {
    let t = token_exchange::start("").await;
    let received = token_exchange::allowed(&t, "mcp:read").await;
    let exchanged = token_exchange::exchanged(&token_exchange::exchange(&t, "notes", &received, &[]).await);
    let (before, after) = (TestApp::claims(&json!(received)), TestApp::claims(&json!(exchanged)));
    assert_eq!((&after["acr"], &after["auth_time"]), (&json!(ACR), &before["auth_time"]));
    let own = crate::support::client_credentials::ask(&t, "notes", token_exchange::SECRET, &[]).await.json();
    let seen = t.introspect(text(&own, "access_token")).await.json();
    assert!(seen["active"] == true && seen.get("acr").is_none() && seen.get("auth_time").is_none(), "{seen}");
}

#[tokio::test]
async fn a_class_nobody_can_reach_here_is_refused_at_once_wished_for_or_essential() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["phr"]}}}"#;
    let mut alice = t.signed_in("alice").await;
    for unmet in [[("acr_values", "phr phrh")], [("claims", essential)]] {
        for answer in [
            alice.get(&authorize_path(&client, &unmet)).await,
            t.browser().get(&authorize_path(&client, &[&unmet[..], &[("prompt", "none")]].concat())).await,
        ] {
            assert_eq!(answer.returned("error").as_deref(), Some("unmet_authentication_requirements"), "{unmet:?}");
            assert_eq!(answer.returned("state").as_deref(), Some("af0ifjsldkj"));
        }
        push(&t, &client, &unmet).await.refused(400, "unmet_authentication_requirements");
    }
    let wish = [("acr_values", format!("phr {ACR}")), ("claims", essential.replace("phr", ACR))];
    for (name, value) in &wish {
        let tokens = t.tokens(&client, &[(name, value), ("scope", "openid")]).await;
        assert_eq!(TestApp::claims(&tokens["id_token"])["acr"], ACR);
    }
}

#[tokio::test]
async fn a_stranger_is_not_sent_back_with_it_unless_somebody_signed_in() {
    let t = TestApp::start().await;
    let client = t.stranger("s", &[CALLBACK]).await;
    let path = authorize_path(&client, &[("acr_values", "phr")]);
    let page = t.browser().get(&path).await;
    page.page(400);
    assert!(page.body.contains("unmet_authentication_requirements"));
}

#[tokio::test]
async fn max_age_of_zero_wants_a_new_sign_in_in_the_same_second_and_a_pushed_one_counts_too() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let zero = authorize_path(&client, &[("max_age", "0")]);
    assert!(alice.get(&zero).await.location().starts_with("/login?"));
    alice.sign_in("alice", PASSWORD, &zero).await;
    assert!(alice.approve(&zero).await.returned("code").is_some());
    // Each time anew.
    assert!(alice.get(&zero).await.location().starts_with("/login?"));
    let silent = authorize_path(&client, &[("max_age", "0"), ("prompt", "none")]);
    assert_eq!(alice.get(&silent).await.returned("error").as_deref(), Some("login_required"));

    let pushed = short("c", &push(&t, &client, &[("max_age", "60")]).await);
    t.app.clock.advance(Duration::seconds(62));
    assert!(alice.get(&pushed).await.location().starts_with("/login?"));
    alice.sign_in("alice", PASSWORD, &pushed).await;
    assert!(alice.approve(&pushed).await.returned("code").is_some());
    push(&t, &client, &[("max_age", "soon")]).await.refused(400, "invalid_request");
}
