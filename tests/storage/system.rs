//! Tables `revoked_tokens`, `used_assertions`, `signing_keys`, `settings` and `audit_events`.
use super::{a_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{
        AuditEvent, AuditEventId, ClientId,
        KeyStatus::{Current, Next, Retired},
        SigningKey,
    },
    secrets::Digest,
    storage::{audit_events, revoked_tokens, settings, signing_keys, used_assertions},
};
use time::Duration;

#[tokio::test]
async fn a_revoked_token_is_known_until_it_would_have_expired() {
    let db = fresh_db().await;
    let expires_at = now() + Duration::minutes(10);
    for _ in 0..2 {
        revoked_tokens::insert(&db, "jti", expires_at).await.unwrap();
    }
    assert!(revoked_tokens::contains(&db, "jti").await.unwrap());
    assert!(!revoked_tokens::contains(&db, "other").await.unwrap());
    assert_eq!(revoked_tokens::sweep(&db, now()).await.unwrap(), 0);
    assert_eq!(revoked_tokens::sweep(&db, expires_at).await.unwrap(), 1);
    assert!(!revoked_tokens::contains(&db, "jti").await.unwrap());
}

#[tokio::test]
async fn one_key_per_algorithm_is_current_one_is_next_and_the_oldest_comes_first() {
    let db = fresh_db().await;
    let key = |kid: &str, algorithm: &str, status, age| SigningKey {
        kid: kid.into(),
        algorithm: algorithm.into(),
        status,
        sealed: vec![0, 1, 255],
        created_at: now() - Duration::days(age),
        activated_at: (status != Next).then_some(now()),
        retired_at: (status == Retired).then_some(now()),
    };
    let insert = async |key: SigningKey| signing_keys::insert_if_absent(&db, &key).await.unwrap();
    assert!(insert(key("a", "ES256", Current, 1)).await);
    assert!(!insert(key("a", "ES256", Next, 1)).await);
    assert!(!insert(key("b", "ES256", Current, 0)).await);
    assert!(insert(key("c", "ES256", Retired, 3)).await);
    assert!(insert(key("d", "RS256", Current, 2)).await);
    assert!(insert(key("e", "ES256", Next, 0)).await);
    assert!(!insert(key("f", "ES256", Next, 0)).await);
    let keys = signing_keys::all(&db).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["c", "d", "a", "e"]);
    assert_eq!(keys[2], key("a", "ES256", Current, 1));
    assert!(signing_keys::contains(&db, "e").await.unwrap() && !signing_keys::contains(&db, "f").await.unwrap());
}

#[tokio::test]
async fn a_setting_keeps_its_first_value() {
    let db = fresh_db().await;
    assert_eq!(settings::get_or_insert(&db, "salt", b"one").await.unwrap(), b"one");
    assert_eq!(settings::get_or_insert(&db, "salt", b"two").await.unwrap(), b"one");
    assert_eq!(settings::get_or_insert(&db, "canary", b"").await.unwrap(), b"");
}

#[tokio::test]
async fn audit_events_come_back_youngest_first_and_outlive_whom_they_speak_of() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    let event = |event_type: &str| AuditEvent {
        id: AuditEventId::new(),
        event_type: event_type.into(),
        level: "info".into(),
        user_id: Some(grant.user_id),
        client_id: Some(grant.client_id.clone()),
        grant_id: Some(grant.id),
        success: true,
        details: serde_json::json!({ "scope": "mcp:read", "count": 3 }),
        request_id: None,
        ip_address: Some("2001:db8::1".into()),
        user_agent: Some("Agent/1".into()),
        at: now(),
    };
    let [first, second, third] = ["grant.issued", "grant.rotated", "grant.revoked"].map(event);
    for event in [&first, &second, &third] {
        audit_events::insert(&db, event).await.unwrap();
    }
    keyward::storage::clients::delete(&db, &grant.client_id).await.unwrap();
    let recent = audit_events::recent(&db, 2).await.unwrap();
    assert_eq!(format!("{recent:?}"), format!("{:?}", [third, second]));
}

#[tokio::test]
async fn an_assertion_is_used_once_for_each_client_until_it_is_swept() {
    let db = fresh_db().await;
    let (a, b) = (ClientId::from("a"), ClientId::from("b"));
    let expires_at = now() + Duration::minutes(5);
    let jti = Digest::of("jti");
    assert!(used_assertions::insert(&db, (&a, &jti, expires_at)).await.unwrap());
    assert!(!used_assertions::insert(&db, (&a, &jti, expires_at + Duration::minutes(1))).await.unwrap());
    let contains = async |client| used_assertions::contains(&db, (client, &jti, expires_at)).await.unwrap();
    assert!(contains(&a).await && !contains(&b).await);
    assert!(used_assertions::insert(&db, (&b, &jti, expires_at)).await.unwrap());
    assert_eq!(used_assertions::sweep(&db, now()).await.unwrap(), 0);
    assert!(!used_assertions::insert(&db, (&a, &jti, expires_at)).await.unwrap());
    assert_eq!(used_assertions::sweep(&db, expires_at).await.unwrap(), 2);
}
