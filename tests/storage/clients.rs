//! Table `clients`.
use super::{a_grant, a_pair, event, events, new_client, new_code, new_consent, new_grant, now, registered};
use crate::support::db::{fresh_db, fresh_postgres};
use keyward::{
    model::{Client, ClientId, ClientSource},
    secrets::Digest,
    storage::{
        Db,
        changes::CLIENTS_CHANNEL,
        clients::{self, Filter, RegistrationResult},
        codes, consents, grants,
    },
};
use time::Duration;
use tokio::task::JoinSet;

fn with_fingerprint(fingerprint: &str) -> Client {
    Client { fingerprint: Some(Digest::of(fingerprint)), ..new_client() }
}

#[tokio::test]
async fn a_client_comes_back_as_it_was_registered() {
    let db = fresh_db().await;
    let client = Client { secret_hash: Some(Digest::of("secret")), ..with_fingerprint("f") };
    let registered = registered(&db, &client).await;
    let found = clients::find(&db, &client.id).await.unwrap().unwrap();
    for stored in [registered, found] {
        assert_eq!(format!("{stored:?}"), format!("{client:?}"));
    }
    assert!(clients::find(&db, &new_client().id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_public_registration_again_is_the_same_client_seen_later() {
    let db = fresh_db().await;
    let first = registered(&db, &with_fingerprint("same")).await;
    let later = Client { seen_at: now() + Duration::days(3), ..with_fingerprint("same") };
    let again = registered(&db, &later).await;
    assert_eq!((again.id, again.created_at, again.seen_at), (first.id, first.created_at, later.seen_at));
    assert!(clients::find(&db, &later.id).await.unwrap().is_none());
}

#[tokio::test]
async fn registrations_without_a_fingerprint_are_clients_of_their_own() {
    let db = fresh_db().await;
    let one = registered(&db, &new_client()).await;
    let other = registered(&db, &new_client()).await;
    assert_ne!(one.id, other.id);
}

#[tokio::test]
async fn registering_again_does_not_enable_a_disabled_client() {
    let db = fresh_db().await;
    let client = registered(&db, &with_fingerprint("bad")).await;
    assert!(clients::disable(&db, &client.id, now(), &event("disabled")).await.unwrap());
    // Nor does being forgotten in between.
    assert_eq!(clients::sweep_unused(&db, now() + Duration::days(99), None).await.unwrap(), 0);
    let again = registered(&db, &with_fingerprint("bad")).await;
    assert_eq!((again.id, again.disabled_at), (client.id.clone(), Some(now())));
    assert!(!clients::disable(&db, &client.id, now() + Duration::hours(1), &event("again")).await.unwrap());
    assert!(clients::enable(&db, &client.id, &event("enabled")).await.unwrap());
    assert!(clients::find(&db, &client.id).await.unwrap().unwrap().disabled_at.is_none());
    for nothing in [&client.id, &new_client().id] {
        assert!(!clients::enable(&db, nothing, &event("again")).await.unwrap());
    }
    assert!(!clients::disable(&db, &new_client().id, now(), &event("nobody")).await.unwrap());
    assert_eq!(events(&db).await, ["disabled", "enabled"]);
}

#[tokio::test]
async fn what_an_operator_disabled_does_not_come_back_with_the_configuration() {
    let db = fresh_db().await;
    let seed = Client { source: ClientSource::Seed, ..new_client() };
    clients::put_seed(&db, &seed).await.unwrap();
    assert!(clients::leave_out(&db, &seed.id, now()).await.unwrap());
    assert!(clients::is_left_out(&db, &seed.id).await.unwrap());
    // It is disabled, but not by an operator.
    let later = now() + Duration::hours(1);
    assert!(clients::disable(&db, &seed.id, later, &event("disabled")).await.unwrap());
    assert!(!clients::is_left_out(&db, &seed.id).await.unwrap());
    assert!(!clients::take_back(&db, &seed.id).await.unwrap());
    assert_eq!(clients::find(&db, &seed.id).await.unwrap().unwrap().disabled_at, Some(now()));
}

#[tokio::test]
async fn clients_are_listed_by_source_state_and_part_of_a_name_page_after_page() {
    let db = fresh_db().await;
    let mut all = ["a", "b", "c"].map(|id| Client { id: ClientId::from(id), ..new_client() });
    all[1].source = ClientSource::Seed;
    all[1].metadata.client_name = Some("100% Notes".into());
    all[2].created_at += Duration::hours(1);
    for client in &all {
        clients::put_seed(&db, client).await.unwrap();
    }
    clients::disable(&db, &all[0].id, now(), &event("disabled")).await.unwrap();
    let found = async |wanted: Filter, after: Option<&ClientId>, limit| {
        let found = clients::list(&db, &wanted, after, limit).await.unwrap();
        found.into_iter().map(|client| client.id.to_string()).collect::<Vec<_>>()
    };
    let any = Filter::default;
    assert_eq!(found(any(), None, 9).await, ["c", "b", "a"]);
    assert_eq!(found(any(), None, 2).await, ["c", "b"]);
    assert_eq!(found(any(), Some(&all[1].id), 9).await, ["a"]);
    assert_eq!(found(Filter { source: Some(ClientSource::Seed), ..any() }, None, 9).await, ["b"]);
    assert_eq!(found(Filter { disabled: Some(true), ..any() }, None, 9).await, ["a"]);
    assert_eq!(found(Filter { disabled: Some(false), ..any() }, None, 9).await, ["c", "b"]);
    assert_eq!(found(Filter { search: Some("0% NOT".into()), ..any() }, None, 9).await, ["b"]);
    assert_eq!(found(Filter { search: Some("_".into()), ..any() }, None, 9).await, [""; 0]);
}

#[tokio::test]
async fn a_seed_is_written_over_but_keeps_its_age_and_stays_disabled() {
    let db = fresh_db().await;
    let mut seed = Client { source: ClientSource::Seed, ..new_client() };
    clients::put_seed(&db, &seed).await.unwrap();
    db.set_client_disabled(&seed.id, Some(now())).await;
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
    assert!(
        grants::authorize(&db, &grant, &code, None, std::slice::from_ref(&consent), &event("approval")).await.unwrap()
    );
    assert!(clients::delete(&db, &client.id).await.unwrap());
    assert!(!clients::delete(&db, &client.id).await.unwrap());
    assert!(grants::find(&db, grant.id).await.unwrap().is_none());
    assert!(codes::find(&db, &code.code_hash).await.unwrap().is_none());
    assert!(consents::find(&db, user.id, &client.id, &consent.resource).await.unwrap().is_none());
}

#[tokio::test]
async fn of_many_that_register_at_once_as_many_get_in_as_may_be_unused() {
    let db = fresh_db().await;
    let mut all = JoinSet::new();
    for _ in 0..20 {
        let db = (*db).clone();
        all.spawn(async move { clients::register(&db, &new_client(), "192.0.2.1", 5, None).await.unwrap() });
    }
    let done = all.join_all().await.into_iter().filter(|one| matches!(one, RegistrationResult::Done(_))).count();
    assert_eq!((done, clients::count_unused(&db).await.unwrap()), (5, 5));
}

#[tokio::test]
async fn only_old_registrations_that_were_never_granted_anything_are_swept() {
    let db = fresh_db().await;
    let old = registered(&db, &new_client()).await;
    let young = Client { seen_at: now() + Duration::days(2), ..new_client() };
    registered(&db, &young).await;
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
#[ignore = "PostgreSQL alone"]
async fn postgresql_notifies_which_client_changed_or_went() {
    let db = fresh_postgres().await;
    let Db::Postgres(pool) = &*db else { unreachable!() };
    let mut listener = sqlx::postgres::PgListener::connect_with(pool).await.unwrap();
    listener.listen(CLIENTS_CHANNEL).await.unwrap();
    let client = registered(&db, &with_fingerprint("f")).await;
    registered(&db, &with_fingerprint("f")).await;
    db.set_client_disabled(&client.id, Some(now())).await;
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
