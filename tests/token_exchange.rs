//! Exchanging a received token for one that the next server accepts (RFC 8693).
use crate::support::{
    app::{CALLBACK, ISSUER, MCP, OTHER, TestApp, basic},
    bound::bound,
    client_credentials::ask,
    dpop::DpopKey,
    token_exchange::{
        ACCESS_TOKEN, GRANT_TYPE, JWT, SECRET, THIRD, allowed, exchange, exchange_with, exchanged, exchanges,
        is_active_there, start,
    },
    tokens::text,
};
use keyward::{
    model::{ClientId, GrantId},
    storage::{clients, grants},
};
use serde_json::{Value, json};
use time::Duration;

fn claims(token: &str) -> Value {
    TestApp::claims(&json!(token))
}

#[tokio::test]
async fn an_opaque_token_is_exchanged_like_any_other_and_for_one_that_names_the_actor() {
    let opaque = "resources.main.access_token_format = 'opaque'\nresources.other.access_token_format = 'opaque'";
    let t = start(opaque).await;
    let received = allowed(&t, "mcp:read").await;
    assert!(received.starts_with("kwa_"));
    let answer = exchange(&t, "notes", &received, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let exchanged = answer.json();
    let said = t.introspect_as("other-server", "other-server-secret", text(&exchanged, "access_token")).await.json();
    assert_eq!((&said["active"], &said["act"]["sub"]), (&json!(true), &json!("notes")), "{said}");
    assert!(said["exp"].as_i64() <= t.introspect(&received).await.json()["exp"].as_i64());
}

#[tokio::test]
async fn an_mcp_server_exchanges_the_token_it_received_for_one_of_its_own_at_the_next() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read mcp:write").await;
    let answer = exchange(&t, "notes", &received, &[("resource", OTHER), ("scope", "other:read")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let tokens = answer.json();
    let members: Vec<_> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "issued_token_type", "scope", "token_type"]);
    assert_eq!(tokens["issued_token_type"], ACCESS_TOKEN);
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("Bearer"), &json!("other:read")));

    let (before, after) = (claims(&received), claims(text(&tokens, "access_token")));
    for same in ["sub", "preferred_username", "auth_time", "grant_id", "exp"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!((&after["iss"], &after["aud"], &after["client_id"]), (&json!(ISSUER), &json!(OTHER), &json!("notes")));
    assert_eq!((&after["scope"], &after["act"]), (&json!("other:read"), &json!({"sub": "notes"})));
    assert_ne!(after["jti"], before["jti"]);

    let seen = t.introspect_as("other-server", "other-server-secret", text(&tokens, "access_token")).await.json();
    assert_eq!((&seen["active"], &seen["act"]), (&json!(true), &json!({"sub": "notes"})));
    assert_eq!((&seen["username"], &seen["client_id"]), (&json!("alice"), &json!("notes")));
    // Not the server that was called first.
    assert_eq!(t.introspect(text(&tokens, "access_token")).await.json(), json!({"active": false}));
    let told = json!({
        "actor": "notes", "subject": before["sub"], "subject_jti": before["jti"], "subject_client_id": "c",
        "from": MCP, "resource": OTHER, "scope": "other:read",
    });
    assert_eq!(exchanges(&t).await, [told]);
}

#[tokio::test]
async fn without_a_scope_it_is_worth_what_the_rule_and_the_persons_role_say() {
    let t = start("").await;
    for (scope, worth) in [("mcp:read", "other:read"), ("mcp:write openid mcp:read", "other:write other:read")] {
        let received = allowed(&t, scope).await;
        let answer = exchange(&t, "notes", &received, &[("resource", OTHER)]).await;
        assert_eq!(answer.json()["scope"], worth, "{scope}");
    }
    // Where the rule says nothing, names are what counts.
    let there = exchanged(&exchange(&t, "notes", &allowed(&t, "mcp:read mcp:write").await, &[]).await);
    let third = exchange(&t, "other", &there, &[("resource", THIRD)]).await;
    assert_eq!(third.json()["scope"], "other:read");
    // An administrator's token is worth more.
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut root = t.signed_in("root").await;
    let path = crate::support::app::authorize_path(&client, &[("scope", "mcp:read")]);
    let code = root.approve(&path).await.returned("code").unwrap();
    let received = t.redeem(&client, &code).await.json();
    let answer = exchange(&t, "notes", text(&received, "access_token"), &[]).await;
    assert_eq!(answer.json()["scope"], "other:read other:admin");
}

#[tokio::test]
async fn the_target_may_be_called_resource_or_audience_or_be_the_only_one_there_is() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let loud = "HTTPS://OTHER.example/mcp";
    for target in [
        &[("audience", OTHER)][..],
        &[("resource", OTHER), ("audience", OTHER)],
        &[("resource", loud), ("resource", OTHER)],
        &[],
    ] {
        let token = exchanged(&exchange(&t, "notes", &received, target).await);
        assert_eq!(claims(&token)["aud"], OTHER, "{target:?}");
    }
    for named in [JWT, ACCESS_TOKEN] {
        let more = [("subject_token_type", named), ("requested_token_type", ACCESS_TOKEN)];
        assert_eq!(exchange(&t, "notes", &received, &more).await.status, 200, "{named}");
    }
    // Two are open to this one.
    let there = exchanged(&exchange(&t, "notes", &received, &[]).await);
    exchange(&t, "other", &there, &[]).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn it_never_outlives_the_token_it_was_exchanged_for() {
    let t = start("resources.main.access_token_lifetime = 900").await;
    let received = allowed(&t, "mcp:read").await;
    let fresh = exchange(&t, "notes", &received, &[]).await;
    assert_eq!(fresh.json()["expires_in"], 600);
    t.app.clock.advance(Duration::seconds(800));
    let late = exchange(&t, "notes", &received, &[]).await;
    assert_eq!(late.json()["expires_in"], 100);
    assert_eq!(claims(&exchanged(&late))["exp"], claims(&received)["exp"]);
    t.app.clock.advance(Duration::seconds(100));
    exchange(&t, "notes", &received, &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn each_further_exchange_puts_its_actor_around_those_before_and_eight_are_enough() {
    let t = start("").await;
    let first = exchanged(&exchange(&t, "notes", &allowed(&t, "mcp:read").await, &[]).await);
    let second = exchanged(&exchange(&t, "other", &first, &[("resource", THIRD)]).await);
    assert_eq!(claims(&second)["act"], json!({"sub": "other", "act": {"sub": "notes"}}));
    let mut token = exchanged(&exchange(&t, "other", &second, &[("resource", MCP)]).await);
    for client in ["notes", "other", "notes", "other", "notes"] {
        let target = if client == "notes" { OTHER } else { MCP };
        token = exchanged(&exchange(&t, client, &token, &[("resource", target)]).await);
    }
    exchange(&t, "other", &token, &[("resource", THIRD)]).await.refused(400, "invalid_request");
    assert_eq!(exchanges(&t).await.len(), 8);
}

#[tokio::test]
async fn an_actor_token_says_who_acts() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let own = ask(&t, "notes", SECRET, &[]).await.json();
    let actor = [("actor_token", text(&own, "access_token")), ("actor_token_type", JWT)];
    let token = exchanged(&exchange(&t, "notes", &received, &actor).await);
    assert_eq!(claims(&token)["act"], json!({"sub": "notes"}));
    // Somebody who is signed in at the client acts for somebody else.
    let mut client = clients::find(&t.db, &ClientId::from("notes")).await.unwrap().unwrap();
    client.metadata.grant_types.push("authorization_code".into());
    client.metadata.redirect_uris.push(CALLBACK.into());
    clients::put_seed(&t.db, &client).await.unwrap();
    t.app.clients.forget_all();
    let mut bob = t.signed_in("bob").await;
    let path = crate::support::app::authorize_path(&client.id, &[("scope", "mcp:read")]);
    let code = bob.approve(&path).await.returned("code").unwrap();
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", crate::support::app::VERIFIER)];
    let bobs = t.post_with("/token", &form, &[("authorization", &basic("notes", SECRET))]).await.json();
    let actor = [("actor_token", text(&bobs, "access_token")), ("actor_token_type", ACCESS_TOKEN)];
    let token = claims(&exchanged(&exchange(&t, "notes", &received, &actor).await));
    assert_eq!(token["act"], json!({"sub": t.user_named("bob").await.id.to_string()}));
    assert_eq!(token["sub"], t.user_named("alice").await.id.to_string());
}

#[tokio::test]
async fn may_act_names_the_only_ones_who_may_and_is_never_lost() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let limited = |may_act: Value| {
        let mut claims = claims(&received);
        claims["may_act"] = may_act;
        t.app.keys.sign("ES256", "at+jwt", &claims).unwrap()
    };
    for other in [json!({"sub": "other"}), json!({}), json!({"sub": "notes", "email": "notes@example"})] {
        exchange(&t, "notes", &limited(other), &[]).await.refused(400, "invalid_request");
    }
    let token = exchanged(&exchange(&t, "notes", &limited(json!({"sub": "notes", "iss": ISSUER})), &[]).await);
    assert_eq!(claims(&token)["may_act"], json!({"sub": "notes", "iss": ISSUER}));
    exchange(&t, "other", &token, &[("resource", THIRD)]).await.refused(400, "invalid_request");
    assert_eq!(exchanges(&t).await.len(), 1);
}

#[tokio::test]
async fn a_proof_binds_the_new_token_and_a_bound_token_needs_one_by_its_key() {
    let t = start("").await;
    let (key, thief) = (DpopKey::es256(), DpopKey::es256());
    let token = allowed(&t, "mcp:read").await;
    let answer = exchange_with(&t, "notes", &token, &[], &[("dpop", &key.token_proof(&t))]).await;
    assert_eq!(answer.json()["token_type"], "DPoP");
    assert_eq!(claims(&exchanged(&answer))["cnf"], json!({"jkt": key.thumbprint()}));

    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = bound(&t, &client, &key, &[("scope", "mcp:read")]).await;
    let token = text(&tokens, "access_token");
    exchange(&t, "notes", token, &[]).await.refused(400, "invalid_request");
    let stolen = exchange_with(&t, "notes", token, &[], &[("dpop", &thief.token_proof(&t))]).await;
    stolen.refused(400, "invalid_request");
    assert_eq!(exchanges(&t).await.len(), 1);
    let answer = exchange_with(&t, "notes", token, &[], &[("dpop", &key.token_proof(&t))]).await;
    assert_eq!(claims(&exchanged(&answer))["cnf"], json!({"jkt": key.thumbprint()}));
}

#[tokio::test]
async fn it_ends_with_the_grant_the_person_and_either_client() {
    let t = start("").await;
    let received = allowed(&t, "mcp:read").await;
    let alice = t.user_named("alice").await.id;
    let token = exchanged(&exchange(&t, "notes", &received, &[]).await);
    assert!(is_active_there(&t, &token).await);
    let now = t.app.clock.now();
    for id in ["c", "notes"].map(ClientId::from) {
        t.db.set_client_disabled(&id, Some(now)).await;
        t.app.clients.forget_all();
        assert!(!is_active_there(&t, &token).await, "{id}");
        t.db.set_client_disabled(&id, None).await;
        t.app.clients.forget_all();
    }
    t.db.set_user_disabled(alice, Some(now)).await;
    assert!(!is_active_there(&t, &token).await);
    t.db.set_user_disabled(alice, None).await;
    assert!(is_active_there(&t, &token).await);
    let grant = claims(&token)["grant_id"].as_str().unwrap().parse::<GrantId>().unwrap();
    assert!(grants::revoke(&t.db, grant, now).await.unwrap());
    assert!(!is_active_there(&t, &token).await);
    // So does what came of it.
    exchange(&t, "other", &token, &[("resource", THIRD)]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_clients_own_token_stays_its_own_in_an_exchange_and_has_no_role() {
    let t = start("").await;
    let own = ask(&t, "notes", SECRET, &[]).await.json();
    let there = exchanged(&exchange(&t, "notes", text(&own, "access_token"), &[]).await);
    let token = exchanged(&exchange(&t, "other", &there, &[("resource", MCP)]).await);
    let said = claims(&token);
    assert_eq!((&said["sub"], &said["client_id"]), (&json!("notes"), &json!("other")));
    assert_eq!(said["scope"], "mcp:read");
    assert!(said.get("grant_id").is_none() && said.get("preferred_username").is_none());
    assert_eq!(t.introspect(&token).await.json()["active"], true);
    t.db.set_client_disabled(&ClientId::from("notes"), Some(t.app.clock.now())).await;
    t.app.clients.forget_all();
    assert_eq!(t.introspect(&token).await.json(), json!({"active": false}));
}

#[tokio::test]
async fn it_is_offered_where_a_rule_says_for_whom_and_not_once_switched_off() {
    let offered = |t: TestApp| async move {
        let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
        let listed = metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT_TYPE));
        t.confidential_client("x", SECRET).await;
        let error = exchange(&t, "x", "t", &[]).await.json()["error"].as_str().unwrap().to_owned();
        (listed, error)
    };
    let no = || (false, "unsupported_grant_type".to_owned());
    assert_eq!(offered(start("").await).await, (true, "unauthorized_client".to_owned()));
    assert_eq!(offered(start(&format!("grants.off = ['{GRANT_TYPE}']")).await).await, no());
    assert_eq!(offered(TestApp::start().await).await, no());
}

#[test]
fn what_an_operator_got_wrong_about_it_is_told() {
    let rule = |resource: &str, rest: &str| format!("[[resources.{resource}.exchange]]\nclient = 'notes'\n{rest}");
    for (settings, told) in [
        (rule("other", "from = 'https://elsewhere.example'"), "https://elsewhere.example is not among the resources"),
        (rule("other", "from = 'https://mcp.example/mcp'\nscopes = { 'x' = 'other:read' }"), "scope x is not among"),
        (rule("other", "from = 'https://mcp.example/mcp'\nscopes = { 'mcp:read' = 'x' }"), "scope x is not among"),
        (rule("other", "from = 'https://mcp.example/mcp'\nscopes = { 'mcp:read' = 'a  b' }"), "no list of scopes"),
        (rule("other", "form = 'https://mcp.example/mcp'"), "form"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyward.toml");
        let whole = format!(
            "issuer = '{ISSUER}'\ndefault_resource = 'main'\n\
             [resources.main]\nidentifier = '{MCP}'\nscopes = {{ 'mcp:read' = 'Read' }}\n\
             [resources.other]\nidentifier = '{OTHER}'\nscopes = {{ 'other:read' = 'Read' }}\n{settings}"
        );
        std::fs::write(&file, whole).unwrap();
        let error = keyward::config::Config::load("", Some(&file), [].into()).unwrap_err();
        assert!(format!("{error:#}").contains(told), "{settings}: {error:#}");
    }
    let public = format!("issuer = '{ISSUER}'\n[clients.mine]\ngrant_types = ['{GRANT_TYPE}']");
    let error = keyward::config::Config::load(&public, None, [].into()).unwrap_err();
    assert!(format!("{error:#}").contains("token-exchange needs a secret"), "{error:#}");
}
