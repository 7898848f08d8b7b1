//! Attacks on the token endpoint after the code exchange: refreshing, scopes, resources.
use crate::support::{
    app::{CALLBACK, ISSUER, MCP, OTHER, TestApp, authorize_path, encode, operator},
    events::happened,
    node::Node,
    peers::from,
    tokens::{INACTIVE, family, grant_of, text},
};
use axum::{body::Body, http::Request};
use keyward::{
    secrets::AuthorizationCode,
    storage::{clients, codes, grants},
};
use serde_json::json;
use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};
use time::Duration;

#[tokio::test]
async fn attack_51_a_token_request_of_the_wrong_kind_is_named_and_costs_nothing() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let token = text(&tokens, "refresh_token");
    let rest = [("client_id", "c"), ("refresh_token", token)];
    let twice = [&rest[..], &[("grant_type", "refresh_token"), ("grant_type", "refresh_token")]].concat();
    t.post("/token", &twice).await.refused(400, "invalid_request");
    t.post("/token", &rest).await.refused(400, "invalid_request");
    for unsupported in ["password", "implicit", "client_credentials ", "REFRESH_TOKEN", "x"] {
        let form = [&rest[..], &[("grant_type", unsupported)]].concat();
        t.post("/token", &form).await.refused(400, "unsupported_grant_type");
    }
    for (content_type, body) in [
        ("application/json", json!({"grant_type": "refresh_token", "client_id": "c", "refresh_token": token})),
        ("text/plain", json!("grant_type=refresh_token")),
        ("multipart/form-data; boundary=x", json!("x")),
    ] {
        let request = Request::post("/token").header("content-type", content_type);
        let answer = t.send(request.body(Body::from(body.to_string())).unwrap()).await;
        answer.refused(400, "invalid_request");
    }
    let untyped = Request::post("/token").body(Body::from(encode(&rest))).unwrap();
    t.send(untyped).await.refused(400, "invalid_request");
    let got = t.get(&format!("/token?{}", encode(&rest))).await;
    got.refused(405, "invalid_request");
    assert_eq!(got.header("allow"), "POST");
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    assert_eq!(t.refresh(&client, token).await.status, 200);
}

#[tokio::test]
async fn attack_52_another_clients_refresh_token_is_refused_and_its_owner_keeps_it() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let thief = t.public_client("thief", &[CALLBACK]).await;
    let next = t.refresh(&client, text(&tokens, "refresh_token")).await.json();
    t.app.clock.advance(Duration::minutes(5));
    // Not even the one that would be theft in its owner's hand.
    for token in [text(&tokens, "refresh_token"), text(&next, "refresh_token")] {
        t.refresh(&thief, token).await.refused(400, "invalid_grant");
    }
    let grant = grant_of(&t, &tokens).await;
    assert_eq!((grant.generation, grant.revoked_at), (2, None));
    assert!(!happened(&t, "refresh_reuse_detected").await);
    assert_eq!(t.refresh(&client, text(&next, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn attack_53_a_token_used_before_ends_its_family_and_is_reported() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let next = t.refresh(&client, text(&tokens, "refresh_token")).await.json();
    t.app.clock.advance(Duration::seconds(61));
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    t.refresh(&client, text(&next, "refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(t.introspect(text(&next, "access_token")).await.body, INACTIVE);
    assert!(grant_of(&t, &tokens).await.revoked_at.is_some());
    assert!(happened(&t, "refresh_reuse_detected").await);
}

#[tokio::test]
async fn attack_54_a_repeat_gets_the_same_successor_wherever_it_comes_from_and_only_its_owner_does() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let thief = t.public_client("thief", &[CALLBACK]).await;
    let first = text(&tokens, "refresh_token");
    let second = t.refresh(&client, first).await.json();
    let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", first)];
    for address in [[192, 0, 2, 1], [198, 51, 100, 2]] {
        let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        let answer = t.send(from(address, request.body(Body::from(encode(&form))).unwrap())).await.json();
        assert_eq!(answer["refresh_token"], second["refresh_token"]);
    }
    t.refresh(&thief, first).await.refused(400, "invalid_grant");
    assert_eq!(grant_of(&t, &tokens).await.revoked_at, None);

    let third = t.refresh(&client, text(&second, "refresh_token")).await.json();
    t.refresh(&client, first).await.refused(400, "invalid_grant");
    assert!(grant_of(&t, &tokens).await.revoked_at.is_some());
    t.refresh(&client, text(&third, "refresh_token")).await.refused(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_55_twenty_refreshes_at_once_leave_one_tip_and_no_orphan() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let (node, token) = (Node::itself(&t), text(&tokens, "refresh_token").to_owned());
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (node, client, token) = (node.clone(), client.clone(), token.clone());
            tokio::spawn(async move { node.refresh(&client, &token).await })
        })
        .collect();
    let mut tips = HashSet::new();
    for one in all {
        let answer = one.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        tips.insert(text(&answer.json(), "refresh_token").to_owned());
        assert_eq!(grant_of(&t, &answer.json()).await.id, grant_of(&t, &tokens).await.id);
    }
    assert_eq!(tips.len(), 1);
    let grant = grant_of(&t, &tokens).await;
    assert_eq!((grant.generation, grant.revoked_at), (2, None));
    assert_eq!(grants::find_by_user(&t.db, grant.user_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn attack_56_a_scope_is_never_widened_and_narrowing_once_is_not_for_ever() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "mcp:read mcp:write")]).await;
    let token = text(&tokens, "refresh_token");
    for wider in ["mcp:read mcp:write mcp:admin", "mcp:admin", "openid", "offline_access", "mcp:read  mcp:write", "\""]
    {
        t.refresh_with(&client, token, &[("scope", wider)]).await.refused(400, "invalid_scope");
    }
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    let narrow = t.refresh_with(&client, token, &[("scope", "mcp:write")]).await.json();
    assert_eq!(narrow["scope"], "mcp:write");
    assert_eq!(TestApp::claims(&narrow["access_token"])["scope"], "mcp:write");
    assert_eq!(grant_of(&t, &tokens).await.scopes.to_string(), "mcp:read mcp:write");
    let omitted = t.refresh_with(&client, text(&narrow, "refresh_token"), &[("scope", "")]).await.json();
    assert_eq!(omitted["scope"], "mcp:read mcp:write");
}

#[tokio::test]
async fn attack_57_a_resource_outside_the_grant_is_refused_and_one_of_two_is_the_only_audience() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let token = text(&tokens, "refresh_token");
    for outside in [OTHER, ISSUER, "https://evil.example", "https://mcp.example/", "https://mcp.example/mcp/"] {
        t.refresh_with(&client, token, &[("resource", outside)]).await.refused(400, "invalid_target");
    }
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    assert_eq!(t.refresh_with(&client, token, &[("resource", MCP)]).await.status, 200);

    let both = [("resource", MCP), ("resource", OTHER), ("scope", "mcp:read other:read")];
    let code = t.code(&client, &both).await;
    let form = [("grant_type", "authorization_code"), ("client_id", "c"), ("code", code.as_str())];
    let form = [&form[..], &[("code_verifier", crate::support::app::VERIFIER)]].concat();
    let elsewhere = [&form[..], &[("resource", "https://evil.example")]].concat();
    t.post("/token", &elsewhere).await.refused(400, "invalid_target");
    let other = t.post("/token", &[&form[..], &[("resource", OTHER)]].concat()).await.json();
    let claims = TestApp::claims(&other["access_token"]);
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(OTHER), &json!("other:read")));
    assert_eq!(t.introspect(text(&other, "access_token")).await.body, INACTIVE);
    let there = t.introspect_as("other-server", "other-server-secret", text(&other, "access_token")).await;
    assert_eq!(there.json()["active"], true);
}

#[tokio::test]
async fn attack_58_a_resource_is_an_absolute_uri_without_fragment_and_scopes_are_of_the_one_named() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let token = text(&tokens, "refresh_token");
    let mut browser = t.signed_in("alice").await;
    for wrong in
        ["https://mcp.example/mcp#", "https://mcp.example/mcp#x", "/mcp", "mcp.example/mcp", "//mcp.example/mcp"]
    {
        let answer = browser.get(&authorize_path(&client, &[("resource", wrong)])).await;
        assert_eq!(answer.returned("error").as_deref(), Some("invalid_target"), "{wrong}");
        t.refresh_with(&client, token, &[("resource", wrong)]).await.refused(400, "invalid_target");
    }
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    assert_eq!(t.refresh_with(&client, token, &[("resource", "")]).await.status, 200);

    // Nobody named the other resource server.
    for scope in ["other:read", "mcp:read other:read", "openid other:read"] {
        let answer = browser.get(&authorize_path(&client, &[("scope", scope)])).await;
        assert_eq!(answer.returned("error").as_deref(), Some("invalid_scope"), "{scope}");
    }
    // But who repeats all that is listed has chosen nothing.
    let every = t.tokens(&client, &[("scope", &listed(&t).await)]).await;
    assert_eq!(TestApp::claims(&every["access_token"])["aud"], MCP);
    assert!(text(&every, "scope").split(' ').all(|scope| scope != "other:read"), "{every}");
    // Named, it is alone: scopes of the first are left out, and the answer says so.
    let other = t.tokens(&client, &[("scope", "mcp:read other:read"), ("resource", OTHER)]).await;
    let claims = TestApp::claims(&other["access_token"]);
    assert_eq!(
        (&claims["aud"], &claims["scope"], &other["scope"]),
        (&json!(OTHER), &json!("other:read"), &json!("other:read"))
    );
    let form = [("resource", MCP)];
    t.refresh_with(&client, text(&other, "refresh_token"), &form).await.refused(400, "invalid_target");
}

async fn listed(t: &TestApp) -> String {
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    let scopes = metadata["scopes_supported"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap());
    scopes.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn attack_59_a_fresh_rotation_does_not_carry_a_grant_past_its_end() {
    let t = TestApp::with("tokens.refresh_lifetime = 1000").await;
    let (client, tokens) = family(&t, "c").await;
    t.app.clock.advance(Duration::seconds(940));
    let next = t.refresh(&client, text(&tokens, "refresh_token")).await.json();
    // Nor does an access token live longer.
    assert!(next["expires_in"].as_i64().unwrap() <= 60, "{next}");
    t.app.clock.advance(Duration::seconds(60));
    assert_eq!(t.introspect(text(&next, "access_token")).await.body, INACTIVE);
    for token in [text(&next, "refresh_token"), text(&tokens, "refresh_token")] {
        t.refresh(&client, token).await.refused(400, "invalid_grant");
    }
    assert_eq!(grant_of(&t, &tokens).await.generation, 2);
}

#[tokio::test]
async fn attack_60_who_is_disabled_withdrawn_or_deleted_refreshes_nothing() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let token = text(&tokens, "refresh_token");
    let (alice, now) = (t.user_named("alice").await.id, t.app.clock.now());
    t.db.set_user_disabled(alice, Some(now)).await;
    t.refresh(&client, token).await.refused(400, "invalid_grant");
    assert_eq!(t.introspect(text(&tokens, "access_token")).await.body, INACTIVE);
    t.db.set_user_disabled(alice, None).await;
    let tokens = t.refresh(&client, token).await.json();

    let theirs = keyward::operations::grants::Filter { user_id: Some(alice), ..Default::default() };
    keyward::operations::grants::revoke(&t.app, &operator(), &theirs).await.unwrap();
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(t.introspect(text(&tokens, "access_token")).await.body, INACTIVE);

    let tokens = t.tokens(&client, &[]).await;
    clients::delete(&t.db, &client).await.unwrap();
    t.app.clients.forget(&client);
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(401, "invalid_client");
    assert_eq!(t.introspect(text(&tokens, "access_token")).await.body, INACTIVE);
}

/// Runs a request until it has waited `waits` times, then pulls the plug. `None` if it got no answer out.
async fn killed_after<T>(waits: usize, request: impl Future<Output = T>) -> Option<T> {
    let (mut request, mut waited) = (pin!(request), 0);
    poll_fn(|context| match request.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn attack_62_a_server_killed_at_any_point_issues_nothing_twice_and_a_repeated_refresh_succeeds() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let mut token = text(&tokens, "refresh_token").to_owned();
    for waits in 0.. {
        let answered = killed_after(waits, t.refresh(&client, &token)).await;
        let restarted = Node::beside(&t).await;
        let answer = restarted.refresh(&client, &token).await;
        assert_eq!(answer.status, 200, "killed after {waits} waits: {answer:?}");
        token = text(&answer.json(), "refresh_token").to_owned();
        let grant = grant_of(&t, &tokens).await;
        assert_eq!((usize::try_from(grant.generation).unwrap(), grant.revoked_at), (waits + 2, None));
        restarted.app.db.close().await.unwrap();
        if answered.is_some() {
            break;
        }
    }

    for waits in 0.. {
        let code = t.code(&client, &[]).await;
        let answered = killed_after(waits, t.redeem(&client, &code)).await;
        let hash = AuthorizationCode::presented(&code).digest();
        let spent = codes::find(&t.db, &hash).await.unwrap().unwrap();
        let again = t.redeem(&client, &code).await;
        let grant = grants::find(&t.db, spent.grant_id).await.unwrap().unwrap();
        if again.status == 200 {
            assert!(answered.is_none() && grant.revoked_at.is_none());
        } else {
            again.refused(400, "invalid_grant");
            assert!(grant.revoked_at.is_some());
        }
        if answered.is_some() {
            break;
        }
    }
}
