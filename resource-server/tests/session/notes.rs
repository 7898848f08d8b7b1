//! Secure notes: whose they are, and that the store alone does not tell.
use super::{PEOPLE, Site, none};
use crate::support::ORIGIN;
use keyward_resource_server::Settings;
use serde_json::json;

#[tokio::test]
async fn a_note_is_its_authors_only() {
    let site = Site::start();
    let (alice, bob) = (site.token("alice", "password123").await, site.token("bob", "hunter2").await);
    let text = json!({"title": "<b>t</b>", "content": "grüße & \"more\""});
    let note = site.good(&alice, "create_secure_note", text.clone()).await;
    assert_eq!(
        (&note["title"], &note["content"], &note["author"]),
        (&text["title"], &text["content"], &json!("alice"))
    );
    let id = json!({"id": note["id"]});
    assert_eq!(site.good(&alice, "read_secure_note", id.clone()).await, note);
    let listed = site.good(&alice, "list_secure_notes", json!({})).await;
    assert_eq!((&listed["note_count"], &listed["notes"][0]["title"]), (&json!(1), &text["title"]));
    assert!(listed["notes"][0].get("content").is_none());
    for other in [&bob, &site.admin().await] {
        let unknown = json!({"success": false, "error": "Note not found"});
        assert_eq!(site.bad(other, "read_secure_note", id.clone()).await, unknown);
        assert_eq!(site.good(other, "list_secure_notes", json!({})).await["note_count"], 0);
    }
}

#[tokio::test]
async fn who_may_only_read_makes_no_note() {
    let site = Site::start();
    for (username, password, role) in PEOPLE {
        let with = site.token(username, password).await;
        let result = site.call(&with, "create_secure_note", json!({"title": "t", "content": "c"})).await;
        assert_eq!(result["isError"] == true, role == "readonly", "{role}");
        site.good(&with, "list_secure_notes", json!({})).await;
    }
    let readonly = site.token("readonly", "ReadOnly123!").await;
    let denied = site.bad(&readonly, "create_secure_note", json!({"title": "t", "content": "c"})).await;
    assert_eq!(denied, json!({"error": "Permission denied", "required": "create"}));
    assert_eq!(site.events("access_denied").await[0]["username"], "readonly");
    assert!(site.events("access_granted").await.iter().any(|event| event["action"] == "create_secure_note"));
}

#[tokio::test]
async fn a_restart_keeps_people_logged_in_their_notes_and_their_keys_and_the_store_holds_no_plain_text() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let demo = || Settings::demo(ORIGIN, "http://127.0.0.1:8999").unwrap();
    let start = || Site::of(Settings { store: Some(file.clone()), ..demo() });
    let site = start();
    let login = site.login(&none(), "alice", "password123").await;
    let alice = super::bearer(login["access_token"].as_str().unwrap());
    let note = site.good(&alice, "create_secure_note", json!({"title": "tell-tale", "content": "tale-teller"})).await;
    let key = site.good(&alice, "create_api_key", json!({"name": "n"})).await;
    let again = start();
    assert_eq!(again.good(&alice, "read_secure_note", json!({"id": note["id"]})).await, note);
    let key = key["api_key"].as_str().unwrap();
    again.good(&super::bearer(key), "get_user_profile", json!({})).await;
    again.good(&none(), "refresh_session", json!({"refresh_token": login["refresh_token"]})).await;
    let secrets = ["tell-tale", "tale-teller", "password123", key, key.splitn(3, '_').nth(2).unwrap()];
    let tokens = ["access_token", "refresh_token"].map(|name| login[name].as_str().unwrap());
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in secrets.iter().chain(&tokens) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
