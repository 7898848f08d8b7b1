//! The operators' endpoints: what `/debug`, `/metrics` and `/ready` answer, and to whom.
mod access;
mod traces;

use crate::support::{
    app::{Answer, CALLBACK, MCP, PASSWORD, TestApp, VERIFIER, authorize_path},
    db::fresh_db,
    device::{self, poll_later},
};
use axum::{body::Body, http::Request};
use keyward::{model::ClientId, secrets::Digest};
use serde_json::{Value, json};

/// As the demo is: whoever is on this machine may look.
async fn open(more: &str) -> TestApp {
    TestApp::prepared(fresh_db().await, more, |app| app.config.debug.this_machine = true).await
}

async fn look(t: &TestApp, path: &str) -> Answer {
    t.send(Request::get(path).header("host", "127.0.0.1:8999").body(Body::empty()).unwrap()).await
}

/// The rows of a view.
async fn rows(t: &TestApp, view: &str, member: &str) -> Vec<Value> {
    let answer = look(t, &format!("/debug/{view}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    answer.json()[member].as_array().unwrap_or_else(|| panic!("no {member}: {answer:?}")).clone()
}

fn hash(secret: &str) -> String {
    Digest::of(secret).as_bytes()[..6].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Only these members.
#[track_caller]
fn has(row: &Value, members: &[(&str, Value)]) {
    for (name, value) in members {
        assert_eq!(row[name], *value, "{name} of {row}");
    }
}

async fn agent(t: &TestApp) -> ClientId {
    let registered = t
        .register(&json!({"client_name": "Agent", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"]}))
        .await;
    ClientId::from(registered.json()["client_id"].as_str().unwrap())
}

#[tokio::test]
async fn a_code_its_approval_its_grant_and_its_client_are_shown_as_they_stand() {
    let t = open("").await;
    let (client, alice) = (agent(&t).await, t.user_named("alice").await.id.to_string());
    let code = t.code(&client, &[("scope", "mcp:read mcp:write"), ("resource", MCP)]).await;
    let codes = rows(&t, "authorizations", "authorizations").await;
    let expected = json!({"code_hash": hash(&code), "client_id": client, "scope": "mcp:read mcp:write",
        "resource": MCP, "expires_at": codes[0]["expires_at"], "used": false});
    assert_eq!(codes, [expected]);
    assert!(codes[0]["expires_at"].as_str().unwrap().ends_with('Z'), "{codes:?}");
    let refresh = t.redeem(&client, &code).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(rows(&t, "authorizations", "authorizations").await[0]["used"], true);

    let approvals = rows(&t, "approvals", "approvals").await;
    let expected = json!({"client_id": client, "scope": "mcp:read mcp:write", "decision": "approved", "mode": "page",
        "subject": alice, "timestamp": approvals[0]["timestamp"]});
    assert_eq!(approvals, [expected]);
    let audited = rows(&t, "audit?event_type=approval", "audit_events").await;
    has(&audited[0], &[("resource", json!(MCP)), ("action", json!("page")), ("username", json!("alice"))]);
    t.signed_in("bob").await.decide(&authorize_path(&client, &[]), "deny").await;
    let denied = &rows(&t, "approvals", "approvals").await[0];
    has(denied, &[("decision", json!("denied")), ("mode", json!("page")), ("scope", json!("mcp:read"))]);

    assert_eq!(t.refresh(&client, &refresh).await.status, 200);
    let grant = &rows(&t, "grants", "grants").await[0];
    has(grant, &[("client_id", json!(client)), ("subject", json!(alice)), ("resource", json!(MCP))]);
    has(grant, &[("grant_type", json!("authorization_code")), ("generation", json!(2)), ("revoked_at", Value::Null)]);
    t.post("/revoke", &[("client_id", client.as_str()), ("token", &refresh)]).await;
    assert!(rows(&t, "grants", "grants").await[0]["revoked_at"].is_string());

    t.confidential_client("written", "a secret of the operator").await;
    let clients = rows(&t, "clients", "clients").await;
    let find = |id: &str| clients.iter().find(|row| row["client_id"] == id).unwrap();
    has(
        find(client.as_str()),
        &[("client_name", json!("Agent")), ("source", json!("dcr")), ("methods", json!(["none"]))],
    );
    has(find(client.as_str()), &[("redirect_uris", json!([CALLBACK])), ("has_client_secret", json!(false))]);
    has(find(client.as_str()), &[("grants", json!(["authorization_code", "refresh_token"]))]);
    has(find("written"), &[("source", json!("seed")), ("has_client_secret", json!(true))]);
    has(find("written"), &[("methods", json!(["client_secret_basic"]))]);
}

#[tokio::test]
async fn a_device_is_shown_from_its_code_to_its_tokens() {
    let t = open("").await;
    let (tv, mut alice) = (device::device_client(&t, "TV").await, t.signed_in("alice").await);
    let status = async || rows(&t, "devices", "devices").await[0]["status"].clone();
    let one = device::begin(&t, &tv, &[("scope", "mcp:read")]).await;
    let row = rows(&t, "devices", "devices").await.remove(0);
    has(&row, &[("device_code_hash", json!(hash(one["device_code"].as_str().unwrap()))), ("client_id", json!(tv))]);
    has(&row, &[("scope", json!("mcp:read")), ("resource", json!(MCP)), ("status", json!("pending"))]);
    device::decide(&mut alice, &one, "allow").await;
    assert_eq!(status().await, "approved");
    assert_eq!(poll_later(&t, &tv, &one).await.status, 200);
    assert_eq!(status().await, "redeemed");
    let two = device::begin(&t, &tv, &[]).await;
    device::decide(&mut alice, &two, "deny").await;
    assert_eq!(status().await, "denied");
    t.app.clock.advance(time::Duration::seconds(1));
    device::begin(&t, &tv, &[]).await;
    t.app.clock.advance(time::Duration::minutes(11));
    assert_eq!(status().await, "expired");
    let approvals = rows(&t, "approvals?client_id=nobody", "approvals").await;
    assert!(approvals.is_empty(), "{approvals:?}");
    let approvals = rows(&t, &format!("approvals?client_id={tv}"), "approvals").await;
    let modes: Vec<_> = approvals.iter().map(|row| (&row["decision"], &row["mode"])).collect();
    assert_eq!(modes, [(&json!("denied"), &json!("device")), (&json!("approved"), &json!("device"))]);
}

#[tokio::test]
async fn views_are_limited_filtered_and_newest_first() {
    let t = open("").await;
    let (first, second) = (agent(&t).await, device::device_client(&t, "TV").await);
    let events = rows(&t, "audit?event_type=registration", "audit_events").await;
    let of: Vec<_> = events.iter().map(|event| event["client_id"].as_str().unwrap()).collect();
    assert_eq!(of, [second.as_str(), first.as_str()]);
    has(&events[0], &[("level", json!("info")), ("success", json!(true))]);
    let client_info = json!({"ip_address": "127.0.0.1", "user_agent": null, "transport": "http", "surface": null});
    assert_eq!(events[0]["client_info"], client_info);
    t.signed_in("alice").await;
    has(
        &rows(&t, "audit", "audit_events").await[0],
        &[("event_type", json!("login_success")), ("username", json!("alice"))],
    );

    assert_eq!(rows(&t, "audit?limit=1", "audit_events").await.len(), 1);
    assert_eq!(look(&t, "/debug/audit").await.json()["chain"], "ok");
    assert_eq!(rows(&t, &format!("traces?client_id={first}"), "traces").await.len(), 1);
    assert_eq!(rows(&t, "clients?limit=4000000000", "clients").await.len(), 2);
    t.app.clock.advance(time::Duration::hours(1));
    let since = (t.app.clock.now() - time::Duration::minutes(1)).format(&time::format_description::well_known::Rfc3339);
    let since = format!("since={}", since.unwrap());
    agent(&t).await;
    let newest = agent_named(&t, "Newest").await;
    for view in ["clients", "audit", "traces"] {
        let member = if view == "audit" { "audit_events" } else { view };
        let rows = rows(&t, &format!("{view}?{since}&client_id={newest}"), member).await;
        assert_eq!(rows.len(), 1, "{view}: {rows:?}");
        let none = self::rows(&t, &format!("{view}?{since}&client_id={first}"), member).await;
        // The same registration again is the same client: it came before, and was seen since.
        assert!(view == "traces" || none.is_empty(), "{view}: {none:?}");
    }
    for wrong in ["limit=-1", "limit=many", "since=yesterday", "limit=1&limit=2"] {
        look(&t, &format!("/debug/clients?{wrong}")).await.refused(400, "invalid_request");
    }
    look(&t, "/debug/nothing").await.refused(404, "not_found");
}

async fn agent_named(t: &TestApp, name: &str) -> ClientId {
    let registered = t.register(&json!({"client_name": name, "redirect_uris": [CALLBACK]})).await;
    ClientId::from(registered.json()["client_id"].as_str().unwrap())
}

#[tokio::test]
async fn of_the_configuration_everything_is_shown_but_its_secrets() {
    let secrets = [
        "an administrator's token",
        "an initial access token",
        "a client secret of 32 characters",
        "another client secret of 32 chars",
    ];
    let more = format!(
        "debug.admin_token = {:?}\nregistration.initial_access_token = {:?}\n\
         clients.own = {{ secret = {:?}, previous_secret = {:?} }}\ntokens.code_lifetime = 59",
        secrets[0], secrets[1], secrets[2], secrets[3]
    );
    let t = open(&more).await;
    let answer = look(&t, "/debug/config").await;
    let config = answer.json();
    has(&config["tokens"], &[("code_lifetime", json!(59)), ("access_token_format", json!("jwt"))]);
    let set = json!({"set": true});
    for place in [
        "/database/url",
        "/keys/master_key",
        "/debug/admin_token",
        "/registration/initial_access_token",
        "/clients/own/secret",
        "/clients/own/previous_secret",
        "/resources/main/introspection/secret",
    ] {
        assert_eq!(config.pointer(place), Some(&set), "{place}");
    }
    assert_eq!(config.pointer("/clients/own/jwks"), Some(&json!({"set": false})));
    let master = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for secret in secrets.into_iter().chain(["notes-server-secret", "other-server-secret", master, &t.db.url]) {
        assert!(!answer.body.contains(secret), "{secret} is told");
    }
}

#[tokio::test]
async fn counts_are_by_endpoint_grant_error_and_outcome() {
    let t = open("").await;
    let client = agent(&t).await;
    t.tokens(&client, &[]).await;
    t.redeem(&client, "unknown").await.refused(400, "invalid_grant");
    t.signed_in("bob").await.decide(&authorize_path(&client, &[]), "deny").await;
    t.browser().sign_in("alice", &format!("not {PASSWORD}"), "/").await;
    t.get("/somewhere/else").await.refused(404, "not_found");
    let answer = look(&t, "/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    assert_eq!(answer.header("cache-control"), "no-store");
    for line in [
        r#"keyward_requests_total{endpoint="/token",status="2xx"} 1"#,
        r#"keyward_requests_total{endpoint="/token",status="4xx"} 1"#,
        r#"keyward_requests_total{endpoint="none",status="4xx"} 1"#,
        r#"keyward_tokens_issued_total{grant_type="authorization_code"} 1"#,
        r#"keyward_refusals_total{error="invalid_grant"} 1"#,
        r#"keyward_refusals_total{error="access_denied"} 1"#,
        r#"keyward_sign_ins_total{result="failure"} 1"#,
        r#"keyward_sign_ins_total{result="success"} 2"#,
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line} is missing: {}", answer.body);
    }
}

#[tokio::test]
async fn ready_means_that_the_database_answers_and_keys_are_there() {
    let t = TestApp::start().await;
    let answer = t.get("/ready").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"status": "ready"})));
    t.db.close().await.unwrap();
    // An answer is believed for a second.
    t.app.clock.advance(time::Duration::seconds(2));
    let answer = t.get("/ready").await;
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
}

/// What was typed, sent or issued lies in no view.
#[tokio::test]
async fn no_view_holds_a_secret_after_every_flow() {
    let t = open("").await;
    let (client, tv) = (agent(&t).await, device::device_client(&t, "TV").await);
    let mut seen = vec![PASSWORD.to_owned(), VERIFIER.to_owned()];
    let code = t.code(&client, &[("scope", "mcp:read openid")]).await;
    t.redeem(&client, &format!("{code}x")).await;
    let tokens = t.redeem(&client, &code).await.json();
    let refreshed = t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.json();
    for answer in [&tokens, &refreshed] {
        let named = ["access_token", "refresh_token", "id_token"].iter().filter_map(|name| answer[name].as_str());
        seen.extend(named.map(str::to_owned));
    }
    t.redeem(&client, &code).await.refused(400, "invalid_grant");
    let device = device::begin(&t, &tv, &[]).await;
    let mut alice = t.signed_in("alice").await;
    device::decide(&mut alice, &device, "allow").await;
    let tokens = poll_later(&t, &tv, &device).await.json();
    seen.extend(
        [&device["device_code"], &device["user_code"], &tokens["access_token"], &tokens["refresh_token"]]
            .map(|secret| secret.as_str().unwrap().to_owned()),
    );
    seen.extend(alice.cookies.values().cloned());
    let secret = t.register(&json!({"redirect_uris": [CALLBACK]})).await.json()["client_secret"].clone();
    seen.push(secret.as_str().unwrap().to_owned());
    seen.push(code);
    for view in ["approvals", "audit", "authorizations", "clients", "config", "devices", "grants", "traces"] {
        let answer = look(&t, &format!("/debug/{view}?limit=1000")).await;
        assert_eq!(answer.status, 200, "{view}");
        for secret in &seen {
            let random = secret.rsplit('.').next().unwrap();
            let random = if random.starts_with("kw") { &random[4..] } else { random };
            assert!(!answer.body.contains(random), "{view} tells {secret}");
        }
    }
}

#[tokio::test]
async fn a_parameter_that_a_view_does_not_have_is_refused_by_name_with_those_it_has() {
    let t = open("").await;
    agent(&t).await;
    let before = t.db.number("SELECT count(*) FROM audit_events").await;
    for (asked, named, known) in [
        ("clients?evnt_type=x", "'evnt_type'", "limit, client_id, since"),
        ("clients?event_type=x", "'event_type'", "limit, client_id, since"),
        ("audit?limit=1&clientid=x", "'clientid'", "limit, client_id, since, event_type"),
        ("traces?until=", "'until'", "limit, client_id, since, event_type"),
        ("config?pretty", "'pretty'", "limit, client_id, since"),
        ("grants?Limit=5", "'Limit'", "limit, client_id, since"),
        ("audit?%1B%5B2J%22%5C%C3%BC%E2%80%AE=1", "'?u{1b}[2J????u{202e}'", "limit, client_id, since, event_type"),
    ] {
        let answer = look(&t, &format!("/debug/{asked}")).await;
        answer.refused(400, "invalid_request");
        let said = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert_eq!(said, format!("this view has no parameter {named}; it has {known}"), "{asked}");
    }
    let long = look(&t, &format!("/debug/audit?{}=1", "x".repeat(500))).await;
    assert!(long.body.len() < 300, "{long:?}");
    // What looks like a secret is shown to nobody.
    let token = "kwr_0123456789abcdefghijklmnopqrstuvwxyz";
    assert!(!look(&t, &format!("/debug/audit?{token}")).await.body.contains(token));
    look(&t, "/debug/nothing?what=1").await.refused(404, "not_found");
    assert_eq!(t.db.number("SELECT count(*) FROM audit_events").await, before);
}

#[tokio::test]
async fn attack_129_a_date_or_a_number_at_the_edge_of_its_type_is_refused_and_nothing_breaks() {
    let t = open("").await;
    let client = agent(&t).await;
    for view in ["approvals", "audit", "authorizations", "clients", "devices", "grants", "traces", "config"] {
        for wrong in [
            "since=9999-12-31T23:59:59-23:59",
            "since=9999-12-31T23:59:59Z",
            "since=0000-01-01T00:00:00%2B23:59",
            "since=%2B10000-01-01T00:00:00Z",
            "limit=18446744073709551616",
            "limit=4294967296",
        ] {
            look(&t, &format!("/debug/{view}?{wrong}")).await.refused(400, "invalid_request");
        }
        let first = look(&t, &format!("/debug/{view}?since=1970-01-01T23:59:59%2B23:59&limit=4294967295")).await;
        assert_eq!(first.status, 200, "{view}: {first:?}");
    }
    let mut alice = t.signed_in("alice").await;
    for (max_age, asked) in
        [("18446744073709551615", true), ("9223372036854775808", true), ("18446744073709551616", false)]
    {
        let answer = alice.get(&authorize_path(&client, &[("max_age", max_age)])).await;
        assert_eq!(answer.status == 200, asked, "{max_age}: {answer:?}");
        assert!(asked || answer.returned("error").as_deref() == Some("invalid_request"), "{answer:?}");
    }
}

#[tokio::test]
async fn attack_129_no_date_that_another_signed_is_beyond_what_can_be_counted_with() {
    let idp = crate::support::issuer::Trusting::start().await;
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for edge in
            [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(253_402_300_799_i64), json!(-1e300), json!(-1)]
        {
            let answer = idp.redeem(&idp.assertion(&json!({name: edge})), &[]).await;
            answer.refused(400, "invalid_grant");
        }
    }
    assert_eq!(idp.redeem(&idp.assertion(&json!({})), &[]).await.status, 200);
}
