//! Operators' acts, through the functions that every face calls: each act makes its change and no other, records one
//! event with the operator's name, and changes nothing when it is refused.
mod lists;
mod refusals;
mod unwritable;

use crate::support::{
    app::{CALLBACK, PASSWORD, TestApp, authorize_path, operator},
    tokens::{INACTIVE, family, text},
};
use keyward::{
    model::{AuditEvent, ClientId, GrantId},
    operations::{clients, consents, grants, keys, registration_tokens, users},
    storage::{self, audit_events},
};
use serde_json::{Value, json};
use time::Duration;

const STRONG: &str = "four unrelated words here";

/// How much there is of what acts change.
async fn state(t: &TestApp) -> [i64; 8] {
    let counts = [
        "SELECT count(*) FROM grants WHERE revoked_at IS NULL",
        "SELECT count(*) FROM sessions WHERE user_id IS NOT NULL",
        "SELECT count(*) FROM users WHERE disabled_at IS NOT NULL",
        "SELECT count(*) FROM clients WHERE disabled_at IS NOT NULL",
        "SELECT count(*) FROM consents",
        "SELECT count(*) FROM initial_access_tokens",
        "SELECT count(*) FROM signing_keys",
        "SELECT count(*) FROM audit_events",
    ];
    let mut state = [0; 8];
    for (number, sql) in state.iter_mut().zip(counts) {
        *number = t.db.number(sql).await;
    }
    state
}

/// What differs from a state of before.
async fn change(t: &TestApp, before: [i64; 8]) -> [i64; 8] {
    let mut change = state(t).await;
    change.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
    change
}

/// Events that say they are this operator's, oldest first.
async fn acts(t: &TestApp) -> Vec<AuditEvent> {
    let mut events = audit_events::recent(&t.db, 100).await.unwrap();
    events.retain(|event| event.details["by"] == operator().name());
    events.reverse();
    events
}

/// The one act on record.
async fn act(t: &TestApp, event_type: &str, details: Value) -> AuditEvent {
    let mut acts = acts(t).await;
    assert_eq!(acts.len(), 1, "{acts:?}");
    let event = acts.remove(0);
    let mut expected = details;
    expected["by"] = json!(operator().name());
    assert_eq!((&*event.event_type, &event.details), (event_type, &expected));
    event
}

/// Which grants, by one of them and its client.
type Choice<'a> = &'a dyn Fn(GrantId, &ClientId) -> grants::Filter;

#[tokio::test]
async fn somebody_who_is_disabled_loses_sessions_and_grants_for_good_and_nobody_else_does() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let (mut alices, mut bobs) = (t.signed_in("alice").await, t.signed_in("bob").await);
    let (alice, before) = (t.user_named("alice").await.id, state(&t).await);
    let (user, ended) = users::disable(&t.app, &operator(), alice).await.unwrap();
    assert_eq!((user.disabled_at, ended), (Some(t.app.clock.now()), users::EndedAccess { grants: 1, sessions: 2 }));
    assert_eq!(change(&t, before).await, [-1, -2, 1, 0, 0, 0, 0, 1]);
    let event = act(&t, "user_disabled", json!({"grants": 1, "sessions": 2})).await;
    assert_eq!((event.user_id, &*event.level), (Some(alice), "warning"));
    assert!(operator().name().starts_with("cli:") && operator().name().contains('@'));

    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(t.introspect(text(&tokens, "access_token")).await.body, INACTIVE);
    assert_eq!(t.browser().sign_in("alice", PASSWORD, "/").await.status, 403);
    users::enable(&t.app, &operator(), alice).await.unwrap();
    assert_eq!(acts(&t).await.pop().unwrap().event_type, "user_enabled");
    // What ended has ended; who comes again may.
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    let silent = authorize_path(&client, &[("prompt", "none")]);
    assert_eq!(alices.get(&silent).await.returned("error").as_deref(), Some("login_required"));
    assert_eq!(bobs.get(&silent).await.returned("error").as_deref(), Some("consent_required"));
    assert!(t.signed_in("alice").await.get(&silent).await.returned("code").is_some());
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_no_grant_and_the_old_one_lets_nobody_in() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let (alice, before) = (t.user_named("alice").await.id, state(&t).await);
    assert_eq!(users::set_password(&t.app, &operator(), alice, STRONG).await.unwrap(), 1);
    assert_eq!(change(&t, before).await, [0, -1, 0, 0, 0, 0, 0, 1]);
    assert_eq!(act(&t, "password_set", json!({"sessions": 1})).await.user_id, Some(alice));
    assert_eq!(t.browser().sign_in("alice", PASSWORD, "/").await.status, 403);
    assert_eq!(t.browser().sign_in("alice", STRONG, "/").await.location(), "/");
    assert_eq!(t.refresh(&client, text(&tokens, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_setup_link_is_made_with_its_event() {
    let t = TestApp::start().await;
    let before = state(&t).await;
    let link = users::new_setup_link(&t.app, &operator()).await.unwrap();
    assert_eq!(change(&t, before).await, [0, 0, 0, 0, 0, 0, 0, 1]);
    act(&t, "setup_link_created", json!({"expires_at": link.expires_at.unix_timestamp(), "recovers": true})).await;
}

#[tokio::test]
async fn grants_are_revoked_one_by_one_of_a_person_of_a_client_and_of_both() {
    let t = TestApp::start().await;
    let alice = t.user_named("alice").await.id;
    let one = async |t: &TestApp, client: &ClientId| {
        let wanted = grants::Filter { client_id: Some(client.clone()), ..grants::Filter::default() };
        let found = storage::grants::list(&t.db, &wanted, None, 1).await.unwrap();
        found[0].grant.id
    };
    let choices: [(Choice, i64); 4] = [
        (&|id, _| grants::Filter { id: Some(id), ..grants::Filter::default() }, 1),
        (&|_, client| grants::Filter { client_id: Some(client.clone()), ..grants::Filter::default() }, 1),
        (
            &|_, client| grants::Filter { client_id: Some(client.clone()), user_id: Some(alice), ..Default::default() },
            1,
        ),
        (&|_, _| grants::Filter { user_id: Some(alice), ..grants::Filter::default() }, 2),
    ];
    let (mut count, (other, others)) = (0, family(&t, "other").await);
    for (choose, revoked) in choices {
        count += 1;
        let (client, tokens) = family(&t, &format!("c{count}")).await;
        let (wanted, before) = (choose(one(&t, &client).await, &client), state(&t).await);
        assert_eq!(grants::count_live(&t.app, &wanted).await.unwrap(), revoked);
        let answered = grants::revoke(&t.app, &operator(), &wanted).await.unwrap();
        assert_eq!(i64::try_from(answered).unwrap(), revoked);
        assert_eq!(change(&t, before).await, [-revoked, 0, 0, 0, 0, 0, 0, 1], "{wanted:?}");
        let event = acts(&t).await.pop().unwrap();
        assert_eq!((&*event.event_type, &event.details["grants"]), ("grants_revoked", &json!(revoked)));
        assert_eq!((event.grant_id, event.user_id, event.client_id), (wanted.id, wanted.user_id, wanted.client_id));
        t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
        assert_eq!(t.introspect(text(&tokens, "access_token")).await.body, INACTIVE);
    }
    // Another client's went with the person's, and not before.
    t.refresh(&other, text(&others, "refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(acts(&t).await.len(), 4);
}

#[tokio::test]
async fn deleted_consents_are_asked_for_again_and_grants_go_on() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    family(&t, "other").await;
    let (alice, before) = (t.user_named("alice").await.id, state(&t).await);
    let wanted = consents::Filter { user_id: Some(alice), client_id: Some(client.clone()) };
    assert_eq!(consents::delete(&t.app, &operator(), &wanted).await.unwrap(), 1);
    assert_eq!(change(&t, before).await, [0, 0, 0, 0, -1, 0, 0, 1]);
    let event = act(&t, "consents_deleted", json!({"consents": 1})).await;
    assert_eq!((event.user_id, event.client_id), (Some(alice), Some(client.clone())));
    let mut browser = t.signed_in("alice").await;
    let asked = |client: &str| authorize_path(&client.into(), &[("prompt", "none")]);
    assert_eq!(browser.get(&asked("c")).await.returned("error").as_deref(), Some("consent_required"));
    assert!(browser.get(&asked("other")).await.returned("code").is_some());
    assert_eq!(t.refresh(&client, text(&tokens, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_disabled_client_gets_nothing_until_it_is_enabled_again() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    let before = state(&t).await;
    let disabled = clients::disable(&t.app, &operator(), &client).await.unwrap();
    assert_eq!(disabled.disabled_at, Some(t.app.clock.now()));
    assert_eq!(change(&t, before).await, [0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(act(&t, "client_disabled", json!({})).await.client_id, Some(client.clone()));
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(401, "invalid_client");
    assert_eq!(t.introspect(text(&tokens, "access_token")).await.body, INACTIVE);
    let enabled = clients::enable(&t.app, &operator(), &client).await.unwrap();
    assert_eq!((enabled.disabled_at, change(&t, before).await[3]), (None, 0));
    assert_eq!(t.refresh(&client, text(&tokens, "refresh_token")).await.status, 200);
    let names: Vec<_> = acts(&t).await.into_iter().map(|event| event.event_type).collect();
    assert_eq!(names, ["client_disabled", "client_enabled"]);
}

#[tokio::test]
async fn a_registration_token_is_made_and_revoked_and_its_events_do_not_tell_it() {
    let t = TestApp::with("registration.policy = \"token\"").await;
    let before = state(&t).await;
    let wanted = registration_tokens::TokenLimits { uses: 2, expires_in: Duration::DAY, scope: None };
    let (secret, token) = registration_tokens::make(&t.app, &operator(), &wanted).await.unwrap();
    assert_eq!(change(&t, before).await, [0, 0, 0, 0, 0, 1, 0, 1]);
    act(&t, "registration_token_created", registration_tokens::shown(&token)).await;
    let fingerprint = token.token_hash.fingerprint();
    let revoked = registration_tokens::revoke(&t.app, &operator(), &fingerprint.to_uppercase()).await.unwrap();
    assert_eq!(revoked.token_hash, token.token_hash);
    assert_eq!(change(&t, before).await, [0, 0, 0, 0, 0, 0, 0, 2]);
    let acts = acts(&t).await;
    assert_eq!(acts[1].event_type, "registration_token_revoked");
    assert!(!format!("{acts:?}").contains(secret.expose()), "{acts:?}");
    let body = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"});
    let request = axum::http::Request::post("/register").header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {}", secret.expose()));
    t.send(request.body(body.to_string().into()).unwrap()).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_rotation_has_one_event_that_names_its_keys_and_one_that_changes_nothing_has_none() {
    let t = TestApp::start().await;
    let before = state(&t).await;
    let published = keys::rotate(&t.app, &operator()).await.unwrap();
    assert_eq!((published.len(), change(&t, before).await), (3, [0, 0, 0, 0, 0, 0, 3, 1]));
    act(&t, "signing_key_rotation_begun", json!({"kids": published})).await;
    assert!(keys::rotate(&t.app, &operator()).await.unwrap().is_empty());
    assert_eq!(change(&t, before).await[7], 1);
    assert_eq!(keys::replace_all(&t.app, &operator()).await.unwrap(), 6);
    assert_eq!(change(&t, before).await, [0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(acts(&t).await[1].event_type, "signing_keys_replaced");
}
