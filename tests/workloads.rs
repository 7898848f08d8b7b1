//! Workloads, which authenticate with a token of their platform and need no client identifier (RFC 7523 §2.1).
use crate::support::{
    app::{ISSUER, MCP, OTHER, TestApp},
    client_key::ClientKey,
    dpop::DpopKey,
    platform::{PLATFORM, Platform, RULES},
};
use keyward::{
    clients::configured,
    config::Config,
    model::{ClientId, grant_type::JWT_BEARER},
    storage::audit_events,
};
use serde_json::json;
use std::collections::HashMap;
use time::Duration;

#[tokio::test]
async fn a_workload_gets_a_token_for_itself_with_what_its_platform_gave_it() {
    let ci = Platform::start().await;
    let answer = ci.ask(&ci.token(&json!({})), &[("resource", MCP)]).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("Bearer"), &json!("mcp:read mcp:admin")));
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none());
    let claims = TestApp::claims(&tokens["access_token"]);
    for (name, value) in [("sub", "deployer"), ("client_id", "deployer"), ("aud", MCP), ("iss", ISSUER)] {
        assert_eq!(claims[name], value);
    }
    let token = tokens["access_token"].as_str().unwrap();
    let seen = ci.t.introspect(token).await.json();
    assert_eq!((&seen["active"], &seen["sub"]), (&json!(true), &json!("deployer")));
    let trail = audit_events::recent(&ci.t.db, 10).await.unwrap();
    let event = trail.iter().find(|event| event.event_type == "workload_identified").unwrap();
    assert_eq!(event.client_id, Some(ClientId::from("deployer")));
    assert_eq!(event.details, json!({"issuer": PLATFORM, "subject": "repo:acme/app:ref:refs/heads/main"}));
}

#[tokio::test]
async fn issuer_and_token_endpoint_are_both_fine_as_audience_and_a_token_may_come_again() {
    let ci = Platform::start().await;
    for aud in [json!(ISSUER), json!([ISSUER]), json!(format!("{ISSUER}/token")), json!([format!("{ISSUER}/token")])] {
        let token = ci.token(&json!({"aud": aud}));
        for _ in 0..2 {
            assert_eq!(ci.ask(&token, &[]).await.status, 200, "{aud}");
        }
        ci.t.app.clock.advance(Duration::minutes(59));
        assert_eq!(ci.ask(&token, &[]).await.status, 200, "{aud}");
        ci.t.app.clock.advance(Duration::minutes(1));
        ci.ask(&token, &[]).await.refused(400, "invalid_grant");
    }
    let strict = Platform::with("single_use = true").await;
    let token = strict.token(&json!({}));
    assert_eq!(strict.ask(&token, &[]).await.status, 200);
    strict.ask(&token, &[]).await.refused(400, "invalid_grant");
    assert_eq!(strict.ask(&strict.token(&json!({})), &[]).await.status, 200);
}

#[tokio::test]
async fn each_rule_makes_its_own_client_with_its_own_scopes_and_resources() {
    let ci = Platform::start().await;
    let nightly = json!({"sub": "system:serviceaccount:jobs:nightly", "repository": null, "ref": null});
    let ask = async |more: &[(&str, &str)]| ci.ask(&ci.token(&nightly), more).await;
    let there = TestApp::claims(&ask(&[]).await.json()["access_token"]);
    assert_eq!(
        (&there["sub"], &there["aud"], &there["scope"]),
        (&json!("nightly"), &json!(OTHER), &json!("other:read"))
    );
    let here = TestApp::claims(&ask(&[("resource", MCP)]).await.json()["access_token"]);
    assert_eq!((&here["aud"], &here["scope"]), (&json!(MCP), &json!("mcp:read")));
    ask(&[("resource", MCP), ("scope", "mcp:write")]).await.refused(400, "invalid_scope");
    ask(&[("resource", "https://elsewhere.example")]).await.refused(400, "invalid_target");
    ask(&[("resource", MCP), ("resource", OTHER)]).await.refused(400, "invalid_target");

    let deploy = async |more: &[(&str, &str)]| ci.ask(&ci.token(&json!({})), more).await;
    assert_eq!(deploy(&[("scope", "mcp:read")]).await.json()["scope"], "mcp:read");
    // Whoever holds the broader scope may ask for the narrower.
    assert_eq!(deploy(&[("scope", "mcp:write")]).await.json()["scope"], "mcp:write");
    for scope in ["files:read", "mcp:read files:read", "openid", "offline_access"] {
        deploy(&[("scope", scope)]).await.refused(400, "invalid_scope");
    }
    deploy(&[("resource", OTHER)]).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn a_workload_binds_its_token_to_a_key_like_anybody() {
    let ci = Platform::start().await;
    let key = DpopKey::es256();
    let proof = key.proof("POST", &format!("{ISSUER}/token"), ci.t.app.clock.now());
    let token = ci.token(&json!({}));
    let form = [("grant_type", JWT_BEARER), ("assertion", token.as_str())];
    let tokens = ci.t.post_with("/token", &form, &[("dpop", &proof)]).await.json();
    assert_eq!(tokens["token_type"], "DPoP");
    assert_eq!(TestApp::claims(&tokens["access_token"])["cnf"]["jkt"], key.thumbprint());
}

#[tokio::test]
async fn a_disabled_one_and_one_whose_rule_is_gone_stay_out() {
    let ci = Platform::start().await;
    let tokens = ci.ask(&ci.token(&json!({})), &[]).await.json();
    let id = ClientId::from("deployer");
    ci.t.db.set_client_disabled(&id, Some(ci.t.app.clock.now())).await;
    ci.t.app.clients.forget_all();
    // A restart enables nobody.
    configured::write(&ci.t.app).await.unwrap();
    ci.ask(&ci.token(&json!({})), &[]).await.refused(400, "unauthorized_client");
    assert_eq!(ci.t.introspect(tokens["access_token"].as_str().unwrap()).await.json(), json!({"active": false}));
    ci.t.db.set_client_disabled(&id, None).await;
    let token = ci.token(&json!({}));
    let t = TestApp::on(ci.t.db, "").await;
    let form = [("grant_type", JWT_BEARER), ("assertion", token.as_str())];
    t.post("/token", &form).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn metadata_has_the_grant_but_no_profile_of_people_and_off_means_off() {
    let ci = Platform::start().await;
    let path = "/.well-known/oauth-authorization-server";
    let on = ci.t.get(path).await.body;
    assert!(on.contains(JWT_BEARER) && !on.contains("id-jag") && !on.contains(PLATFORM));
    let settings = format!(
        "grants.off = ['{}']\n[trusted_issuers.ci]\nissuer = '{PLATFORM}'\njwks = '{}'\n{RULES}",
        JWT_BEARER,
        ci.key.jwks()
    );
    let off = TestApp::with(&settings).await;
    configured::write(&off.app).await.unwrap();
    assert!(!off.get(path).await.body.contains(JWT_BEARER));
    let form = [("grant_type", JWT_BEARER), ("assertion", &ci.token(&json!({})))];
    off.post("/token", &form).await.refused(401, "invalid_client");
}

#[test]
fn what_an_operator_got_wrong_is_told_with_the_workloads_name() {
    let jwks = ClientKey::es256("k").jwks();
    for (rule, told) in [
        ("claims = {}", "without claims"),
        ("claims = { sub = '*' }", "claims.sub"),
        ("claims = { sub = '' }", "claims.sub"),
        ("claims = { sub = 'repo:*/app' }", "claims.sub"),
        ("claims = { sub = 'a' }\nclient = '01a1fe03-d5f8-73fb-ab92-db61dccc536a'", "UUID"),
        ("claims = { sub = 'a' }\nclient = 'robot'", "robot"),
        ("claims = { sub = 'a' }\nscope = 'a  b'", "scope"),
        ("claims = { sub = 'a' }\nresources = ['https://elsewhere.example']", "elsewhere"),
        ("claims = { sub = 'a' }\nscopes = 'a'", "scopes"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyward.toml");
        let settings = format!(
            "issuer = 'https://auth.example'\n[clients.robot]\nsecret = '0123456789abcdef0123456789abcdef'\n\
             [trusted_issuers.ci]\nissuer = '{PLATFORM}'\njwks = '{jwks}'\n[trusted_issuers.ci.workloads.mine]\n{rule}"
        );
        std::fs::write(&file, settings).unwrap();
        let error = format!("{:#}", Config::load("", Some(&file), HashMap::new()).unwrap_err());
        assert!(error.contains(told), "{rule}: {error}");
    }
}
