//! Refresh tokens in depth: rotation, the window for repeated requests, theft, forgery.
mod ends;
mod restored;

use crate::support::{
    app::{Answer, CALLBACK, TestApp, encode},
    events::events,
    node::Node,
    peers::from,
    tokens::{access_token, family, grant_of, is_active, refresh_token, text},
};
use axum::{body::Body, http::Request};
use keyward::{
    model::ClientId,
    secrets::{base64url, from_base64url},
    storage::grants,
    tokens::refresh_token::RefreshToken,
};
use serde_json::{Value, json};
use std::collections::HashSet;
use time::Duration;

#[tokio::test]
async fn a_lost_answer_comes_again_from_another_node_and_after_a_restart() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let first = text(&first, "refresh_token");
    let successor = refresh_token(&t.refresh(&client, first).await);
    let there = Node::beside(&t).await;
    assert_eq!(refresh_token(&there.refresh(&client, first).await), successor);
    there.app.db.close().await.unwrap();
    let restarted = Node::beside(&t).await;
    assert_eq!(refresh_token(&restarted.refresh(&client, first).await), successor);
    assert_ne!(refresh_token(&restarted.refresh(&client, &successor).await), successor);
    assert!(events(&t, "refresh_reuse_detected").await.is_empty());
}

#[tokio::test]
async fn repeats_do_not_prolong_the_window() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let first = text(&first, "refresh_token");
    let successor = refresh_token(&t.refresh(&client, first).await);
    t.app.clock.advance(Duration::seconds(40));
    assert_eq!(refresh_token(&t.refresh(&client, first).await), successor);
    t.app.clock.advance(Duration::seconds(30));
    t.refresh(&client, first).await.refused(400, "invalid_grant");
    t.refresh(&client, &successor).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn the_window_can_be_shut() {
    let t = TestApp::with("tokens.replay_window = 0").await;
    let (client, first) = family(&t, "c").await;
    let successor = refresh_token(&t.refresh(&client, text(&first, "refresh_token")).await);
    t.refresh(&client, text(&first, "refresh_token")).await.refused(400, "invalid_grant");
    t.refresh(&client, &successor).await.refused(400, "invalid_grant");
    assert!(grant_of(&t, &first).await.revoked_at.is_some());
    assert_eq!(events(&t, "refresh_reuse_detected").await.len(), 1);
}

#[tokio::test]
async fn two_generations_back_is_theft_even_within_the_window() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let second = t.refresh(&client, text(&first, "refresh_token")).await.json();
    let third = t.refresh(&client, text(&second, "refresh_token")).await.json();
    t.refresh(&client, text(&first, "refresh_token")).await.refused(400, "invalid_grant");
    for tokens in [&first, &second, &third] {
        t.refresh(&client, text(tokens, "refresh_token")).await.refused(400, "invalid_grant");
        assert!(!is_active(&t, access_token(tokens)).await);
    }
}

#[tokio::test]
async fn a_stolen_token_takes_its_whole_family_down_and_no_other() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let other = t.tokens(&client, &[]).await;
    let second = t.refresh(&client, text(&first, "refresh_token")).await.json();
    assert!(is_active(&t, access_token(&first)).await && is_active(&t, access_token(&second)).await);
    t.app.clock.advance(Duration::seconds(61));
    t.refresh(&client, text(&first, "refresh_token")).await.refused(400, "invalid_grant");

    let grant = grant_of(&t, &first).await;
    assert!(grant.revoked_at.is_some());
    assert_eq!(grant.generation, 2);
    assert!(!is_active(&t, access_token(&first)).await && !is_active(&t, access_token(&second)).await);
    t.refresh(&client, text(&second, "refresh_token")).await.refused(400, "invalid_grant");
    let [event] = &events(&t, "refresh_reuse_detected").await[..] else { panic!("not one event") };
    assert_eq!((event.level.as_str(), event.success), ("critical", false));
    assert_eq!((event.grant_id, event.user_id), (Some(grant.id), Some(grant.user_id)));
    assert_eq!(event.client_id.as_ref(), Some(&client));

    assert!(is_active(&t, access_token(&other)).await);
    assert_eq!(t.refresh(&client, text(&other, "refresh_token")).await.status, 200);
}

/// A refresh by a program that calls itself so, from there.
async fn refresh_as(t: &TestApp, token: &str, program: &str, peer: [u8; 4]) -> Answer {
    let form = encode(&[("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", token)]);
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("user-agent", program).body(Body::from(form)).unwrap();
    t.send(from(peer, request)).await
}

#[tokio::test]
async fn attack_185_a_replay_within_the_window_is_told_and_louder_if_somebody_else_may_have_sent_it() {
    let t = TestApp::start().await;
    let (_, first) = family(&t, "c").await;
    let first = text(&first, "refresh_token");
    let here = [192, 0, 2, 1];
    let successor = refresh_token(&refresh_as(&t, first, "App/1", here).await);
    for (program, peer, level, differs) in [
        ("App/1", here, "info", json!([])),
        ("curl/8", here, "warning", json!(["program"])),
        ("App/1", [192, 0, 2, 2], "warning", json!(["address"])),
        ("curl/8", [192, 0, 2, 2], "warning", json!(["address", "program"])),
    ] {
        assert_eq!(refresh_token(&refresh_as(&t, first, program, peer).await), successor);
        keyward::audit::chain::extend(&t.app.audit).await.unwrap();
        let event = events(&t, "refresh_replayed").await.remove(0);
        assert_eq!((event.level.as_str(), event.success), (level, true));
        assert_eq!(event.details, json!({"generations": 1, "differs": differs}));
        assert!(event.grant_id.is_some() && event.user_id.is_some() && event.client_id.is_some());
    }
    // The same again is counted, and told when the minute is over.
    for _ in 0..30 {
        assert_eq!(refresh_token(&refresh_as(&t, first, "curl/8", here).await), successor);
    }
    keyward::audit::chain::extend(&t.app.audit).await.unwrap();
    assert_eq!(events(&t, "refresh_replayed").await.len(), 4);
    keyward::audit::telling::tell_all(&t.app.audit).await;
    keyward::audit::chain::extend(&t.app.audit).await.unwrap();
    let told = events(&t, "refresh_replayed").await;
    assert_eq!(told.len(), 5);
    assert_eq!(told[0].details, json!({"generations": 1, "differs": ["program"], "more": 30}));
    assert!(told[0].grant_id.is_some() && told[0].level == "warning");
    let counts = t.app.metrics.text().unwrap();
    for line in [r#"keyward_refresh_replays_total{by="same"} 1"#, r#"keyward_refresh_replays_total{by="other"} 33"#] {
        assert!(counts.contains(line), "{counts}");
    }
    // What is no replay is none of this.
    refresh_token(&refresh_as(&t, &successor, "curl/8", here).await);
    assert_eq!(events(&t, "refresh_replayed").await.len(), 5);
}

#[tokio::test]
async fn processes_that_share_a_token_may_be_as_many_generations_late_as_the_operator_lets_them() {
    let t = TestApp::with("tokens.replay_generations = 3").await;
    let (client, first) = family(&t, "c").await;
    let mut tokens = vec![text(&first, "refresh_token").to_owned()];
    for n in 0..3 {
        tokens.push(refresh_token(&t.refresh(&client, &tokens[n]).await));
    }
    // All get the one that is live.
    for late in &tokens[..3] {
        assert_eq!(refresh_token(&t.refresh(&client, late).await), tokens[3]);
    }
    tokens.push(refresh_token(&t.refresh(&client, &tokens[3]).await));
    assert_eq!(refresh_token(&t.refresh(&client, &tokens[1]).await), tokens[4]);
    assert!(grant_of(&t, &first).await.revoked_at.is_none());
    t.refresh(&client, &tokens[0]).await.refused(400, "invalid_grant");
    assert!(grant_of(&t, &first).await.revoked_at.is_some());
    // The window is no longer for it.
    let (client, first) = family(&t, "d").await;
    let second = refresh_token(&t.refresh(&client, text(&first, "refresh_token")).await);
    refresh_token(&t.refresh(&client, &second).await);
    t.app.clock.advance(Duration::seconds(60));
    t.refresh(&client, text(&first, "refresh_token")).await.refused(400, "invalid_grant");
    assert!(grant_of(&t, &first).await.revoked_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_refreshes_at_once_over_two_nodes_leave_one_live_successor() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let token = text(&first, "refresh_token").to_owned();
    let nodes = [Node::itself(&t), Node::beside(&t).await];
    let all: Vec<_> = (0..50)
        .map(|n| {
            let (node, client, token) = (nodes[n % 2].clone(), client.clone(), token.clone());
            tokio::spawn(async move { node.refresh(&client, &token).await })
        })
        .collect();
    let (mut successors, mut access_tokens) = (HashSet::new(), HashSet::new());
    for one in all {
        let answer = one.await.unwrap();
        successors.insert(refresh_token(&answer));
        access_tokens.insert(text(&answer.json(), "access_token").to_owned());
    }
    assert_eq!((successors.len(), access_tokens.len()), (1, 50));
    let grant = grant_of(&t, &first).await;
    assert_eq!((grant.generation, grant.revoked_at), (2, None));
    assert_eq!(grants::find_by_user(&t.db, grant.user_id).await.unwrap().len(), 1);
    let successor = successors.into_iter().next().unwrap();
    assert_ne!(refresh_token(&t.refresh(&client, &successor).await), successor);
}

#[tokio::test]
async fn a_forged_token_is_refused_without_a_question_to_the_database() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let good = text(&first, "refresh_token");
    let bytes = from_base64url(good.strip_prefix("kwr_").unwrap()).unwrap();
    // Grant, generation, secret, authenticator.
    let mut forged: Vec<_> = [0, 15, 16, 19, 20, 51, 52, 83]
        .map(|at| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            format!("kwr_{}", base64url(bytes))
        })
        .into();
    assert_eq!(bytes.len(), 84);
    forged.push(format!("kwr_{}", base64url(&bytes[..83])));
    forged.push(format!("kwr_{}", base64url([&bytes[..], &[0]].concat())));
    forged.push(format!("{good}="));
    forged.push(good.replace("kwr_", "kwc_"));
    forged.extend(["kwr_", "x", "kwr_\u{e4}"].map(str::to_owned));
    for token in &forged {
        t.refresh(&client, token).await.refused(400, "invalid_grant");
    }
    assert_eq!(grant_of(&t, &first).await.generation, 1);

    assert!(forged.iter().all(|token| RefreshToken::parse(&t.app, token).is_none()));
    assert!(RefreshToken::parse(&t.app, good).is_some());
    t.db.close().await.unwrap();
    let genuine = t.refresh(&client, good).await;
    genuine.refused(503, "temporarily_unavailable");
    assert!(genuine.header("retry-after").parse::<u64>().is_ok());
}

#[tokio::test]
async fn answers_tell_how_long_the_refresh_token_lives_where_a_setting_wants_it() {
    const DAY: i64 = 86_400;
    let member = |tokens: &Value| tokens.get("refresh_token_expires_in").and_then(Value::as_i64);
    let t = TestApp::start().await;
    let app = t.public_client("app", &[CALLBACK]).await;
    assert_eq!(member(&t.tokens(&app, &[]).await), None);

    // Idle for a day at most, and three days in all.
    let settings = "tokens = { refresh_token_expires_in = true, refresh_idle = 86400, refresh_lifetime = 259200 }";
    let t = TestApp::with(settings).await;
    let app = t.public_client("app", &[CALLBACK]).await;
    // Where there is no refresh token, nothing is told of it.
    let answer = t
        .register(&json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"]}))
        .await
        .json();
    let tokens = t.tokens(&ClientId::from(answer["client_id"].as_str().unwrap()), &[]).await;
    assert_eq!(member(&tokens), None);
    let mut tokens = t.tokens(&app, &[]).await;
    assert_eq!(member(&tokens), Some(DAY));
    for left in [DAY, DAY, 3 * DAY - 3 * 64_800] {
        t.app.clock.advance(Duration::seconds(64_800));
        let spent = tokens["refresh_token"].as_str().unwrap().to_owned();
        tokens = t.refresh(&app, &spent).await.json();
        assert_eq!(member(&tokens), Some(left), "{tokens}");
        // Repeated a moment later it is the same token, which has lived for that moment.
        t.app.clock.advance(Duration::seconds(10));
        let again = t.refresh(&app, &spent).await.json();
        assert_eq!(again["refresh_token"], tokens["refresh_token"]);
        assert_eq!(member(&again), Some(left - 10), "{again}");
        t.app.clock.advance(-Duration::seconds(10));
    }
}
