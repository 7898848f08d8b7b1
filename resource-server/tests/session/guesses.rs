//! Guesses at a login tool: refused alike, and bounded by source and by account.
use super::{Site, With, none};
use crate::support::{Answer, call};
use futures_util::future::{Either, join_all, select};
use serde_json::{Value, json};
use time::Duration;

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
    let judged = |answer: &&Answer| String::from_utf8_lossy(&answer.body).contains("Invalid username");
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
