//! Attacks on token exchange (RFC 8693): invalid subjects, actors and targets, and too broad requests.
use crate::support::{
    app::{CALLBACK, MCP, OTHER, TestApp, basic},
    client_credentials::ask,
    token_exchange::{
        ACCESS_TOKEN, GRANT_TYPE, JWT, SECRET, THIRD, allowed, exchange, exchanged, exchanges, is_active_there, start,
    },
    tokens::text,
};
use keyward::model::ClientId;
use serde_json::json;
use time::Duration;

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";

#[tokio::test]
async fn attack_76_what_is_no_good_access_token_of_ours_is_no_subject() {
    let t = start("").await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid mcp:read offline_access")]).await;
    let good = text(&tokens, "access_token");
    let foreign_claims = TestApp::claims(&tokens["access_token"]);
    let foreign = TestApp::with("keys.master_key = 'BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'").await;
    let foreign = foreign.app.keys.sign("ES256", "at+jwt", &foreign_claims).unwrap();
    let mut elsewhere = foreign_claims.clone();
    elsewhere["iss"] = json!("https://elsewhere.example");
    let elsewhere = t.app.keys.sign("ES256", "at+jwt", &elsewhere).unwrap();
    let (head, tail) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
    let introspected = t.app.keys.sign("ES256", "token-introspection+jwt", &foreign_claims).unwrap();
    let mut same = vec![];
    for no_subject in [
        text(&tokens, "id_token"),
        text(&tokens, "refresh_token"),
        &foreign,
        &elsewhere,
        &forged,
        &introspected,
        "garbage",
        "a.b.c",
    ] {
        for named in [ACCESS_TOKEN, JWT] {
            let answer = exchange(&t, "notes", no_subject, &[("subject_token_type", named)]).await;
            answer.refused(400, "invalid_request");
            same.push(answer.body);
        }
    }
    // Which of these it was is told to nobody.
    same.dedup();
    assert_eq!(same.len(), 1, "{same:?}");
    for (named, token) in [(ID_TOKEN, text(&tokens, "id_token")), (REFRESH_TOKEN, text(&tokens, "refresh_token"))] {
        exchange(&t, "notes", token, &[("subject_token_type", named)]).await.refused(400, "invalid_request");
    }
    assert!(exchanges(&t).await.is_empty());
    assert_eq!(t.refresh(&client, text(&tokens, "refresh_token")).await.status, 200);
    assert_eq!(exchange(&t, "notes", good, &[]).await.status, 200);
}

#[tokio::test]
async fn attack_76_an_expired_or_revoked_token_is_no_subject_however_it_ended() {
    let t = start("").await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let revoke = async |token: &str| {
        let form = [("client_id", "c"), ("token", token)];
        assert_eq!(t.post("/revoke", &form).await.status, 200);
    };
    let dead = async |token: &str| {
        exchange(&t, "notes", token, &[]).await.refused(400, "invalid_request");
        assert!(exchanges(&t).await.is_empty());
    };
    let tokens = t.tokens(&client, &[]).await;
    revoke(text(&tokens, "access_token")).await;
    dead(text(&tokens, "access_token")).await;

    let tokens = t.tokens(&client, &[]).await;
    revoke(text(&tokens, "refresh_token")).await;
    dead(text(&tokens, "access_token")).await;

    let tokens = t.tokens(&client, &[]).await;
    let alice = t.user_named("alice").await.id;
    t.db.set_user_disabled(alice, Some(t.app.clock.now())).await;
    dead(text(&tokens, "access_token")).await;
    t.db.set_user_disabled(alice, None).await;

    t.app.clock.advance(Duration::seconds(600));
    dead(text(&tokens, "access_token")).await;
}

#[tokio::test]
async fn attack_76_a_token_of_a_grant_past_its_age_is_no_subject() {
    let t = start("tokens.refresh_lifetime = 300").await;
    let received = allowed(&t, "mcp:read").await;
    t.app.clock.advance(Duration::seconds(299));
    assert_eq!(exchange(&t, "notes", &received, &[]).await.status, 200);
    t.app.clock.advance(Duration::seconds(1));
    exchange(&t, "notes", &received, &[]).await.refused(400, "invalid_request");
    assert_eq!(exchanges(&t).await.len(), 1);
}

#[tokio::test]
async fn attack_76_an_actor_token_comes_with_its_type_and_is_the_clients_own() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let own = ask(&t, "notes", SECRET, &[]).await.json();
    let own = text(&own, "access_token");
    let others = ask(&t, "other", SECRET, &[]).await.json();
    let exchanged_before = exchanged(&exchange(&t, "notes", &received, &[]).await);
    for actor in [
        &[("actor_token", own)][..],
        &[("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token", own), ("actor_token_type", ID_TOKEN)],
        &[("actor_token", own), ("actor_token", own), ("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token", "garbage"), ("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token", text(&others, "access_token")), ("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token", &received), ("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token", &exchanged_before), ("actor_token_type", ACCESS_TOKEN)],
    ] {
        exchange(&t, "notes", &received, actor).await.refused(400, "invalid_request");
    }
    for malformed in [
        &[("subject_token", "")][..],
        &[("subject_token_type", "")],
        &[("subject_token_type", "access_token")],
        &[("requested_token_type", ID_TOKEN)],
        &[("requested_token_type", REFRESH_TOKEN)],
        &[("requested_token_type", "urn:ietf:params:oauth:token-type:saml2")],
        &[("subject_token", &received), ("subject_token", &received)],
    ] {
        exchange(&t, "notes", &received, malformed).await.refused(400, "invalid_request");
    }
    assert_eq!(exchanges(&t).await.len(), 1);
}

#[tokio::test]
async fn attack_76_a_target_that_is_unknown_or_closed_is_an_invalid_target() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    for target in [
        &[("audience", "https://elsewhere.example")][..],
        &[("audience", "other")],
        &[("resource", "https://other.example/mcp#x")],
        &[("resource", "/mcp")],
        &[("resource", "https://auth.example")],
        &[("resource", OTHER), ("audience", "https://elsewhere.example")],
        // Known, but not by a rule for this client and this token.
        &[("resource", THIRD)],
        &[("resource", MCP)],
        &[("resource", OTHER), ("resource", THIRD)],
    ] {
        exchange(&t, "notes", &received, target).await.refused(400, "invalid_target");
    }
    // The rule is about tokens of another audience.
    exchange(&t, "other", &received, &[("resource", THIRD)]).await.refused(400, "invalid_target");
    let client = t.public_client("c", &[CALLBACK]).await;
    let ours = t.tokens(&client, &[("scope", "openid")]).await;
    exchange(&t, "notes", text(&ours, "access_token"), &[]).await.refused(400, "invalid_target");
    assert!(exchanges(&t).await.is_empty());
}

#[tokio::test]
async fn attack_76_a_wider_scope_is_an_invalid_scope() {
    let t = start("").await;
    let received = allowed(&t, "openid mcp:read offline_access").await;
    for scope in [
        "other:write",
        "other:read other:write",
        "other:admin",
        "mcp:read",
        "openid",
        "offline_access",
        "other:read openid",
        "other:read  other:read",
        "unknown",
    ] {
        exchange(&t, "notes", &received, &[("scope", scope)]).await.refused(400, "invalid_scope");
    }
    // What it holds is worth nothing there. It was allowed nothing before, which its token would carry too.
    let t = start("").await;
    let there = exchanged(&exchange(&t, "notes", &allowed(&t, "mcp:write").await, &[]).await);
    exchange(&t, "other", &there, &[("resource", THIRD)]).await.refused(400, "invalid_scope");
    exchange(&t, "other", &there, &[("resource", MCP)]).await.refused(400, "invalid_scope");
    assert_eq!(exchanges(&t).await.len(), 1);
    assert!(is_active_there(&t, &there).await);
}

#[tokio::test]
async fn attack_76_whoever_has_no_rule_learns_nothing_about_a_token() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let mut same = vec![];
    for token in [received.as_str(), "garbage"] {
        let answer = exchange(&t, "bystander", token, &[("resource", OTHER)]).await;
        answer.refused(400, "unauthorized_client");
        same.push(answer.body);
    }
    assert_eq!(same[0], same[1]);
    // The app that the person allowed is public, and did not register the grant.
    let form = [
        ("grant_type", GRANT_TYPE),
        ("client_id", "c"),
        ("subject_token", &received),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    t.post("/token", &form).await.refused(400, "unauthorized_client");
    let wrong = [("authorization", basic("notes", "not the secret of this client"))];
    let wrong = wrong.each_ref().map(|(name, value)| (*name, value.as_str()));
    t.post_with("/token", &form[2..], &wrong).await.refused(401, "invalid_client");
    t.post("/token", &[&form[..1], &form[2..], &[("client_id", "notes")]].concat())
        .await
        .refused(401, "invalid_client");
    assert!(exchanges(&t).await.is_empty());
}

#[tokio::test]
async fn attack_76_even_a_public_client_with_a_rule_and_the_grant_exchanges_nothing() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let mut notes = keyward::storage::clients::find(&t.db, &ClientId::from("notes")).await.unwrap().unwrap();
    notes.metadata.token_endpoint_auth_method = keyward::model::AuthMethod::None;
    notes.secret_hash = None;
    keyward::storage::clients::put_seed(&t.db, &notes).await.unwrap();
    t.app.clients.forget_all();
    let form = [
        ("grant_type", GRANT_TYPE),
        ("client_id", "notes"),
        ("subject_token", &received),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    t.post("/token", &form).await.refused(400, "unauthorized_client");
    assert!(exchanges(&t).await.is_empty());
}

#[tokio::test]
async fn attack_83_a_client_that_registers_itself_does_not_get_token_exchange() {
    let t = start("registration.client_credentials = true").await;
    let alone = json!({"grant_types": [GRANT_TYPE], "client_name": "Bot"});
    t.register(&alone).await.refused(400, "invalid_client_metadata");
    let beside = json!({"grant_types": [GRANT_TYPE, "authorization_code"], "redirect_uris": [CALLBACK]});
    assert_eq!(t.register(&beside).await.json()["grant_types"], json!(["authorization_code"]));
}
