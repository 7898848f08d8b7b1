//! How refresh tokens end or lose scopes: idle, too old, narrowed, user or client gone, revoked, swept.
use crate::support::{
    app::{Answer, CALLBACK, MCP, OTHER, TestApp, VERIFIER, authorize_path, basic},
    events::events,
    tokens::{access_token, family, grant_of, is_active, refresh_token, text},
};
use keyward::{
    jobs,
    model::ClientId,
    secrets::AuthorizationCode,
    storage::{clients, codes, grants, revoked_tokens},
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// Refreshes when the clock shows just this second, again if it ticked on meanwhile.
async fn refresh_at(t: &TestApp, at: OffsetDateTime, client: &ClientId, token: &str) -> Answer {
    loop {
        t.app.clock.advance(at - t.app.clock.now());
        let answer = t.refresh(client, token).await;
        if answer.status == 200 || t.app.clock.now() == at {
            return answer;
        }
    }
}

#[tokio::test]
async fn a_token_not_used_for_too_long_is_dead_on_the_second() {
    let t = TestApp::with("tokens.refresh_idle = 3600").await;
    let (client, tokens) = family(&t, "c").await;
    let used = grant_of(&t, &tokens).await.refreshed_at;
    let first = text(&tokens, "refresh_token");
    refresh_at(&t, used + Duration::seconds(3600), &client, first).await.refused(400, "invalid_grant");
    let second = refresh_token(&refresh_at(&t, used + Duration::seconds(3599), &client, first).await);
    // From here it counts anew, but for the successor.
    let used = grant_of(&t, &tokens).await.refreshed_at;
    refresh_at(&t, used + Duration::seconds(3600), &client, &second).await.refused(400, "invalid_grant");
    assert_eq!(refresh_at(&t, used + Duration::seconds(3599), &client, &second).await.status, 200);
    assert!(events(&t, "refresh_reuse_detected").await.is_empty());
}

#[tokio::test]
async fn rotation_never_outlives_the_absolute_lifetime() {
    let t = TestApp::with("tokens.refresh_lifetime = 7200").await;
    let (client, tokens) = family(&t, "c").await;
    let ends = grant_of(&t, &tokens).await.expires_at;
    let second = refresh_at(&t, ends - Duration::seconds(100), &client, text(&tokens, "refresh_token")).await;
    let second = refresh_token(&second);
    assert_eq!(grant_of(&t, &tokens).await.expires_at, ends);
    refresh_at(&t, ends, &client, &second).await.refused(400, "invalid_grant");
    assert_eq!(refresh_at(&t, ends - Duration::seconds(1), &client, &second).await.status, 200);
}

#[tokio::test]
async fn a_narrowed_access_token_leaves_the_grant_as_wide_as_it_was() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "mcp:read mcp:write")]).await;
    let narrow = t.refresh_with(&client, text(&tokens, "refresh_token"), &[("scope", "mcp:read")]).await.json();
    assert_eq!(narrow["scope"], "mcp:read");
    assert_eq!(TestApp::claims(&narrow["access_token"])["scope"], "mcp:read");
    let wide = t.refresh(&client, text(&narrow, "refresh_token")).await.json();
    assert_eq!(wide["scope"], "mcp:read mcp:write");
    assert_eq!(TestApp::claims(&wide["access_token"])["scope"], "mcp:read mcp:write");
    let again = t.refresh_with(&client, text(&wide, "refresh_token"), &[("scope", "mcp:write")]).await.json();
    assert_eq!(again["scope"], "mcp:write");
}

#[tokio::test]
async fn each_access_token_is_for_one_of_the_resources_granted() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let asked = [("resource", MCP), ("resource", OTHER), ("scope", "mcp:read other:read")];
    let first = t.tokens(&client, &asked).await;
    assert_eq!(TestApp::claims(&first["access_token"])["aud"], MCP);
    assert_eq!(first["scope"], "mcp:read");
    let other = t.refresh_with(&client, text(&first, "refresh_token"), &[("resource", OTHER)]).await.json();
    let claims = TestApp::claims(&other["access_token"]);
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(OTHER), &json!("other:read")));
    let omitted = t.refresh(&client, text(&other, "refresh_token")).await.json();
    assert_eq!(TestApp::claims(&omitted["access_token"])["aud"], MCP);

    let token = text(&omitted, "refresh_token");
    let both = [("resource", MCP), ("resource", OTHER)];
    t.refresh_with(&client, token, &both).await.refused(400, "invalid_target");
    t.refresh_with(&client, token, &[("resource", "https://evil.example")]).await.refused(400, "invalid_target");
    let nothing_there = [("resource", OTHER), ("scope", "mcp:read")];
    t.refresh_with(&client, token, &nothing_there).await.refused(400, "invalid_scope");
    assert_eq!(grant_of(&t, &first).await.generation, 3);
    t.refresh(&client, token).await.json()["refresh_token"].as_str().unwrap();
}

#[tokio::test]
async fn a_disabled_user_is_refused_and_goes_on_where_they_were_when_enabled_again() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let alice = t.user_named("alice").await.id;
    t.db.set_user_disabled(alice, Some(t.app.clock.now())).await;
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    assert!(!is_active(&t, access_token(&tokens)).await);
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    t.app.clock.advance(Duration::hours(1));
    t.db.set_user_disabled(alice, None).await;
    assert_eq!(t.refresh(&client, text(&tokens, "refresh_token")).await.status, 200);
    assert!(events(&t, "refresh_reuse_detected").await.is_empty());
}

#[tokio::test]
async fn a_disabled_client_is_unknown_and_a_deleted_one_leaves_nothing_behind() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let token = text(&tokens, "refresh_token");
    t.db.set_client_disabled(&client, Some(t.app.clock.now())).await;
    t.app.clients.forget(&client);
    t.refresh(&client, token).await.refused(401, "invalid_client");
    assert!(!is_active(&t, access_token(&tokens)).await);
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    t.db.set_client_disabled(&client, None).await;
    t.app.clients.forget(&client);
    let next = refresh_token(&t.refresh(&client, token).await);

    let grant = grant_of(&t, &tokens).await.id;
    clients::delete(&t.db, &client).await.unwrap();
    assert!(grants::find(&t.db, grant).await.unwrap().is_none());
    t.refresh(&client, &next).await.refused(401, "invalid_client");
    assert!(!is_active(&t, access_token(&tokens)).await);
}

#[tokio::test]
async fn a_lost_role_takes_its_scopes_along() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut browser = t.signed_in("root").await;
    let path = authorize_path(&client, &[("scope", "mcp:read mcp:admin")]);
    let code = browser.approve(&path).await.returned("code").unwrap();
    let tokens = t.redeem(&client, &code).await.json();
    assert_eq!(tokens["scope"], "mcp:read mcp:admin");

    t.db.outside("UPDATE users SET role = 'user' WHERE username = 'root'").await;
    let fewer = t.refresh(&client, text(&tokens, "refresh_token")).await.json();
    assert_eq!(fewer["scope"], "mcp:read");
    assert_eq!(TestApp::claims(&fewer["access_token"])["scope"], "mcp:read");
    let lost = [("scope", "mcp:admin")];
    t.refresh_with(&client, text(&fewer, "refresh_token"), &lost).await.refused(400, "invalid_scope");
    assert_eq!(grant_of(&t, &tokens).await.generation, 2);

    t.db.outside("UPDATE users SET role = 'admin' WHERE username = 'root'").await;
    let again = t.refresh(&client, text(&fewer, "refresh_token")).await.json();
    assert_eq!(again["scope"], "mcp:read mcp:admin");
}

/// Asks the token endpoint as the confidential client `id`.
async fn ask(t: &TestApp, id: &str, form: &[(&str, &str)]) -> Answer {
    t.post_with("/token", form, &[("authorization", &basic(id, "its-secret"))]).await
}

async fn confidential(t: &TestApp, id: &str) -> (Value, String) {
    let client = t.confidential_client(id, "its-secret").await;
    let code = t.code(&client, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let tokens = ask(t, id, &form).await.json();
    let token = text(&tokens, "refresh_token").to_owned();
    (tokens, token)
}

#[tokio::test]
async fn a_confidential_client_keeps_its_refresh_token_and_using_it_keeps_it_alive() {
    let t = TestApp::start().await;
    let (tokens, token) = confidential(&t, "c").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    for _ in 0..3 {
        t.app.clock.advance(Duration::days(20));
        assert_eq!(refresh_token(&ask(&t, "c", &form).await), token);
    }
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    // Its secret, not the token, is what proves it.
    t.post("/token", &[&form[..], &[("client_id", "c")]].concat()).await.refused(401, "invalid_client");
    t.app.clock.advance(Duration::days(31));
    ask(&t, "c", &form).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_active_to_its_own_client_for_as_long_as_it_would_be_taken() {
    let t = TestApp::start().await;
    let (tokens, token) = confidential(&t, "c").await;
    t.confidential_client("other", "its-secret").await;
    let seen = async |id: &str| t.introspect_as(id, "its-secret", &token).await.json();
    let mine = seen("c").await;
    assert_eq!((&mine["active"], &mine["client_id"], &mine["scope"]), (&json!(true), &json!("c"), &json!("mcp:read")));
    assert_eq!(seen("other").await, json!({"active": false}));
    let alice = t.user_named("alice").await.id;
    t.db.set_user_disabled(alice, Some(t.app.clock.now())).await;
    assert_eq!(seen("c").await, json!({"active": false}));
    t.db.set_user_disabled(alice, None).await;
    assert_eq!(seen("c").await["active"], true);
    grants::revoke(&t.db, grant_of(&t, &tokens).await.id, t.app.clock.now()).await.unwrap();
    assert_eq!(seen("c").await, json!({"active": false}));
}

#[tokio::test]
async fn a_confidential_client_rotates_where_the_operator_wants_it() {
    let t = TestApp::with("tokens.rotate_confidential = true").await;
    let (tokens, token) = confidential(&t, "c").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let next = refresh_token(&ask(&t, "c", &form).await);
    assert_ne!(next, token);
    t.app.clock.advance(Duration::seconds(61));
    ask(&t, "c", &form).await.refused(400, "invalid_grant");
    assert!(grant_of(&t, &tokens).await.revoked_at.is_some());
}

#[tokio::test]
async fn a_revoked_access_token_falls_alone_and_stays_down() {
    let t = TestApp::start().await;
    let (client, first) = family(&t, "c").await;
    let second = t.refresh(&client, text(&first, "refresh_token")).await.json();
    let form = [("client_id", "c"), ("token", text(&first, "access_token"))];
    assert_eq!(t.post("/revoke", &form).await.status, 200);
    assert!(!is_active(&t, access_token(&first)).await && is_active(&t, access_token(&second)).await);
    let jti = TestApp::claims(&first["access_token"])["jti"].as_str().unwrap().to_owned();
    assert!(revoked_tokens::contains(&t.db, &jti).await.unwrap());
    assert_eq!(t.refresh(&client, text(&second, "refresh_token")).await.status, 200);

    // Once it has expired everywhere, the list is relieved of it.
    t.app.clock.advance(Duration::minutes(11));
    jobs::sweep(&t.app).await.unwrap();
    assert!(revoked_tokens::contains(&t.db, &jti).await.unwrap());
    t.app.clock.advance(Duration::hours(1));
    jobs::sweep(&t.app).await.unwrap();
    assert!(!revoked_tokens::contains(&t.db, &jti).await.unwrap());
    assert!(!is_active(&t, access_token(&first)).await);
}

#[tokio::test]
async fn the_sweep_takes_what_is_dead_and_no_registration_that_lives() {
    let t = TestApp::start().await;
    let register = async |name: &str| {
        let body = json!({"client_name": name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"]});
        ClientId::from(t.register(&body).await.json()["client_id"].as_str().unwrap())
    };
    let (unused, idle, used) = (register("unused").await, register("idle").await, register("used").await);
    let forgotten = t.tokens(&idle, &[]).await;
    let kept = t.tokens(&used, &[]).await;
    let revoked = t.tokens(&used, &[]).await;
    let code = AuthorizationCode::presented(&t.code(&used, &[]).await).digest();
    let (forgotten, revoked) = (grant_of(&t, &forgotten).await.id, grant_of(&t, &revoked).await.id);

    t.app.clock.advance(Duration::days(20));
    let alive = refresh_token(&t.refresh(&used, text(&kept, "refresh_token")).await);
    grants::revoke(&t.db, revoked, t.app.clock.now()).await.unwrap();
    jobs::sweep(&t.app).await.unwrap();
    assert!(codes::find(&t.db, &code).await.unwrap().is_none());
    for id in [forgotten, revoked] {
        assert!(grants::find(&t.db, id).await.unwrap().is_some(), "swept too early");
    }
    for id in [&unused, &idle, &used] {
        assert!(clients::find(&t.db, id).await.unwrap().is_some(), "swept too early");
    }

    t.app.clock.advance(Duration::days(11));
    jobs::sweep(&t.app).await.unwrap();
    for id in [forgotten, revoked] {
        assert!(grants::find(&t.db, id).await.unwrap().is_none());
    }
    for id in [&unused, &idle] {
        assert!(clients::find(&t.db, id).await.unwrap().is_none());
        t.get(&authorize_path(id, &[])).await.page(400);
    }
    assert!(clients::find(&t.db, &used).await.unwrap().is_some());
    assert_eq!(register("used").await, used);
    assert_eq!(t.refresh(&used, &alive).await.status, 200);
}
