//! `/debug`: what was seen and how it is judged, for those who may look, and without secrets.
mod access;

use crate::{
    support::{TestServer, ask, call, view},
    surfaces::{SURFACES, credential, headers, mint, post},
};
use axum::http::HeaderMap;
use serde_json::{Value, json};

const VIEWS: [&str; 8] = ["tokens", "traces", "requests", "audit", "sessions", "policies", "surfaces", "config"];

#[tokio::test]
async fn requests_are_counted_by_surface_decision_and_status() {
    let t = TestServer::start().await;
    for _ in 0..2 {
        post(&t, "basic", credential(&t, "basic"), &call("echo", json!({"message": "a"}))).await;
    }
    post(&t, "api-key", HeaderMap::new(), &call("echo", json!({}))).await;
    t.post(&t.token("mcp:read"), &call("get_secret", json!({"key": "x"}))).await;
    let shown = ask(&t, "GET", "/metrics", [127, 0, 0, 1], HeaderMap::new(), String::new()).await;
    assert!(shown.header("content-type").unwrap().starts_with("text/plain"), "{shown:?}");
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let text = String::from_utf8_lossy(&shown.body).into_owned();
    for line in [
        "requests_total{decision=\"allowed\",status=\"200\",surface=\"basic\"} 2",
        "requests_total{decision=\"refused\",status=\"401\",surface=\"api-key\"} 1",
        "refusals_total{error=\"unauthorized\",surface=\"api-key\"} 1",
        "refusals_total{error=\"insufficient_scope\",surface=\"oauth\"} 1",
        "request_duration_seconds_count{surface=\"basic\"} 2",
    ] {
        let line = format!("keyward_resource_server_{line}");
        assert!(text.lines().any(|one| one == line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn requests_tell_who_asked_for_what_and_which_check_failed() {
    let t = TestServer::start().await;
    post(&t, "basic", credential(&t, "basic"), &call("echo", json!({"message": "a"}))).await;
    post(&t, "api-key", HeaderMap::new(), &call("echo", json!({}))).await;
    post(&t, "basic", credential(&t, "basic"), &call("echo", json!({}))).await;
    post(&t, "basic", credential(&t, "basic"), &call("write_note", json!({"key": "k", "content": "rm -rf"}))).await;
    t.post(&t.token("mcp:read"), &call("get_secret", json!({"key": "x"}))).await;
    t.post(&t.token("mcp:read"), &json!([])).await;
    post(&t, "no-auth", headers(&[("origin", "https://evil.example")]), &call("echo", json!({}))).await;
    let expected = [
        ("no-auth", "refused", json!("origin"), Value::Null, 403),
        ("oauth", "refused", json!("message"), Value::Null, 400),
        ("oauth", "refused", json!("scope"), json!("get_secret"), 403),
        ("basic", "refused", json!("policy"), json!("write_note"), 200),
        ("basic", "refused", json!("schema"), json!("echo"), 200),
        ("api-key", "refused", json!("credential"), Value::Null, 401),
        ("basic", "allowed", Value::Null, json!("echo"), 200),
    ];
    let seen = view(&t, "requests").await["requests"].as_array().unwrap().clone();
    assert_eq!(seen.len(), expected.len());
    for (seen, (surface, decision, check, tool, status)) in seen.iter().zip(expected) {
        let parts = (&seen["surface"], &seen["decision"], &seen["failed_check"], &seen["tool"], &seen["status"]);
        assert_eq!(parts, (&json!(surface), &json!(decision), &check, &tool, &json!(status)), "{seen}");
    }
    assert_eq!(seen[6]["subject"], "testuser");
    assert_eq!(seen[6]["arguments"], json!(["message"]));
    assert_eq!(view(&t, "requests?limit=2").await["requests"].as_array().unwrap().len(), 2);
    assert_eq!(view(&t, "requests?client_id=c1").await["requests"].as_array().unwrap().len(), 2);
    assert_eq!(view(&t, "requests?since=2999-01-01T00:00:00Z").await["requests"], json!([]));
}

#[tokio::test]
async fn tokens_are_shown_once_each_by_their_hash_and_whether_they_were_accepted() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    for _ in 0..2 {
        t.post(&token, &call("ping", json!({}))).await;
    }
    t.post("wrong", &call("ping", json!({}))).await;
    let tokens = view(&t, "tokens").await["tokens"].clone();
    assert_eq!(tokens.as_array().unwrap().len(), 2);
    assert_eq!((&tokens[0]["accepted"], &tokens[1]["accepted"]), (&json!(false), &json!(true)));
    assert_eq!((&tokens[1]["client_id"], &tokens[1]["scope"]), (&json!("c1"), &json!("mcp:read")));
    assert_eq!(tokens[1]["token_hash"].as_str().unwrap().len(), 12);
    let traces = async |query: &str| view(&t, &format!("traces?{query}")).await["traces"].as_array().unwrap().clone();
    let all = traces("").await;
    let types: Vec<_> = all.iter().map(|trace| trace["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["rs_token_rejected", "rs_token_accepted", "rs_token_accepted"]);
    assert_eq!((&all[0]["result"], &all[0]["rule"]), (&json!("failure"), &json!("invalid_token")));
    assert_eq!(
        (&all[1]["result"], &all[1]["client_id"], &all[1]["rule"]),
        (&json!("success"), &json!("c1"), &Value::Null)
    );
    assert_eq!(traces("event_type=rs_token_rejected").await.len(), 1);
    assert_eq!(traces("limit=1&event_type=rs_token_accepted").await.len(), 1);
}

#[tokio::test]
async fn refusals_and_calls_are_audited_and_first_contacts_are_not() {
    let t = TestServer::start().await;
    post(&t, "basic", HeaderMap::new(), &call("echo", json!({}))).await;
    post(&t, "basic", credential(&t, "basic"), &call("echo", json!({"message": "a"}))).await;
    post(&t, "basic", credential(&t, "api-key"), &call("echo", json!({"message": "a"}))).await;
    post(&t, "basic", headers(&[("authorization", "Basic eDp5")]), &call("echo", json!({"message": "a"}))).await;
    post(&t, "basic", credential(&t, "basic"), &call("write_note", json!({"key": "k", "content": "rm -rf"}))).await;
    let events = view(&t, "audit").await["audit_events"].as_array().unwrap().clone();
    let types: Vec<_> = events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["policy_denied", "access_denied", "mcp_request"]);
    assert_eq!((&events[0]["user_id"], &events[0]["action"]), (&json!("testuser"), &json!("write_note")));
    assert_eq!((&events[2]["success"], &events[0]["success"]), (&json!(true), &json!(false)));
    assert_eq!(events[1]["client_info"]["surface"], "basic");
    t.post(&t.token("mcp:read"), &call("ping", json!({}))).await;
    t.clock.advance(time::Duration::minutes(10));
    t.post(&t.token_with(json!({"client_id": "c2"})), &call("whoami", json!({}))).await;
    let since = t.clock.now().format(&time::format_description::well_known::Rfc3339).unwrap();
    for (query, expected) in [
        ("limit=1", &["whoami"][..]),
        ("client_id=c1", &["ping"]),
        ("client_id=nobody", &[]),
        ("event_type=policy_denied", &["write_note"]),
        ("event_type=mcp_request", &["whoami", "ping", "echo"]),
        (&format!("since={since}"), &["whoami"]),
        (&format!("since={since}&client_id=c1"), &[]),
    ] {
        let found = view(&t, &format!("audit?{query}")).await["audit_events"].as_array().unwrap().clone();
        let actions: Vec<_> = found.iter().map(|event| event["action"].as_str().unwrap()).collect();
        assert_eq!(actions, expected, "{query}");
    }
}

#[tokio::test]
async fn no_secret_that_was_brought_is_ever_shown() {
    let t = TestServer::start().await;
    let mut secrets = vec!["testpass123".to_owned(), "hunter2".to_owned()];
    for surface in SURFACES {
        for own in SURFACES {
            let brought = credential(&t, own);
            let words = brought.values().flat_map(|value| value.to_str().unwrap().split(' ').map(str::to_owned));
            secrets.extend(words.filter(|word| word.len() > 10 && !word.starts_with("Bearer")));
            post(&t, surface, brought, &call("write_note", json!({"key": "k", "content": "hunter2"}))).await;
        }
    }
    let minted = mint(&t, "").await.json();
    let minted = headers(&[("authorization", &format!("Bearer {}", minted["access_token"].as_str().unwrap()))]);
    secrets.push(minted["authorization"].to_str().unwrap()[7..].to_owned());
    post(&t, "bearer-token", minted, &call("ping", json!({}))).await;
    for name in VIEWS {
        let shown = view(&t, &format!("{name}?limit=1000")).await.to_string();
        for secret in &secrets {
            assert!(!shown.contains(secret.as_str()), "{name} shows {secret}");
        }
    }
}

#[tokio::test]
async fn sessions_and_rules_and_settings_describe_themselves() {
    let t = TestServer::start().await;
    let opened = t.post(&t.token("mcp:read"), &crate::support::initialize("2025-11-25")).await;
    let session = opened.header("mcp-session-id").unwrap();
    let sessions = view(&t, "sessions").await["sessions"].clone();
    assert_eq!((&sessions[0]["surface"], &sessions[0]["client_id"]), (&json!("oauth"), &json!("c1")));
    assert!(!sessions.to_string().contains(session));
    assert_eq!(view(&t, "surfaces").await["surfaces"].as_array().unwrap().len(), SURFACES.len());
    let policies = view(&t, "policies").await["policies"].clone();
    assert_eq!(policies[0]["rule"]["tool"], "write_note");
    assert_eq!(view(&t, "config").await["admin_token"], json!({"set": false}));
}

#[tokio::test]
async fn a_parameter_that_a_view_does_not_have_is_refused_by_name_with_those_it_has() {
    let t = TestServer::start().await;
    for name in VIEWS {
        let of_events = ["traces", "audit"].contains(&name);
        let known = if of_events {
            json!(["limit", "client_id", "since", "event_type"])
        } else {
            json!(["limit", "client_id", "since"])
        };
        for wrong in ["clientid", "Limit", "event_types", if of_events { "until" } else { "event_type" }] {
            let path = format!("/debug/{name}?limit=1&{wrong}=x");
            let answer = ask(&t, "GET", &path, [127, 0, 0, 1], HeaderMap::new(), String::new()).await;
            let said = answer.json();
            assert_eq!((answer.status.as_u16(), &said["error"]), (400, &json!("invalid_request")), "{path}");
            assert_eq!((&said["parameter"], &said["known"]), (&json!(wrong), &known), "{path}");
        }
    }
}

#[tokio::test]
async fn attack_130_a_date_at_the_edge_of_its_type_is_refused_and_nothing_breaks() {
    let t = TestServer::start().await;
    let dates = ["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00%2B23:59", "yesterday", ""];
    for name in VIEWS {
        for wrong in dates.map(|date| format!("since={date}")).iter().map(String::as_str).chain([
            "limit=-1",
            "limit=18446744073709551616",
            "limit=1&limit=2",
        ]) {
            let path = format!("/debug/{name}?{wrong}");
            let answer = ask(&t, "GET", &path, [127, 0, 0, 1], HeaderMap::new(), String::new()).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("invalid_request")), "{path}");
        }
        view(&t, &format!("{name}?since=1970-01-01T23:59:59%2B23:59&limit=18446744073709551615")).await;
    }
    let now = t.clock.now().unix_timestamp();
    for edge in [json!(i64::MAX), json!(i64::MIN), json!(253_402_300_799_i64), json!(-1), json!(1e300), json!(null)] {
        assert!(t.judge(&t.token_with(json!({"exp": edge}))).await.is_err(), "exp {edge}");
        if !edge.is_null() {
            assert!(t.judge(&t.token_with(json!({"auth_time": edge}))).await.is_err(), "auth_time {edge}");
        }
    }
    for ahead in [json!(i64::MAX), json!(253_402_300_799_i64), json!(now + 60)] {
        assert!(t.judge(&t.token_with(json!({"iat": ahead}))).await.is_err(), "iat {ahead}");
        assert!(t.judge(&t.token_with(json!({"nbf": ahead}))).await.is_err(), "nbf {ahead}");
    }
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
}

#[tokio::test]
async fn attack_123_a_secret_in_any_name_is_shown_nowhere() {
    let t = TestServer::start().await;
    let (key, opaque) = ("test-api-key-12345", "Zx9-an-opaque-token-of-somebody");
    let encoded = |text: &str| text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"));
    let names = ["{}", ":{}", "a/{}|b", "x@{}%", "Bearer {}", "read_{}s"].map(|around| around.replace("{}", key));
    for name in names.into_iter().chain([encoded(key), encoded(&encoded(key)), opaque.to_owned()]) {
        let message = call(&name, json!({&name: name}));
        let claims = json!({"sub": name, "preferred_username": name, "client_id": name, "aud": format!("{}/mcp/oauth", crate::support::ORIGIN)});
        t.post(&t.token_with(claims), &message).await;
        for surface in ["basic", "no-auth", "api-key"] {
            let mut with = credential(&t, surface);
            with.extend(headers(&[("user-agent", &name), ("x-request-id", key)]));
            post(&t, surface, with, &message).await;
        }
        // Wrong ones, which are in no configuration.
        post(
            &t,
            "api-key",
            headers(&[("authorization", &format!("Bearer {opaque}")), ("user-agent", opaque)]),
            &call(opaque, json!({})),
        )
        .await;
        let question = json!({"surface": "api-key", "tool": name, "token": name}).to_string();
        let explained = ask(&t, "POST", "/debug/explain", [127, 0, 0, 1], HeaderMap::new(), question).await;
        assert!(explained.status != 200 || !String::from_utf8_lossy(&explained.body).contains(key), "{explained:?}");
        t.clock.advance(time::Duration::minutes(1));
    }
    for name in VIEWS {
        let shown = view(&t, &format!("{name}?limit=1000")).await.to_string();
        for secret in [key, &encoded(key), &encoded(&encoded(key))] {
            assert!(!shown.contains(secret), "{name} shows {secret}: {shown}");
        }
    }
    let requests = view(&t, "requests?limit=1000").await;
    let refused = requests["requests"].as_array().unwrap().iter().filter(|request| request["status"] == 401);
    assert!(!refused.map(Value::to_string).any(|request| request.contains(opaque)), "{requests}");
}
