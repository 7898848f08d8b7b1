//! Logging in, and how long and where that counts.
use super::{PEOPLE, PROFILE, Site, With, authentication_required, bearer, none};
use crate::support::{ORIGIN, call};
use base64ct::{Base64UrlUnpadded, Encoding};
use keyward_resource_server::Settings;
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn everybody_may_come_in_and_list_the_tools_and_nobody_is_known_before_a_login() {
    let site = Site::start();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let answer = site.send(&none(), &list).await.json();
    assert_eq!(answer["result"]["tools"].as_array().unwrap().len(), 13);
    let closed = [
        (PROFILE, json!({})),
        ("create_secure_note", json!({"title": "t", "content": "c"})),
        ("list_secure_notes", json!({})),
        ("read_secure_note", json!({"id": "note_1"})),
        ("create_api_key", json!({"name": "n"})),
        ("list_api_keys", json!({})),
        ("revoke_api_key", json!({"id": "1"})),
        ("list_audit_events", json!({})),
        ("get_security_summary", json!({})),
    ];
    for (tool, arguments) in closed {
        assert_eq!(site.bad(&none(), tool, arguments).await, authentication_required(), "{tool}");
    }
    assert_eq!(site.good(&none(), "logout", json!({})).await["message"], "Nobody was logged in");
}

#[tokio::test]
async fn a_password_brings_tokens_that_say_who_logged_in() {
    let site = Site::start();
    for (username, password, role) in PEOPLE {
        let login = site.login(&none(), username, password).await;
        assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("Bearer"), &json!(1800)));
        assert_eq!((&login["user"]["username"], &login["user"]["role"]), (&json!(username), &json!(role)));
        let token = login["access_token"].as_str().unwrap();
        let profile = site.good(&bearer(token), PROFILE, json!({})).await;
        assert_eq!(profile["id"], login["user"]["id"]);
        assert_eq!((&profile["username"], &profile["role"]), (&json!(username), &json!(role)));
        assert_eq!(site.read(&bearer(token), "user://profile").await, profile);
        let by_argument = site.good(&none(), PROFILE, json!({"session_token": token})).await;
        assert_eq!(by_argument, profile);
    }
    let claims = claims(site.token("alice", "password123").await.bearer.as_deref().unwrap());
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ORIGIN), &json!(format!("{ORIGIN}/mcp/session"))));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1800);
    assert!(claims["sid"].is_string() && claims["jti"].is_string() && claims["role"] == "user");
}

fn claims(token: &str) -> Value {
    let part = |index: usize| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice::<Value>(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap()
    };
    assert_eq!((&part(0)["typ"], &part(0)["alg"]), (&json!("session+jwt"), &json!("EdDSA")));
    part(1)
}

#[tokio::test]
async fn a_session_token_is_good_for_half_an_hour_and_not_after_logout() {
    let site = Site::start();
    let alice = site.token("alice", "password123").await;
    site.clock.advance(Duration::seconds(1799));
    site.good(&alice, PROFILE, json!({})).await;
    site.clock.advance(Duration::SECOND);
    refused(&site, &alice).await;

    let alice = site.token("alice", "password123").await;
    assert_eq!(site.good(&alice, "logout", json!({})).await, json!({"success": true, "message": "Logged out"}));
    refused(&site, &alice).await;
    let token = alice.bearer.unwrap();
    let refused = site.bad(&none(), PROFILE, json!({"session_token": token})).await;
    assert_eq!(refused, json!({"success": false, "error": "Invalid or expired session token"}));
    assert_eq!(site.events("logout").await.len(), 1);
}

/// A bad credential is not the same as none.
async fn refused(site: &Site, with: &With) {
    let answer = site.send(with, &call(PROFILE, json!({}))).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (401, "invalid_token"));
    assert_eq!(answer.challenge("realm").as_deref(), Some("Session demo"));
    assert_eq!(answer.challenge("error").as_deref(), Some("invalid_token"));
    assert!(answer.challenge("resource_metadata").is_none());
}

#[tokio::test]
async fn a_token_of_another_kind_or_surface_or_server_is_refused() {
    let site = Site::start();
    for token in ["test-bearer-token", "test-api-key-12345", "mk_1_2", "mk_", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        refused(&site, &bearer(token)).await;
    }
    let elsewhere = Site::start().token("alice", "password123").await;
    refused(&site, &elsewhere).await;
    let alice = site.token("alice", "password123").await;
    for surface in ["oauth", "client-credentials", "device", "bearer-token", "api-key", "basic", "security-keys"] {
        let answer = site.send_to(&format!("/mcp/{surface}"), &alice, &call("ping", json!({}))).await;
        assert_ne!(answer.status, 200, "{surface}");
    }
}

#[tokio::test]
async fn whoever_did_not_get_the_answer_may_ask_again_within_a_minute_and_gets_the_same() {
    let site = Site::start();
    let first = site.login(&none(), "alice", "password123").await;
    let refresh = async |old: &Value| site.call(&none(), "refresh_session", json!({"refresh_token": old})).await;
    let renewed = refresh(&first["refresh_token"]).await["structuredContent"].clone();
    site.clock.advance(Duration::seconds(59));
    let again = refresh(&first["refresh_token"]).await["structuredContent"].clone();
    assert_eq!(again["refresh_token"], renewed["refresh_token"]);
    // Its successor was used: the answer had arrived, so this is another who asks.
    let third = refresh(&renewed["refresh_token"]).await["structuredContent"].clone();
    assert_eq!(refresh(&first["refresh_token"]).await["isError"], true);
    assert_eq!(refresh(&third["refresh_token"]).await["isError"], true);
    refused(&site, &bearer(third["access_token"].as_str().unwrap())).await;
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_used_again_it_ends_the_session() {
    let site = Site::start();
    let first = site.login(&none(), "alice", "password123").await;
    site.clock.advance(Duration::days(6));
    let second = site.good(&none(), "refresh_session", json!({"refresh_token": first["refresh_token"]})).await;
    assert_eq!(second["session_id"], first["session_id"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let alice = bearer(second["access_token"].as_str().unwrap());
    site.good(&alice, PROFILE, json!({})).await;

    site.clock.advance(Duration::MINUTE);
    let again = site.bad(&none(), "refresh_session", json!({"refresh_token": first["refresh_token"]})).await;
    assert_eq!(again, json!({"success": false, "error": "Invalid refresh token"}));
    refused(&site, &alice).await;
    site.bad(&none(), "refresh_session", json!({"refresh_token": second["refresh_token"]})).await;
    let violations = site.events("security_violation").await;
    assert_eq!((violations.len(), &violations[0]["level"]), (1, &json!("critical")));
    assert_eq!(violations[0]["username"], "alice");
}

#[tokio::test]
async fn a_session_that_is_not_renewed_for_a_week_is_over() {
    let site = Site::start();
    let login = site.login(&none(), "alice", "password123").await;
    site.clock.advance(Duration::days(7));
    site.bad(&none(), "refresh_session", json!({"refresh_token": login["refresh_token"]})).await;
}

fn settings(users: &str) -> anyhow::Result<Settings> {
    Settings::parse(&format!(
        "[[surface]]\nid = \"session\"\nkind = \"session\"\ntools = [\"session\"]\nusers = [{users}]"
    ))
}

#[tokio::test]
async fn passwords_may_come_as_hashes_and_bcrypt_is_replaced_at_the_first_login() {
    let bcrypt = bcrypt::hash("Correct-Horse-1", 4).unwrap();
    let users = format!("{{ username = \"carol\", password_hash = '{bcrypt}', role = \"service\" }}");
    let store = tempfile::tempdir().unwrap();
    let file = store.path().join("store.db");
    let settings = settings(&users).unwrap();
    let start = || Site::of(Settings { store: Some(file.clone()), ..settings.clone() });
    let site = start();
    for _ in 0..2 {
        let login = site.login(&none(), "carol", "Correct-Horse-1").await;
        assert_eq!(login["user"]["role"], "service");
    }
    site.bad(&none(), "authenticate_user", json!({"username": "carol", "password": "correct-horse-1"})).await;
    start().login(&none(), "carol", "Correct-Horse-1").await;
    let kept: String = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned()
        + &String::from_utf8_lossy(&std::fs::read(store.path().join("store.db-wal")).unwrap_or_default());
    assert!(kept.contains("$argon2id$") && !kept.contains("Correct-Horse-1") && !kept.contains(&bcrypt));
}

#[test]
fn outside_the_demo_people_have_names_and_passwords_that_hold() {
    for (users, rule) in [
        ("{ username = \"carol\", password = \"password\" }", "8 to 128 characters"),
        ("{ username = \"carol\", password = \"TestPass123!\" }", "one of the demo's"),
        ("{ username = \"c\", password = \"Correct-Horse-1\" }", "3 to 50"),
        ("{ username = \"carol\" }", "either a password or a password_hash"),
        ("{ username = \"carol\", password_hash = \"Correct-Horse-1\" }", "argon2id or bcrypt"),
    ] {
        let error = settings(users).unwrap_err().to_string();
        assert!(error.contains(rule), "{users}: {error}");
    }
    assert!(settings("{ username = \"carol\", password = \"Correct-Horse-1\" }").is_ok());
}
