//! The audit trail: the events it records, and that nobody can change them unnoticed.
mod attempts;
mod settings;

use crate::support::{
    app::{CALLBACK, PASSWORD, TestApp, authorize_path},
    db::TestDb,
    device,
};
use keyward::{
    audit::{
        Event,
        chain::{self, ChainState},
        telling,
    },
    events::EventType,
    jobs,
    model::AuditEvent,
    storage::{audit_chain, audit_events},
};
use time::Duration;

/// All that happened, oldest first, once it is on disk.
async fn trail(t: &TestApp) -> Vec<AuditEvent> {
    chain::extend(&t.app.audit).await.unwrap();
    let mut events = audit_events::recent(&t.db, 10_000).await.unwrap();
    events.reverse();
    events
}

async fn names(t: &TestApp) -> Vec<String> {
    trail(t).await.into_iter().map(|event| event.event_type).collect()
}

async fn happen(t: &TestApp, count: usize) {
    for _ in 0..count {
        Event::new(EventType::ServerStart).record(&t.app.audit).await;
    }
    chain::extend(&t.app.audit).await.unwrap();
}

/// As somebody who can write to the database, but does not have the master key.
async fn tamper(db: &TestDb, sql: &'static str) {
    db.outside(sql).await;
}

#[tokio::test]
async fn what_a_client_gets_and_loses_is_in_the_trail_in_the_words_of_the_specification() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "mcp:read")]).await;
    let refresh = t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.json()["refresh_token"].clone();
    t.post("/revoke", &[("client_id", "c"), ("token", refresh.as_str().unwrap())]).await;
    let names = names(&t).await;
    for name in
        ["login_success", "approval", "authorization_code_issued", "token_issued", "token_refresh", "token_revoked"]
    {
        assert_eq!(names.iter().filter(|found| *found == name).count(), 1, "{name}: {names:?}");
    }
    let trail = trail(&t).await;
    let issued = trail.iter().find(|event| event.event_type == "token_issued").unwrap();
    let claims = TestApp::claims(&tokens["access_token"]);
    assert_eq!(
        issued.details,
        serde_json::json!({"jti": claims["jti"], "scope": "mcp:read", "resource": claims["aud"],
        "grant_type": "authorization_code"})
    );
    let alice = t.user_named("alice").await.id;
    assert_eq!((issued.user_id, issued.client_id.as_ref(), issued.success), (Some(alice), Some(&client), true));
    assert_eq!(issued.grant_id.unwrap().to_string(), claims["grant_id"]);
    assert!(issued.request_id.is_some() && issued.ip_address.as_deref() == Some("127.0.0.1"));
}

#[tokio::test]
async fn tokens_are_no_events_where_the_operator_says_so() {
    let t = TestApp::with("audit.tokens = false").await;
    let client = t.public_client("c", &[CALLBACK]).await;
    t.tokens(&client, &[]).await;
    let names = names(&t).await;
    assert!(names.contains(&"approval".to_owned()) && !names.contains(&"token_issued".to_owned()), "{names:?}");
}

#[tokio::test]
async fn guessing_that_has_to_wait_and_floods_are_told_once_for_each_wait_and_minute() {
    let t = TestApp::start().await;
    for _ in 0..8 {
        t.browser().sign_in("alice", &format!("not {PASSWORD}"), "/").await;
    }
    t.confidential_client("c", "a secret").await;
    let wrong = [("client_id", "c"), ("client_secret", "wrong"), ("grant_type", "client_credentials")];
    for _ in 0..8 {
        t.post("/token", &wrong).await;
    }
    let mut bob = t.signed_in("bob").await;
    for _ in 0..8 {
        device::enter(&mut bob, "BCDF-GHJK").await;
    }
    t.app.clock.advance(time::Duration::MINUTE);
    telling::tell(&t.app.audit).await;
    let trail = trail(&t).await;
    let of = |name: &str| trail.iter().filter(|event| event.event_type == name).collect::<Vec<_>>();
    let guesses = of("brute_force_detected");
    let accounts: Vec<_> = guesses.iter().map(|event| event.details["account"].as_str().unwrap()).collect();
    assert_eq!(accounts[..3], ["user", "client", "device"]);
    assert!(guesses.iter().all(|event| !event.success && event.ip_address.is_some()));
    let floods = of("rate_limit_exceeded");
    assert_eq!((floods.len(), &floods[0].details), (1, &serde_json::json!({"endpoint": "/login"})));
    // The first of a minute, and how many followed.
    let failures: Vec<_> = of("login_failure").iter().map(|event| event.details["more"].as_i64()).collect();
    assert_eq!((failures.len(), &failures[..2]), (4, &[None, None][..]));
    // Five were wrong; three were not judged any more.
    assert_eq!(failures.iter().map(|more| more.unwrap_or(1)).sum::<i64>(), 8);
}

#[tokio::test]
async fn a_whole_trail_is_whole_however_often_it_is_extended_and_by_however_many_nodes() {
    let t = TestApp::start().await;
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(0));
    let other = t.second_node().await;
    let nodes = [t.app.clone(), other.clone()].map(|app| {
        tokio::spawn(async move {
            for number in 0..150 {
                let event = Event::new(EventType::ServerStart)
                    .details(serde_json::json!({"version": {"b": 1.0, "a": [number, "ü\"\\"]}}));
                if number % 2 == 0 {
                    event.record(&app.audit).await;
                } else {
                    event.note(&app.audit).await;
                }
                if number % 10 == 0 {
                    chain::extend(&app.audit).await.unwrap();
                }
            }
            chain::extend(&app.audit).await.unwrap();
        })
    });
    for node in nodes {
        node.await.unwrap();
    }
    for app in [&t.app, &other] {
        assert_eq!(chain::verify(&app.audit, None).await.unwrap(), ChainState::Whole(300));
        assert_eq!(chain::verify(&app.audit, Some(7)).await.unwrap(), ChainState::Whole(7));
        assert_eq!(chain::verify(&app.audit, Some(1_000)).await.unwrap(), ChainState::Whole(300));
    }
}

#[tokio::test]
async fn whoever_changes_an_event_or_takes_one_away_breaks_the_chain_there() {
    for (sql, broken_at) in [
        ("UPDATE audit_events SET success = NOT success WHERE place = 3", 3),
        ("UPDATE audit_events SET details = '{\"a\": 1}' WHERE place = 1", 1),
        ("UPDATE audit_events SET client_id = 'other' WHERE place = 5", 5),
        ("UPDATE audit_events SET at = (SELECT expires_at FROM sessions LIMIT 1) WHERE place = 2", 2),
        ("UPDATE audit_events SET place = place + 1000 WHERE place = 4", 4),
        ("DELETE FROM audit_events WHERE place = 3", 3),
        ("DELETE FROM audit_events WHERE place >= 5", 5),
        ("DELETE FROM audit_events", 1),
        // Set back to what it was before the last of them, which its seal does not allow.
        (
            "DELETE FROM audit_events WHERE place = 3; UPDATE audit_events SET place = place - 1 WHERE place > 3;
          UPDATE audit_chain SET place = place - 1",
            3,
        ),
        ("UPDATE audit_chain SET base_place = 2, base_seal = (SELECT seal FROM audit_events WHERE place = 1)", 3),
    ] {
        let t = TestApp::start().await;
        t.signed_in("alice").await;
        happen(&t, 5).await;
        assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(6));
        tamper(&t.db, sql).await;
        assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::BrokenAt(broken_at), "{sql}");
        // It goes on, and stays broken.
        happen(&t, 1).await;
        assert!(matches!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::BrokenAt(_)), "{sql}");
    }
}

#[tokio::test]
async fn without_the_master_key_nobody_can_seal() {
    let t = TestApp::start().await;
    happen(&t, 3).await;
    let (_, head) = audit_chain::ends(&t.db).await.unwrap();
    assert_eq!(head.place, 3);
    tamper(&t.db, "INSERT INTO audit_events SELECT * FROM audit_events WHERE false").await;
    let forged = AuditEvent { event_type: "forged".into(), ..trail(&t).await.remove(0) };
    let seal = keyward::secrets::Digest::of("a guess");
    let forge = |before: &keyward::model::Link, _: &AuditEvent| keyward::model::Link {
        place: before.place + 1,
        seal: seal.clone(),
    };
    let forged = AuditEvent { id: keyward::model::AuditEventId::new(), ..forged };
    audit_chain::extend(&t.db, (&[forged.into()], false), 10, forge).await.unwrap();
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::BrokenAt(4));
}

#[tokio::test]
async fn an_event_that_may_be_written_already_is_written_once() {
    let t = TestApp::start().await;
    happen(&t, 1).await;
    let event = AuditEvent { id: keyward::model::AuditEventId::new(), ..trail(&t).await.remove(0) };
    let link = |before: &keyward::model::Link, _: &AuditEvent| keyward::model::Link {
        place: before.place + 1,
        seal: keyward::secrets::Digest::of("seal"),
    };
    for (in_doubt, written) in [(false, true), (true, true), (false, false)] {
        let again = [event.clone().into()];
        assert_eq!(audit_chain::extend(&t.db, (&again, in_doubt), 10, link).await.is_ok(), written, "{in_doubt}");
        assert_eq!(audit_chain::ends(&t.db).await.unwrap().1.place, 2, "{in_doubt}");
    }
}

#[tokio::test]
async fn events_are_kept_as_long_as_the_operator_says_and_the_rest_stays_whole() {
    let t = TestApp::with("audit.keep = 86400").await;
    happen(&t, 3).await;
    t.app.clock.advance(Duration::hours(23));
    happen(&t, 2).await;
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(5));
    t.app.clock.advance(Duration::hours(2));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(trail(&t).await.len(), 2);
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(2));
    assert_eq!(chain::verify(&t.app.audit, Some(2)).await.unwrap(), ChainState::Whole(2));
    t.app.clock.advance(Duration::days(2));
    jobs::sweep(&t.app).await.unwrap();
    happen(&t, 1).await;
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(1));

    // Where they are kept for ever, none may be gone.
    let t = TestApp::with("audit = { keep = 0, max_bytes = 0 }").await;
    happen(&t, 3).await;
    t.app.clock.advance(Duration::days(10_000));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(3));
    audit_chain::shorten(&t.db, Some(t.app.clock.now()), None).await.unwrap();
    assert_eq!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::BrokenAt(1));
}

#[tokio::test]
async fn events_that_take_more_room_than_there_is_push_out_the_oldest_and_the_rest_stays_whole() {
    let t = TestApp::with("audit = { keep = 0, max_bytes = 1048576 }").await;
    let bytes = async || t.db.number("SELECT bytes FROM audit_chain").await;
    let mut most = 0;
    for round in 0..40 {
        for _ in 0..50 {
            let details = serde_json::json!({"version": {"round": round, "padding": "x".repeat(1_000)}});
            Event::new(EventType::ServerStart).details(details).note(&t.app.audit).await;
        }
        chain::extend(&t.app.audit).await.unwrap();
        assert!(bytes().await <= 1_048_576, "{}", bytes().await);
        most = most.max(bytes().await);
        assert!(matches!(chain::verify(&t.app.audit, None).await.unwrap(), ChainState::Whole(_)));
    }
    assert!(most > 900_000, "{most}");
    let trail = trail(&t).await;
    assert!((600..=800).contains(&trail.len()), "{}", trail.len());
    let newest = trail.iter().rfind(|event| event.event_type == "server_start").unwrap();
    assert_eq!(newest.details["version"]["round"], 39);
    let told: i64 = trail.iter().filter_map(|event| event.details["events"].as_i64()).sum();
    assert!(told > 0 && trail.iter().any(|event| event.event_type == "audit_trail_shortened"));
    // What is counted is what is there.
    let counted =
        t.db.number(
            "SELECT CAST(sum(300 + length(CAST(details AS TEXT)) + length(coalesce(user_agent, ''))
        + length(coalesce(client_id, ''))) AS BIGINT) FROM audit_events WHERE place IS NOT NULL",
        )
        .await;
    assert_eq!(counted, bytes().await);
    // None is too old here.
    t.app.clock.advance(Duration::days(400));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(bytes().await, counted);
}

#[tokio::test]
async fn a_denied_consent_is_in_the_trail_with_what_was_asked() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    t.signed_in("alice").await.decide(&authorize_path(&client, &[]), "deny").await;
    let trail = trail(&t).await;
    let denied = trail.iter().find(|event| event.event_type == "approval").unwrap();
    assert!(!denied.success && denied.details["scope"] == "mcp:read" && denied.details["mode"] == "page", "{denied:?}");
}

#[tokio::test]
async fn an_event_tells_from_where_and_with_what_it_was_brought_about() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let refresh = t.tokens(&client, &[]).await["refresh_token"].as_str().unwrap().to_owned();
    let form = [("client_id", "c"), ("token", refresh.as_str())];
    let agent = "Agent/".repeat(100);
    t.post_with("/revoke", &form, &[("user-agent", &agent)]).await;
    let trail = trail(&t).await;
    let revoked = trail.iter().find(|event| event.event_type == "token_revoked").unwrap();
    assert_eq!(
        (revoked.ip_address.as_deref(), revoked.user_agent.as_deref()),
        (Some("127.0.0.1"), Some(&agent[..200]))
    );
}
