//! Table `registration_access_tokens`, and what an update of a registration changes elsewhere.
use super::{a_pair, event, new_code, new_consent, new_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    secrets::Digest,
    storage::{clients, consents, grants, registration_access_tokens},
};

#[tokio::test]
async fn a_token_tells_whose_it_is_until_its_client_is_gone() {
    let db = fresh_db().await;
    let ((mine, _), (other, _)) = (a_pair(&db).await, a_pair(&db).await);
    registration_access_tokens::insert(&db, &Digest::of("mine"), &mine.id).await.unwrap();
    registration_access_tokens::insert(&db, &Digest::of("other"), &other.id).await.unwrap();
    let find = async |token: &str| registration_access_tokens::find(&db, &Digest::of(token)).await.unwrap();
    assert_eq!(find("mine").await.unwrap(), mine.id);
    assert_eq!(find("unknown").await, None);
    assert!(registration_access_tokens::insert(&db, &Digest::of("second"), &mine.id).await.is_err());
    clients::delete(&db, &mine.id).await.unwrap();
    assert_eq!(find("mine").await, None);
    assert_eq!(find("other").await.unwrap(), other.id);
}

#[tokio::test]
async fn an_update_replaces_the_metadata_and_voids_what_was_allowed_before() {
    let db = fresh_db().await;
    let (mut client, user) = a_pair(&db).await;
    let grant = new_grant(&client, &user);
    let consent = new_consent(&grant);
    grants::authorize(&db, &grant, &new_code(&grant), None, std::slice::from_ref(&consent), &event("approval"))
        .await
        .unwrap();
    client.metadata.client_name = Some("Another".into());
    client.metadata.scope = None;
    assert!(clients::update(&db, &client).await.unwrap());
    assert_eq!(clients::find(&db, &client.id).await.unwrap().unwrap().metadata, client.metadata);
    let kept = consents::find(&db, user.id, &client.id, &consent.resource).await.unwrap().unwrap();
    assert!(!kept.fingerprint.matches(&consent.fingerprint));
    assert!(grants::find(&db, grant.id).await.unwrap().unwrap().revoked_at.is_none());
}

#[tokio::test]
async fn who_is_disabled_or_gone_is_not_updated() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    db.set_client_disabled(&client.id, Some(now())).await;
    assert!(!clients::update(&db, &client).await.unwrap());
    clients::delete(&db, &client.id).await.unwrap();
    assert!(!clients::update(&db, &client).await.unwrap());
}
