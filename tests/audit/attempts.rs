//! Wrong passwords, secrets and codes in the trail: account, address and reason, but never the typed text.
use super::trail;
use crate::support::{
    app::{CALLBACK, PASSWORD, TestApp, basic, encode},
    browser::{borrowed, hidden},
    device,
    log::Log,
    peers::from,
};
use axum::http::Request;
use keyward::{
    model::{AuditEvent, ClientId, UserId},
    people::sign_in::sign_in,
};
use serde_json::json;
use std::net::IpAddr;

const HERE: [u8; 4] = [192, 0, 2, 7];
/// A password that was typed where the name goes.
const TYPED: &str = "Purple-Monkey-77-Dishwasher";

async fn of(t: &TestApp, name: &str) -> Vec<AuditEvent> {
    trail(t).await.into_iter().filter(|event| event.event_type == name).collect()
}

/// Whose account, why, and from where.
fn told(event: &AuditEvent) -> (Option<UserId>, &str, &str) {
    let reason = event.details["reason"].as_str().unwrap();
    (event.user_id, reason, event.ip_address.as_deref().unwrap())
}

async fn try_as(t: &TestApp, username: &str, password: &str) {
    let address = IpAddr::from(HERE);
    assert!(
        sign_in(&t.app, username, password, address, "", async |_| Ok(true)).await.is_ok_and(|user| user.is_none())
    );
}

#[tokio::test]
async fn a_failed_sign_in_says_whose_account_it_was_why_and_from_where() {
    let t = TestApp::start().await;
    t.db.outside("UPDATE users SET disabled_at = created_at WHERE username = 'bob'").await;
    let [alice, bob] = [t.user_named("alice").await.id, t.user_named("bob").await.id];
    for (username, password) in
        [("alice", "wrong horse"), ("bob", PASSWORD), ("bob", "wrong horse"), (TYPED, PASSWORD), ("Alice", "no")]
    {
        try_as(&t, username, password).await;
    }
    let failures = of(&t, "login_failure").await;
    let from = "192.0.2.7";
    assert_eq!(
        failures.iter().map(told).collect::<Vec<_>>(),
        [
            (Some(alice), "wrong_password", from),
            // What keeps out whoever has the right password.
            (Some(bob), "disabled", from),
            (Some(bob), "wrong_password", from),
            (None, "unknown", from),
            (Some(alice), "wrong_password", from),
        ]
    );
    assert!(failures.iter().all(|event| !event.success && event.level == "warning"));
}

#[tokio::test]
async fn a_name_that_nobody_has_is_written_nowhere_for_it_may_be_a_password() {
    let t = TestApp::start().await;
    let log = Log::listen();
    for _ in 0..7 {
        t.browser().sign_in(TYPED, PASSWORD, "/").await;
    }
    let trail = trail(&t).await;
    let failures: Vec<_> = trail.iter().filter(|event| !event.success).map(told_kind).collect();
    let unknown = ("login_failure", "unknown");
    assert_eq!(failures, [unknown, ("brute_force_detected", "unknown"), ("login_failure", "throttled"), FLOOD]);
    let (stored, logged) = (format!("{trail:?}"), format!("{:?}", log.lines("")));
    for text in [stored, logged] {
        assert!(!text.to_lowercase().contains(&TYPED.to_lowercase()) && !text.contains(PASSWORD), "{text}");
    }
}

const FLOOD: (&str, &str) = ("rate_limit_exceeded", "");

fn told_kind(event: &AuditEvent) -> (&str, &str) {
    (&event.event_type, event.details["reason"].as_str().unwrap_or(""))
}

#[tokio::test]
async fn an_account_that_begins_to_wait_is_named_and_so_is_whose_right_password_waits() {
    let t = TestApp::start().await;
    let alice = t.user_named("alice").await.id;
    for _ in 0..5 {
        try_as(&t, "alice", "wrong horse").await;
    }
    for _ in 0..3 {
        let refused = sign_in(&t.app, "alice", PASSWORD, HERE.into(), "", async |_| Ok(true)).await.unwrap_err();
        assert_eq!(refused.code, "too_many_requests");
    }
    let detected = of(&t, "brute_force_detected").await;
    assert_eq!(detected.iter().map(told).collect::<Vec<_>>(), [(Some(alice), "wrong_password", "192.0.2.7")]);
    assert_eq!(detected[0].details["account"], "user");
    let failures = of(&t, "login_failure").await;
    assert_eq!(told(failures.last().unwrap()), (Some(alice), "throttled", "192.0.2.7"));
    // Counted each for itself.
    keyward::audit::telling::tell_all(&t.app.audit).await;
    let mut more: Vec<_> = of(&t, "login_failure").await[failures.len()..]
        .iter()
        .map(|event| (event.details["more"].as_i64().unwrap(), event.details["reason"].clone(), event.user_id))
        .collect();
    more.sort_by_key(|(more, ..)| *more);
    assert_eq!(more, [(2, json!("throttled"), Some(alice)), (4, json!("wrong_password"), Some(alice))]);
}

#[tokio::test]
async fn what_is_counted_together_names_nobody_but_says_why() {
    let t = TestApp::start().await;
    for n in 0..15 {
        try_as(&t, &format!("nobody{n}"), PASSWORD).await;
    }
    for _ in 0..3 {
        try_as(&t, "alice", "wrong horse").await;
    }
    keyward::audit::telling::tell_all(&t.app.audit).await;
    let mut counted: Vec<_> =
        of(&t, "login_failure").await.into_iter().filter(|e| e.details["more"].is_i64()).collect();
    counted.sort_by_key(|event| event.details["more"].as_i64());
    let details: Vec<_> = counted.iter().map(|event| (&event.details, event.user_id)).collect();
    let (wrong, unknown) = (json!({"reason": "wrong_password", "more": 2}), json!({"reason": "unknown", "more": 4}));
    assert_eq!(details, [(&wrong, None), (&unknown, None)]);
}

#[tokio::test]
async fn guesses_at_clients_and_devices_say_whose_they_were_and_why() {
    let t = TestApp::start().await;
    let client = t.confidential_client("robot", "a secret").await;
    t.confidential_client("gone", "a secret").await;
    t.db.set_client_disabled(&ClientId::from("gone"), Some(t.app.clock.now())).await;
    t.app.clients.forget(&ClientId::from("gone"));
    t.public_client("public", &[CALLBACK]).await;
    for (id, secret) in [("robot", "wrong"), ("gone", "a secret"), (TYPED, "wrong"), ("public", "wrong")] {
        for _ in 0..6 {
            let form = encode(&[("grant_type", "client_credentials")]);
            let request = Request::post("/token")
                .header("authorization", basic(id, secret))
                .header("content-type", "application/x-www-form-urlencoded");
            t.send(from(HERE, request.body(form.into()).unwrap())).await;
        }
    }
    let mut bob = t.signed_in("bob").await;
    for _ in 0..8 {
        device::enter(&mut bob, "BCDF-GHJK").await;
    }
    let detected = of(&t, "brute_force_detected").await;
    let seen: Vec<_> =
        detected.iter().map(|event| (event.client_id.as_ref().map(ClientId::as_str), told(event))).collect();
    let bob = t.user_named("bob").await.id;
    assert_eq!(
        seen[..4],
        [
            (Some(client.as_str()), (None, "wrong_secret", "192.0.2.7")),
            (Some("gone"), (None, "disabled", "192.0.2.7")),
            (None, (None, "unknown", "192.0.2.7")),
            (Some("public"), (None, "wrong_secret", "192.0.2.7")),
        ]
    );
    assert_eq!(seen[4..], [(None, (Some(bob), "wrong_code", "127.0.0.1"))]);
    assert!(!format!("{:?}", trail(&t).await).contains(TYPED));
}

#[tokio::test]
async fn each_line_of_the_log_about_an_event_has_the_person_and_the_address() {
    let t = TestApp::start().await;
    let log = Log::listen();
    let alice = t.user_named("alice").await.id.to_string();
    let mut browser = t.browser();
    browser.sign_in("alice", "wrong horse", "/").await;
    browser.sign_in("alice", PASSWORD, "/").await;
    let page = browser.get("/logout").await;
    browser.post("/logout", &borrowed(&hidden(&page, "/logout"))).await;
    let lines = log.lines("audit");
    let seen: Vec<_> = lines.iter().map(|line| [&line["event_type"], &line["user"], &line["address"]]).collect();
    let (person, address) = (json!(alice), json!("127.0.0.1"));
    for (line, name) in seen.iter().zip(["login_failure", "login_success", "logout"]) {
        assert_eq!(*line, [&json!(name), &person, &address], "{lines:?}");
    }
    assert_eq!(seen.len(), 3);
    // Why is for the trail.
    assert!(!format!("{lines:?}").contains("wrong_password"));
}

#[tokio::test]
async fn a_revoked_access_token_says_whose_it_was() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    t.post("/revoke", &[("client_id", "c"), ("token", tokens["access_token"].as_str().unwrap())]).await;
    let revoked = of(&t, "token_revoked").await;
    assert_eq!(revoked[0].user_id, Some(t.user_named("alice").await.id));
}
