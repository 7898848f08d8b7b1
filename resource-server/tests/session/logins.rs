//! Logging in, and how long and where that counts.
use super::{PEOPLE, Site, With, authentication_required, bearer, none, session};
use crate::support::{ORIGIN, call, initialize};
use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::future::{Either, join_all, select};
use keyward_resource_server::Settings;
use serde_json::{Value, json};
use time::Duration;

const PROFILE: &str = "get_user_profile";
/// As who is written down that nobody knows.
const ANYBODY: &str = "session anonymous";

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
async fn a_wrong_password_and_an_unknown_name_are_refused_alike() {
    let site = Site::start();
    for (username, password) in [("alice", "wrong"), ("nobody", "password123"), ("alice", ""), ("Alice", "password123")]
    {
        let refused = site.bad(&none(), "authenticate_user", json!({"username": username, "password": password})).await;
        assert_eq!(refused, json!({"success": false, "error": "Invalid username or password"}));
    }
    for username in ["al", "a b c", "a'; DROP TABLE users", &"x".repeat(51), ""] {
        let refused = site.bad(&none(), "authenticate_user", json!({"username": username, "password": "x"})).await;
        assert_eq!(refused, json!({"success": false, "error": "Invalid username format"}), "{username}");
    }
    let failures = site.events("login_failure").await;
    assert_eq!(failures.len(), 4);
    assert!(failures.iter().all(|event| event["username"].is_null() && event["success"] == false), "{failures:?}");
    // Whose account it was and why, for the operator alone; and nothing that was typed.
    let alice = site.login(&none(), "alice", "password123").await["user"]["id"].clone();
    let mut told: Vec<_> = failures.iter().map(|event| event["details"].to_string()).collect();
    told.sort();
    let details = |account: &Value, reason: &str| json!({"by": "password", "account": account, "reason": reason});
    let (wrong, unknown) = (details(&alice, "wrong_password"), details(&Value::Null, "unknown"));
    let mut expected = [&wrong, &wrong, &unknown, &unknown].map(ToString::to_string);
    expected.sort();
    assert_eq!(told, expected);
    assert!(!format!("{failures:?}").contains("nobody"));
}

#[tokio::test]
async fn attack_153_five_wrong_guesses_at_a_login_tool_lock_nobody_out_elsewhere() {
    let site = Site::start();
    let from = |last: u8| With { address: Some([192, 0, 2, last]), ..none() };
    let login = |password: &str| call("authenticate_user", json!({"username": "alice", "password": password}));
    for _ in 0..5 {
        assert_eq!(site.send(&from(1), &login("wrong")).await.status, 200);
    }
    let waits = site.send(&from(1), &login("password123")).await;
    let seconds: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert!(waits.status == 429 && (1..=30).contains(&seconds), "{waits:?}");
    assert_eq!(waits.json()["error"], "rate_limit_exceeded");
    assert_eq!(site.send(&from(2), &login("password123")).await.json()["result"]["structuredContent"]["success"], true);
    let summary = site.good(&site.admin().await, "get_security_summary", json!({})).await;
    assert_eq!((&summary["locked_accounts"], &summary["failed_logins"]), (&json!(0), &json!(5)));
    assert_eq!(summary["rate_limit_violations"], 1);
    assert_eq!(site.events("brute_force_detected").await.len(), 1);
    site.clock.advance(Duration::seconds(30));
    assert_eq!(site.send(&from(1), &login("password123")).await.json()["result"]["structuredContent"]["success"], true);
}

#[tokio::test]
async fn attack_154_of_a_hundred_guesses_at_the_same_moment_five_are_judged() {
    let site = Site::start();
    let with = With { address: Some([192, 0, 2, 1]), ..none() };
    let guess = call("authenticate_user", json!({"username": "alice", "password": "wrong"}));
    let all = join_all((0..100).map(|_| site.send(&with, &guess))).await;
    let judged = |answer: &&crate::support::Answer| String::from_utf8_lossy(&answer.body).contains("Invalid username");
    assert_eq!(all.iter().filter(judged).count(), 5);
}

#[tokio::test]
async fn one_source_that_guesses_without_end_leaves_others_their_turn() {
    let site = Site::start();
    let from = |last: u8| With { address: Some([192, 0, 2, last]), ..none() };
    let login = |name: &str, password: &str| call("authenticate_user", json!({"username": name, "password": password}));
    let (greedy, modest, right) = (from(2), from(1), login("alice", "password123"));
    let guesses: Vec<_> = (0..20).map(|number| login(&format!("somebody{number}"), "wrong")).collect();
    let crowd = join_all(guesses.iter().map(|guess| site.send(&greedy, guess)));
    let honest = site.send(&modest, &right);
    let Either::Right((answer, _)) = select(Box::pin(crowd), Box::pin(honest)).await else {
        panic!("others were judged first");
    };
    assert_eq!(answer.json()["result"]["structuredContent"]["success"], true);
}

#[tokio::test]
async fn an_account_that_is_guessed_at_from_everywhere_opens_where_its_owner_was_before() {
    let site = Site::start();
    let from = |last: u8| With { address: Some([192, 0, 2, last]), ..none() };
    let login = |password: &str| call("authenticate_user", json!({"username": "alice", "password": password}));
    assert_eq!(site.send(&from(1), &login("password123")).await.status, 200);
    for last in 100..150 {
        assert_eq!(site.send(&from(last), &login("wrong")).await.status, 200);
    }
    assert_eq!(site.send(&from(2), &login("password123")).await.status, 429);
    let summary = site.good(&site.admin().await, "get_security_summary", json!({})).await;
    assert_eq!(summary["locked_accounts"], 1);
    assert_eq!(site.send(&from(1), &login("password123")).await.json()["result"]["structuredContent"]["success"], true);
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

#[tokio::test]
async fn a_login_counts_on_its_own_connection_only() {
    let site = Site::start();
    let (alices, bobs) = (site.open_session(&none()).await, site.open_session(&none()).await);
    site.login(&session(&alices), "alice", "password123").await;
    assert_eq!(site.good(&session(&alices), PROFILE, json!({})).await["username"], "alice");
    assert_eq!(site.read(&session(&alices), "user://profile").await["username"], "alice");
    assert_eq!(site.bad(&session(&bobs), PROFILE, json!({})).await, authentication_required());
    assert_eq!(site.bad(&none(), PROFILE, json!({})).await, authentication_required());
    site.login(&session(&bobs), "bob", "hunter2").await;
    assert_eq!(site.good(&session(&alices), PROFILE, json!({})).await["username"], "alice");
    site.good(&session(&alices), "logout", json!({})).await;
    assert_eq!(site.bad(&session(&alices), PROFILE, json!({})).await, authentication_required());
    assert_eq!(site.good(&session(&bobs), PROFILE, json!({})).await["username"], "bob");
    site.clock.advance(Duration::minutes(30));
    assert_eq!(site.send(&session(&bobs), &call(PROFILE, json!({}))).await.status, 404);
}

#[tokio::test]
async fn two_different_people_in_one_call_are_an_error() {
    let site = Site::start();
    let (alice, bob) = (site.token("alice", "password123").await, site.token("bob", "hunter2").await);
    let both = json!({"session_token": bob.bearer});
    let error = json!({"success": false, "error": "Two different identities"});
    assert_eq!(site.bad(&alice, PROFILE, both.clone()).await, error);
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    assert_eq!(site.bad(&session(&connection), PROFILE, both).await, error);
    let with = With { session: Some(connection), ..bob };
    assert_eq!(site.bad(&with, PROFILE, json!({})).await, error);
    let same = With { bearer: alice.bearer, ..with };
    assert_eq!(site.good(&same, PROFILE, json!({})).await["username"], "alice");
}

#[tokio::test]
async fn a_session_of_somebody_known_is_not_found_by_others() {
    let site = Site::start();
    let (alice, bob) = (site.token("alice", "password123").await, site.token("bob", "hunter2").await);
    let connection = Some(site.open_session(&alice).await);
    let of = |with: &With| With { session: connection.clone(), ..with.clone() };
    assert_eq!(site.send(&of(&alice), &call(PROFILE, json!({}))).await.status, 200);
    for other in [&bob, &none()] {
        assert_eq!(site.send(&of(other), &call(PROFILE, json!({}))).await.status, 404);
    }
}

#[tokio::test]
async fn a_modern_request_has_no_connection_to_be_logged_in_on() {
    let site = Site::start();
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    let meta = crate::support::meta();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": PROFILE, "arguments": {}, "_meta": meta}});
    let request = crate::support::request("POST", "/mcp/session")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", PROFILE)
        .header("mcp-session-id", connection);
    let answer = site.answer(request.body(message.to_string().into()).unwrap()).await;
    assert_eq!(answer.json()["result"]["structuredContent"], authentication_required(), "{answer:?}");
}

fn here(method: &str, path: &str) -> axum::http::request::Builder {
    let peer = axum::extract::ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    crate::support::request(method, path).extension(peer)
}

/// Those of late, the last one first.
async fn requests(site: &Site) -> Vec<Value> {
    let view = site.answer(here("GET", "/debug/requests").body(axum::body::Body::empty()).unwrap()).await.json();
    view["requests"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_login_ends_with_the_session_that_it_was_made_on() {
    let site = Site::start();
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    assert_eq!(site.good(&session(&connection), PROFILE, json!({})).await["username"], "alice");
    let end = here("DELETE", "/mcp/session").header("mcp-session-id", &connection);
    assert_eq!(site.answer(end.body(axum::body::Body::empty()).unwrap()).await.status, 204);
    assert_eq!(site.send(&session(&connection), &call(PROFILE, json!({}))).await.status, 404);
    // Nor is whoever brings its id taken for its owner where it is only written down.
    let requests = requests(&site).await;
    let told = requests[..3].iter();
    let told = told.map(|one| (one["status"].as_u64().unwrap(), one["principal"].as_str().unwrap() != ANYBODY));
    assert_eq!(told.collect::<Vec<_>>(), [(404, false), (204, true), (200, true)]);
}

#[tokio::test]
async fn a_login_does_not_count_for_a_modern_message_that_no_header_tells_of() {
    let site = Site::start();
    let connection = site.open_session(&none()).await;
    site.login(&session(&connection), "alice", "password123").await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": PROFILE, "arguments": {}, "_meta": crate::support::meta()}});
    for version in [None, Some("2025-11-25")] {
        let request = crate::support::request("POST", "/mcp/session").header("content-type", "application/json");
        let request = request.header("mcp-session-id", &connection).header("mcp-name", PROFILE);
        let request = request.header("mcp-method", "tools/call");
        let request =
            version.into_iter().fold(request, |request, version| request.header("mcp-protocol-version", version));
        let answer = site.answer(request.body(message.to_string().into()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(-32020)), "{answer:?}");
    }
    // That its method is of the modern revision is told by the message alone.
    let request = here("POST", "/mcp/session").header("content-type", "application/json");
    let request = request.header("mcp-session-id", &connection).header("mcp-protocol-version", "2025-11-25");
    let request = request.header("mcp-method", "server/discover");
    let message = json!({"jsonrpc": "2.0", "method": "server/discover"});
    site.answer(request.body(message.to_string().into()).unwrap()).await;
    let told = requests(&site).await.swap_remove(0);
    assert_eq!((&told["method"], &told["principal"]), (&json!("server/discover"), &json!(ANYBODY)), "{told}");
    assert_eq!(site.good(&session(&connection), PROFILE, json!({})).await["username"], "alice");
}

#[tokio::test]
async fn every_legacy_revision_that_has_sessions_can_log_in_on_one() {
    let site = Site::start();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let opened = site.send(&none(), &initialize(version)).await;
        assert_eq!(opened.json()["result"]["protocolVersion"], version);
        // Of the oldest, sessions are streams: the tests of that transport log in on one.
        assert_eq!(opened.header("mcp-session-id").is_none(), version == "2024-11-05");
        let Some(connection) = opened.header("mcp-session-id").map(session) else { continue };
        site.login(&connection, "alice", "password123").await;
        assert_eq!(site.good(&connection, PROFILE, json!({})).await["username"], "alice");
    }
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
