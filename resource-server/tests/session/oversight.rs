//! What administrators may ask about everybody, and nobody else.
use super::{PEOPLE, Site, authentication_required, none};
use serde_json::json;
use time::{Duration, format_description::well_known::Rfc3339};

#[tokio::test]
async fn only_administrators_see_what_happened() {
    let site = Site::start();
    for (username, password, role) in PEOPLE {
        let with = site.token(username, password).await;
        for tool in ["list_audit_events", "get_security_summary"] {
            let result = site.call(&with, tool, json!({})).await;
            if role == "admin" {
                assert_ne!(result["isError"], true, "{result}");
            } else {
                assert_eq!(result["structuredContent"], json!({"error": "Admin access required"}), "{role}");
            }
        }
        let summary = site.read(&with, "security://summary").await;
        assert_eq!(summary == json!({"error": "Admin access required"}), role != "admin", "{summary}");
    }
    assert_eq!(site.read(&none(), "security://summary").await, authentication_required());
    assert_eq!(site.read(&none(), "user://profile").await, authentication_required());
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list"});
    let listed = site.send(&none(), &list).await.json()["result"]["resources"].clone();
    let uris: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, ["surface://self", "policy://tools", "user://profile", "security://summary"]);
}

#[tokio::test]
async fn events_are_chosen_by_type_person_and_time() {
    let site = Site::start();
    site.login(&none(), "alice", "password123").await;
    site.clock.advance(Duration::minutes(1));
    let since = site.clock.now().format(&Rfc3339).unwrap();
    site.login(&none(), "bob", "hunter2").await;
    let admin = site.admin().await;
    let find = async |arguments| site.good(&admin, "list_audit_events", arguments).await["events"].clone();
    let logins = find(json!({"event_type": "login_success", "limit": 100})).await;
    let names: Vec<_> = logins.as_array().unwrap().iter().map(|event| event["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "bob", "alice"]);
    let alices = find(json!({"username": "alice"})).await;
    let kinds: Vec<_> = alices.as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["login_success", "user_created"]);
    assert_eq!(alices[0]["client_info"]["transport"], "streamable-http");
    assert!(alices[0]["id"].is_string() && alices[0]["timestamp"].is_string());
    let late = find(json!({"event_type": "login_success", "since": since})).await;
    assert_eq!(late.as_array().unwrap().len(), 2);
    assert_eq!(find(json!({"limit": 1})).await.as_array().unwrap().len(), 1);
    for since in ["yesterday", "9999-12-31T23:59:59-23:59"] {
        let bad = site.bad(&admin, "list_audit_events", json!({"since": since})).await;
        assert_eq!(bad, json!({"success": false, "error": "since is no RFC 3339 time"}));
    }
}

#[tokio::test]
async fn a_summary_counts_what_happened_in_its_hours() {
    let site = Site::start();
    site.bad(&none(), "authenticate_user", json!({"username": "alice", "password": "wrong"})).await;
    site.login(&none(), "alice", "password123").await;
    site.bad(&none(), "get_user_profile", json!({})).await;
    let admin = site.admin().await;
    let summary = site.good(&admin, "get_security_summary", json!({})).await;
    assert_eq!((&summary["period_hours"], &summary["failed_logins"]), (&json!(24), &json!(1)));
    assert_eq!((&summary["successful_logins"], &summary["active_sessions"]), (&json!(2), &json!(2)));
    assert_eq!((&summary["security_violations"], &summary["locked_accounts"]), (&json!(0), &json!(0)));
    let top = summary["top_users"].as_array().unwrap();
    assert!(top.iter().any(|user| user["username"] == "alice" && user["activity_count"].as_i64() > Some(0)));
    site.clock.advance(Duration::hours(2));
    let summary = site.good(&site.admin().await, "get_security_summary", json!({"hours": 1})).await;
    assert_eq!((&summary["failed_logins"], &summary["successful_logins"]), (&json!(0), &json!(1)));
}
