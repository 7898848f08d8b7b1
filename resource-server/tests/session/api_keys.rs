//! API keys that people make: what they are good for, where, and until when.
use super::{PEOPLE, Site, authentication_required, bearer, none, session};
use crate::support::call;
use serde_json::{Value, json};
use time::Duration;

async fn make(site: &Site, with: &super::With, arguments: Value) -> (String, String) {
    let made = site.good(with, "create_api_key", arguments).await;
    (made["id"].as_str().unwrap().to_owned(), made["api_key"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_key_acts_for_its_maker_within_its_permissions() {
    let site = Site::start();
    let alice = site.token("alice", "password123").await;
    let (id, reading) = make(&site, &alice, json!({"name": "reader"})).await;
    assert!(reading.starts_with(&format!("mk_{id}_")) && reading.len() > 50, "{reading}");
    let profile = site.good(&bearer(&reading), "get_user_profile", json!({})).await;
    assert_eq!((&profile["username"], &profile["permissions"]), (&json!("alice"), &json!(["read", "list"])));
    let note = json!({"title": "t", "content": "c"});
    let denied = json!({"error": "Permission denied", "required": "create"});
    assert_eq!(site.bad(&bearer(&reading), "create_secure_note", note.clone()).await, denied);
    let (_, writing) = make(&site, &alice, json!({"name": "writer", "permissions": ["create"]})).await;
    site.good(&bearer(&writing), "create_secure_note", note).await;
    let denied = json!({"error": "Permission denied", "required": "list"});
    assert_eq!(site.bad(&bearer(&writing), "list_secure_notes", json!({})).await, denied);
}

#[tokio::test]
async fn a_key_has_no_more_than_its_maker() {
    let site = Site::start();
    let allowed = [("admin", 4), ("service_bot", 3), ("testuser", 2), ("readonly", 0)];
    for ((username, password, _), (_, count)) in PEOPLE.into_iter().zip(allowed) {
        let with = site.token(username, password).await;
        let mut good = 0;
        for permission in ["read", "write", "create", "admin"] {
            let result = site.call(&with, "create_api_key", json!({"name": "n", "permissions": [permission]})).await;
            good += usize::from(result["isError"] != true);
        }
        assert_eq!(good, count, "{username}");
    }
    let alice = site.token("alice", "password123").await;
    let (_, creating) = make(&site, &alice, json!({"name": "n", "permissions": ["create"]})).await;
    let more = json!({"name": "more", "permissions": ["read"]});
    let denied = json!({"error": "Permission denied", "required": "read"});
    assert_eq!(site.bad(&bearer(&creating), "create_api_key", more).await, denied);
}

#[tokio::test]
async fn a_key_is_good_on_the_surface_for_keys_with_the_same_permissions_and_nowhere_else() {
    let site = Site::start();
    let admin = site.admin().await;
    let weather = call("get_current_weather", json!({"city": "Berlin"}));
    for (permission, status) in [("read", 200), ("write", 200), ("admin", 200), ("create", 403)] {
        let (_, key) = make(&site, &admin, json!({"name": "n", "permissions": [permission]})).await;
        let answer = site.send_to("/mcp/api-key", &bearer(&key), &weather).await;
        assert_eq!(answer.status, status, "{permission}: {answer:?}");
        if status == 403 {
            assert_eq!(answer.challenge("error").as_deref(), Some("insufficient_scope"));
        }
        for surface in ["oauth", "device", "client-credentials", "bearer-token", "basic", "security-keys"] {
            let answer = site.send_to(&format!("/mcp/{surface}"), &bearer(&key), &weather).await;
            assert!([401, 503].contains(&answer.status.as_u16()), "{surface}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires_or_is_revoked() {
    let site = Site::start();
    let alice = site.token("alice", "password123").await;
    let (_, short) = make(&site, &alice, json!({"name": "short", "expires_days": 1})).await;
    let (id, long) = make(&site, &alice, json!({"name": "long"})).await;
    let weather = call("get_current_weather", json!({"city": "Berlin"}));
    site.clock.advance(Duration::days(1));
    let status = async |path, key: &str| site.send_to(path, &bearer(key), &weather).await.status.as_u16();
    assert_eq!((status("/mcp/session", &short).await, status("/mcp/api-key", &short).await), (401, 401));
    assert_eq!((status("/mcp/session", &long).await, status("/mcp/api-key", &long).await), (200, 200));
    let expired = site.events("api_key_expired").await;
    assert_eq!((expired.len(), &expired[0]["username"]), (2, &json!("alice")));
    let bob = site.token("bob", "hunter2").await;
    let unknown = json!({"success": false, "error": "API key not found"});
    assert_eq!(site.bad(&bob, "revoke_api_key", json!({"id": id})).await, unknown);
    let alice = site.token("alice", "password123").await;
    site.good(&alice, "revoke_api_key", json!({"id": id})).await;
    assert_eq!(site.bad(&alice, "revoke_api_key", json!({"id": id})).await, unknown);
    assert_eq!((status("/mcp/session", &long).await, status("/mcp/api-key", &long).await), (401, 401));
    let events = site.events("api_key_revoked").await;
    assert_eq!((events.len(), &events[0]["details"]["api_key"]), (1, &json!(id)));
}

/// The status on both surfaces that take keys.
async fn statuses(site: &Site, key: &str) -> [u16; 2] {
    let weather = call("get_current_weather", json!({"city": "Berlin"}));
    let mut all = [0; 2];
    for (place, path) in ["/mcp/session", "/mcp/api-key"].into_iter().enumerate() {
        all[place] = site.send_to(path, &bearer(key), &weather).await.status.as_u16();
    }
    all
}

#[tokio::test]
async fn attack_122_no_key_outlives_the_key_or_session_it_was_made_with_however_many_lie_between() {
    let site = Site::start();
    let making = |days: Option<u16>| {
        let mut arguments = json!({"name": "n", "permissions": ["read", "create"]});
        if let Some(days) = days {
            arguments["expires_days"] = json!(days);
        }
        arguments
    };
    let alice = site.token("alice", "password123").await;
    let (first, parent) = make(&site, &alice, making(Some(1))).await;
    // For longer, for ever, and made by one that was made by one.
    let (_, longer) = make(&site, &bearer(&parent), making(Some(365))).await;
    let (_, endless) = make(&site, &bearer(&parent), making(None)).await;
    let mut deepest = endless.clone();
    for _ in 0..20 {
        deepest = make(&site, &bearer(&deepest), making(None)).await.1;
    }
    let by_connection = session(&site.open_session(&none()).await);
    site.good(&by_connection, "authenticate_with_api_key", json!({"api_key": parent})).await;
    let (_, connected) = make(&site, &by_connection, making(None)).await;
    let by_argument = json!({"name": "n", "session_token": parent});
    let (_, argued) = make(&site, &none(), by_argument).await;
    let all = [&longer, &endless, &deepest, &connected, &argued];
    let ends = site.good(&alice, "list_api_keys", json!({})).await;
    let end = ends["keys"][0]["expires_at"].clone();
    assert!(ends["keys"].as_array().unwrap().iter().all(|key| key["expires_at"] == end), "{ends}");
    for key in all {
        assert_eq!(statuses(&site, key).await, [200, 200]);
    }
    // It cannot be made to last by those it made.
    site.good(&bearer(&deepest), "revoke_api_key", json!({"id": first})).await;
    for key in all.into_iter().chain([&parent]) {
        assert_eq!(statuses(&site, key).await, [401, 401]);
    }
    assert_eq!(site.good(&alice, "list_api_keys", json!({})).await["key_count"], 0);

    let (_, parent) = make(&site, &alice, making(Some(1))).await;
    let (_, child) = make(&site, &bearer(&parent), making(None)).await;
    site.clock.advance(Duration::days(1));
    assert_eq!((statuses(&site, &parent).await, statuses(&site, &child).await), ([401, 401], [401, 401]));
}

#[tokio::test]
async fn attack_122_a_key_made_in_a_session_ends_with_it_and_one_made_with_the_password_does_not() {
    let site = Site::start();
    let making = |password: Option<&str>| {
        let mut arguments = json!({"name": "n", "permissions": ["read", "create"]});
        if let Some(password) = password {
            arguments["password"] = json!(password);
        }
        arguments
    };
    let alice = site.token("alice", "password123").await;
    let (_, own) = make(&site, &alice, making(None)).await;
    let (_, child) = make(&site, &bearer(&own), making(None)).await;
    let (_, lasting) = make(&site, &alice, making(Some("password123"))).await;
    let wrong = site.bad(&alice, "create_api_key", making(Some("hunter2"))).await;
    assert_eq!(wrong, json!({"success": false, "error": "Invalid username or password"}));
    site.good(&alice, "logout", json!({})).await;
    for (key, status) in [(&own, 401), (&child, 401), (&lasting, 200)] {
        assert_eq!(statuses(&site, key).await, [status; 2]);
    }
    let alice = site.token("alice", "password123").await;
    let listed = site.good(&alice, "list_api_keys", json!({})).await;
    assert_eq!((&listed["key_count"], &listed["keys"][0]["expires_at"]), (&json!(1), &Value::Null));
    // A session that is not renewed ends, and so it is with its keys.
    let (_, own) = make(&site, &alice, making(None)).await;
    site.clock.advance(Duration::days(7));
    assert_eq!((statuses(&site, &own).await, statuses(&site, &lasting).await), ([401, 401], [200, 200]));
}

#[tokio::test]
async fn attack_122_a_stolen_session_takes_the_keys_made_in_it_along() {
    let site = Site::start();
    let login = site.login(&none(), "alice", "password123").await;
    let with = bearer(login["access_token"].as_str().unwrap());
    let (_, key) = make(&site, &with, json!({"name": "n"})).await;
    let renew = json!({"refresh_token": login["refresh_token"]});
    site.good(&none(), "refresh_session", renew.clone()).await;
    assert_eq!(statuses(&site, &key).await, [200, 200]);
    site.clock.advance(Duration::minutes(2));
    site.bad(&none(), "refresh_session", renew).await;
    assert_eq!(statuses(&site, &key).await, [401, 401]);
}

#[tokio::test]
async fn keys_are_listed_without_their_secrets_to_their_owner_and_all_to_an_administrator() {
    let site = Site::start();
    let alice = site.token("alice", "password123").await;
    let (id, key) = make(&site, &alice, json!({"name": "mine", "expires_days": 365})).await;
    site.good(&bearer(&key), "get_user_profile", json!({})).await;
    let listed = site.good(&alice, "list_api_keys", json!({})).await;
    let mine = &listed["keys"][0];
    assert_eq!((&listed["key_count"], &mine["id"], &mine["owner"]), (&json!(1), &json!(id), &json!("alice")));
    assert!(mine["last_used"].is_string() && mine["expires_at"].is_string(), "{mine}");
    assert_eq!(mine["fingerprint"].as_str().unwrap().len(), 12);
    assert!(!listed.to_string().contains(key.splitn(3, '_').nth(2).unwrap()));
    let bob = site.token("bob", "hunter2").await;
    assert_eq!(site.good(&bob, "list_api_keys", json!({})).await["key_count"], 0);
    let admin = site.admin().await;
    assert_eq!(site.good(&admin, "list_api_keys", json!({})).await["key_count"], 1);
    site.good(&admin, "revoke_api_key", json!({"id": id})).await;
    assert_eq!(site.events("api_key_used").await.len(), 1);
}

#[tokio::test]
async fn a_key_whose_secret_is_not_its_own_is_none() {
    let site = Site::start();
    let (id, key) = make(&site, &site.token("alice", "password123").await, json!({"name": "n"})).await;
    let (_, other) = make(&site, &site.token("bob", "hunter2").await, json!({"name": "n"})).await;
    let bobs = other.splitn(3, '_').nth(2).map(|secret| format!("mk_{id}_{secret}")).unwrap();
    for wrong in [&key[..key.len() - 1], &format!("{key}a"), &format!("mk_{id}_"), &format!("mk_{id}"), &bobs] {
        for path in ["/mcp/session", "/mcp/api-key"] {
            assert_eq!(site.send_to(path, &bearer(wrong), &call("x", json!({}))).await.status, 401, "{path}");
        }
        site.bad(&none(), "authenticate_with_api_key", json!({"api_key": wrong})).await;
    }
    site.good(&bearer(&key), "get_user_profile", json!({})).await;
}

#[tokio::test]
async fn a_key_logs_a_connection_in() {
    let site = Site::start();
    let (id, key) = make(&site, &site.token("alice", "password123").await, json!({"name": "n"})).await;
    let connection = session(&site.open_session(&none()).await);
    let known = site.good(&connection, "authenticate_with_api_key", json!({"api_key": key})).await;
    assert_eq!(known["user"]["username"], "alice");
    assert_eq!(site.good(&connection, "get_user_profile", json!({})).await["permissions"], json!(["read", "list"]));
    site.good(&site.admin().await, "revoke_api_key", json!({"id": id})).await;
    assert_eq!(site.bad(&connection, "get_user_profile", json!({})).await, authentication_required());
    for wrong in ["mk_1_2", "", &key[..key.len() - 1], "test-api-key-12345"] {
        let refused = site.bad(&none(), "authenticate_with_api_key", json!({"api_key": wrong})).await;
        assert_eq!(refused, json!({"success": false, "error": "Invalid API key"}));
    }
}
