//! Table `clients`.
use super::{a_grant, a_pair, new_client, new_code, new_consent, new_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{Client, ClientSource},
    secrets::Digest,
    storage::{Db, changes::CLIENTS_CHANNEL, clients, codes, consents, grants},
};
use time::Duration;

fn with_fingerprint(fingerprint: &str) -> Client {
    Client { fingerprint: Some(Digest::of(fingerprint)), ..new_client() }
}

#[tokio::test]
async fn a_client_comes_back_as_it_was_registered() {
    let db = fresh_db().await;
    let client = Client { secret_hash: Some(Digest::of("secret")), ..with_fingerprint("f") };
    let registered = clients::register(&db, &client, "192.0.2.1").await.unwrap();
    let found = clients::find(&db, &client.id).await.unwrap().unwrap();
    for stored in [registered, found] {
        assert_eq!(format!("{stored:?}"), format!("{client:?}"));
    }
    assert!(clients::find(&db, &new_client().id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_public_registration_again_is_the_same_client_seen_later() {
    let db = fresh_db().await;
    let first = clients::register(&db, &with_fingerprint("same"), "192.0.2.1").await.unwrap();
    let later = Client { seen_at: now() + Duration::days(3), ..with_fingerprint("same") };
    let again = clients::register(&db, &later, "192.0.2.1").await.unwrap();
    assert_eq!((again.id, again.created_at, again.seen_at), (first.id, first.created_at, later.seen_at));
    assert!(clients::find(&db, &later.id).await.unwrap().is_none());
}

#[tokio::test]
async fn registrations_without_a_fingerprint_are_clients_of_their_own() {
    let db = fresh_db().await;
    let one = clients::register(&db, &new_client(), "192.0.2.1").await.unwrap();
    let other = clients::register(&db, &new_client(), "192.0.2.1").await.unwrap();
    assert_ne!(one.id, other.id);
}

#[tokio::test]
async fn registering_again_does_not_enable_a_disabled_client() {
    let db = fresh_db().await;
    let client = clients::register(&db, &with_fingerprint("bad"), "192.0.2.1").await.unwrap();
    assert!(clients::set_disabled(&db, &client.id, Some(now())).await.unwrap());
    // Nor does being forgotten in between.
    assert_eq!(clients::sweep_unused(&db, now() + Duration::days(99), None).await.unwrap(), 0);
    let again = clients::register(&db, &with_fingerprint("bad"), "192.0.2.1").await.unwrap();
    assert_eq!((again.id, again.disabled_at), (client.id.clone(), Some(now())));
    assert!(clients::set_disabled(&db, &client.id, None).await.unwrap());
    assert!(clients::find(&db, &client.id).await.unwrap().unwrap().disabled_at.is_none());
    assert!(!clients::set_disabled(&db, &new_client().id, None).await.unwrap());
}

#[tokio::test]
async fn a_seed_is_written_over_but_keeps_its_age_and_stays_disabled() {
    let db = fresh_db().await;
    let mut seed = Client { source: ClientSource::Seed, ..new_client() };
    clients::put_seed(&db, &seed).await.unwrap();
    clients::set_disabled(&db, &seed.id, Some(now())).await.unwrap();
    seed.created_at = now() + Duration::days(1);
    seed.seen_at = seed.created_at;
    seed.metadata.client_name = Some("Renamed".into());
    clients::put_seed(&db, &seed).await.unwrap();
    let stored = clients::find(&db, &seed.id).await.unwrap().unwrap();
    assert_eq!((stored.created_at, stored.disabled_at), (now(), Some(now())));
    assert_eq!((stored.seen_at, stored.metadata), (seed.seen_at, seed.metadata));
}

#[tokio::test]
async fn deleting_a_client_takes_its_grants_codes_and_consents_along() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let grant = new_grant(&client, &user);
    let (code, consent) = (new_code(&grant), new_consent(&grant));
    assert!(grants::authorize(&db, &grant, &code, None, std::slice::from_ref(&consent)).await.unwrap());
    assert!(clients::delete(&db, &client.id).await.unwrap());
    assert!(!clients::delete(&db, &client.id).await.unwrap());
    assert!(grants::find(&db, grant.id).await.unwrap().is_none());
    assert!(codes::find(&db, &code.code_hash).await.unwrap().is_none());
    assert!(consents::find(&db, user.id, &client.id, &consent.resource).await.unwrap().is_none());
}

#[tokio::test]
async fn only_old_registrations_that_were_never_granted_anything_are_swept() {
    let db = fresh_db().await;
    let old = clients::register(&db, &new_client(), "192.0.2.1").await.unwrap();
    let young = Client { seen_at: now() + Duration::days(2), ..new_client() };
    clients::register(&db, &young, "192.0.2.1").await.unwrap();
    let seed = Client { source: ClientSource::Seed, ..new_client() };
    clients::put_seed(&db, &seed).await.unwrap();
    let (granted, _) = a_grant(&db).await;
    assert_eq!(clients::count_unused(&db).await.unwrap(), 2);
    assert_eq!(clients::sweep_unused(&db, now() + Duration::days(1), None).await.unwrap(), 1);
    assert!(clients::find(&db, &old.id).await.unwrap().is_none());
    for kept in [young.id, seed.id, granted.client_id] {
        assert!(clients::find(&db, &kept).await.unwrap().is_some());
    }
    assert_eq!(clients::count_unused(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn postgresql_notifies_which_client_changed_or_went() {
    let db = fresh_db().await;
    let Db::Postgres(pool) = &*db else {
        return eprintln!("SQLite has one node and notifies nobody; set TEST_DATABASE_URL to test PostgreSQL");
    };
    let mut listener = sqlx::postgres::PgListener::connect_with(pool).await.unwrap();
    listener.listen(CLIENTS_CHANNEL).await.unwrap();
    let client = clients::register(&db, &with_fingerprint("f"), "192.0.2.1").await.unwrap();
    clients::register(&db, &with_fingerprint("f"), "192.0.2.1").await.unwrap();
    clients::set_disabled(&db, &client.id, Some(now())).await.unwrap();
    clients::delete(&db, &client.id).await.unwrap();
    let end = new_client().id;
    sqlx::query("SELECT pg_notify($1, $2)").bind(CLIENTS_CHANNEL).bind(&end).execute(pool).await.unwrap();
    let mut heard = 0;
    loop {
        // Other tests' clients are heard here too.
        match listener.recv().await.unwrap().payload() {
            id if id == end.as_str() => break,
            id if id == client.id.as_str() => heard += 1,
            _ => {}
        }
    }
    assert_eq!(heard, 2);
}
