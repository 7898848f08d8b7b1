//! Table `device_codes`.
use super::{a_pair, new_grant, now, scopes};
use crate::support::db::fresh_db;
use keyward::{
    model::{Client, DeviceAuthorization},
    secrets::{self, Digest},
    storage::{
        clients,
        device_codes::{self, DeviceDecision, DeviceLimits, Insertion},
        grants,
    },
};
use time::Duration;
use tokio::task::JoinSet;

const MANY: DeviceLimits = DeviceLimits { of_source: 1_000, of_client: 1_000 };

fn new_device(client: &Client) -> DeviceAuthorization {
    DeviceAuthorization {
        device_code_hash: Digest::of(secrets::random()),
        user_code_hash: Digest::of(secrets::random()),
        client_id: client.id.clone(),
        scopes: scopes("mcp:read"),
        resources: vec!["https://mcp.example/a".into()],
        ip_address: "192.0.2.1".into(),
        source: "192.0.2.1".into(),
        created_at: now(),
        expires_at: now() + Duration::minutes(10),
        poll_interval: 5,
        next_poll_at: now() + Duration::seconds(5),
        user_id: None,
        auth_time: None,
        decided_at: None,
        allowed: false,
        consumed_at: None,
    }
}

#[tokio::test]
async fn a_device_comes_back_as_stored_by_either_code_and_no_code_is_given_twice() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let device = new_device(&client);
    assert_eq!(device_codes::insert(&db, &device, MANY).await.unwrap(), Insertion::Done);
    let stored = device_codes::find(&db, &device.device_code_hash).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{device:?}"));
    let stored = device_codes::find_by_user_code(&db, &device.user_code_hash).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{device:?}"));
    let twin = DeviceAuthorization { user_code_hash: device.user_code_hash.clone(), ..new_device(&client) };
    assert_eq!(device_codes::insert(&db, &twin, MANY).await.unwrap(), Insertion::Taken);
    assert!(device_codes::find(&db, &twin.device_code_hash).await.unwrap().is_none());
    assert!(device_codes::find(&db, &Digest::of("unknown")).await.unwrap().is_none());
}

#[tokio::test]
async fn of_many_devices_at_once_as_many_get_in_as_may_wait() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    for (limits, full) in [
        (DeviceLimits { of_client: 5, ..MANY }, Insertion::ClientFull),
        // Beside those five, of the same address.
        (DeviceLimits { of_source: 8, ..MANY }, Insertion::SourceFull),
    ] {
        let mut all = JoinSet::new();
        for _ in 0..20 {
            let (db, device) = ((*db).clone(), new_device(&client));
            all.spawn(async move { device_codes::insert(&db, &device, limits).await.unwrap() });
        }
        let all = all.join_all().await;
        assert!(all.iter().all(|one| [Insertion::Done, full].contains(one)), "{all:?}");
        let waiting = device_codes::count_of_client(&db, &client.id, now()).await.unwrap();
        assert_eq!(waiting, limits.of_client.min(limits.of_source));
    }
}

#[tokio::test]
async fn a_decision_is_taken_once_in_time_and_keeps_who_took_it() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let device = new_device(&client);
    device_codes::insert(&db, &device, MANY).await.unwrap();
    let narrower = scopes("mcp:other");
    let yes = DeviceDecision { user_id: user.id, auth_time: now(), allowed: Some(&narrower), form: None };
    let no = DeviceDecision { allowed: None, ..yes };
    let hash = &device.device_code_hash;
    assert!(!device_codes::decide(&db, hash, &yes, device.expires_at).await.unwrap());
    assert!(device_codes::decide(&db, hash, &yes, now()).await.unwrap());
    assert!(!device_codes::decide(&db, hash, &no, now()).await.unwrap());
    let stored = device_codes::find(&db, hash).await.unwrap().unwrap();
    assert_eq!((stored.user_id, stored.auth_time, stored.decided_at), (Some(user.id), Some(now()), Some(now())));
    assert!(stored.allowed && stored.scopes == narrower && !stored.is_open(now()));

    let denied = new_device(&client);
    device_codes::insert(&db, &denied, MANY).await.unwrap();
    assert!(device_codes::decide(&db, &denied.device_code_hash, &no, now()).await.unwrap());
    let stored = device_codes::find(&db, &denied.device_code_hash).await.unwrap().unwrap();
    assert!(!stored.allowed && stored.scopes == denied.scopes);
}

#[tokio::test]
async fn only_an_allowed_code_is_redeemed_once_and_in_time() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let device = new_device(&client);
    device_codes::insert(&db, &device, MANY).await.unwrap();
    let hash = &device.device_code_hash;
    let grant = new_grant(&client, &user);
    assert!(!grants::redeem(&db, &grant, hash, now()).await.unwrap());
    let said = DeviceDecision { user_id: user.id, auth_time: now(), allowed: Some(&device.scopes), form: None };
    device_codes::decide(&db, hash, &said, now()).await.unwrap();
    assert!(!grants::redeem(&db, &grant, hash, device.expires_at).await.unwrap());
    assert!(grants::find(&db, grant.id).await.unwrap().is_none());
    assert!(grants::redeem(&db, &grant, hash, now()).await.unwrap());
    let again = new_grant(&client, &user);
    assert!(!grants::redeem(&db, &again, hash, now()).await.unwrap());
    let stored = grants::find(&db, grant.id).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{grant:?}"));
    assert!(grants::find(&db, again.id).await.unwrap().is_none());
    assert_eq!(device_codes::find(&db, hash).await.unwrap().unwrap().consumed_at, Some(now()));
}

#[tokio::test]
async fn of_two_polls_that_read_the_same_one_is_counted() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let device = new_device(&client);
    device_codes::insert(&db, &device, MANY).await.unwrap();
    let next = now() + Duration::seconds(10);
    assert!(device_codes::poll(&db, &device, 10, next).await.unwrap());
    assert!(!device_codes::poll(&db, &device, 10, next).await.unwrap());
    let stored = device_codes::find(&db, &device.device_code_hash).await.unwrap().unwrap();
    assert_eq!((stored.poll_interval, stored.next_poll_at), (10, next));
}

#[tokio::test]
async fn live_codes_are_counted_and_old_ones_go_with_time_or_with_their_client() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let device = new_device(&client);
    device_codes::insert(&db, &device, MANY).await.unwrap();
    let (one_of_source, one_of_client) = (DeviceLimits { of_source: 1, ..MANY }, DeviceLimits { of_client: 1, ..MANY });
    let more = async |limits, at| {
        let more = DeviceAuthorization { created_at: at, ..new_device(&client) };
        device_codes::insert(&db, &more, limits).await.unwrap()
    };
    let waiting = async || device_codes::count_of_client(&db, &client.id, now()).await.unwrap();
    assert_eq!(more(one_of_source, now()).await, Insertion::SourceFull);
    assert_eq!(more(one_of_client, now()).await, Insertion::ClientFull);
    assert_eq!(waiting().await, 1);
    let said = DeviceDecision { user_id: user.id, auth_time: now(), allowed: None, form: None };
    device_codes::decide(&db, &device.device_code_hash, &said, now()).await.unwrap();
    assert_eq!(waiting().await, 0);
    assert_eq!(more(one_of_source, now()).await, Insertion::SourceFull);
    assert_eq!(device_codes::sweep(&db, device.expires_at + Duration::hours(1)).await.unwrap(), 0);
    assert_eq!(device_codes::sweep(&db, device.expires_at + Duration::hours(2)).await.unwrap(), 1);
    assert_eq!(more(one_of_client, now()).await, Insertion::Done);
    let device = DeviceAuthorization { created_at: device.expires_at, ..new_device(&client) };
    assert_eq!(device_codes::insert(&db, &device, one_of_source).await.unwrap(), Insertion::Done);
    clients::delete(&db, &client.id).await.unwrap();
    assert!(device_codes::find(&db, &device.device_code_hash).await.unwrap().is_none());
}
