//! Selections of rows, for each table that has them.
use super::{a_grant, a_pair, event, new_code, new_grant, now, registered};
use crate::support::db::fresh_db;
use keyward::{
    model::{AuditEvent, AuditEventId, AuditRecord, ClientId, DeviceAuthorization, Grant, Scopes, UserId},
    secrets::{Digest, random},
    storage::{
        Db, Selection,
        audit_events::{self, Filter},
        clients, codes, device_codes, grants,
    },
};
use time::{Duration, OffsetDateTime};

fn all() -> Selection {
    Selection { limit: 10, client_id: None, since: None }
}

fn of(client: &str) -> Selection {
    Selection { client_id: Some(ClientId::from(client)), ..all() }
}

fn since(at: OffsetDateTime) -> Selection {
    Selection { since: Some(at), ..all() }
}

/// By limit, client and date, of two rows of which the second is an hour younger.
macro_rules! select_the_right {
    ($select:expr, $db:expr, $of_row:expr, $first:expr, $second:expr) => {
        let found = async |wanted: Selection| {
            let rows = $select($db, wanted).await;
            rows.iter().map($of_row).map(|id: &ClientId| id.to_string()).collect::<Vec<_>>()
        };
        let (first, second) = ($first.as_str(), $second.as_str());
        assert_eq!(found(all()).await, [second, first]);
        assert_eq!(found(Selection { limit: 1, ..all() }).await, [second]);
        assert_eq!(found(of(first)).await, [first]);
        assert!(found(of("nobody")).await.is_empty());
        assert_eq!(found(since(now())).await, [second, first]);
        assert_eq!(found(since(now() + Duration::hours(1))).await, [second]);
        assert!(found(since(now() + Duration::hours(2))).await.is_empty());
    };
}

/// Another client with a grant, an hour after the first.
async fn a_later_grant(db: &Db) -> Grant {
    let (mut client, owner) = a_pair(db).await;
    clients::delete(db, &client.id).await.unwrap();
    client.created_at += Duration::hours(1);
    registered(db, &client).await;
    let grant = Grant { created_at: now() + Duration::hours(1), ..new_grant(&client, &owner) };
    assert!(grants::authorize(db, &grant, &new_code(&grant), None, &[], &event("approval")).await.unwrap());
    grant
}

#[tokio::test]
async fn clients_codes_and_grants_are_selected_by_client_and_date_newest_first() {
    let db = fresh_db().await;
    let (first, code) = a_grant(&db).await;
    let second = a_later_grant(&db).await;
    let (one, two) = (&first.client_id, &second.client_id);
    let of_clients = async |db: &Db, Selection { limit, client_id: id, since }| {
        let wanted = clients::Filter { id, since, ..clients::Filter::default() };
        clients::list(db, &wanted, None, limit).await.unwrap()
    };
    let of_grants = async |db: &Db, Selection { limit, client_id, since }| {
        let wanted = grants::Filter { client_id, since, ..grants::Filter::default() };
        grants::list(db, &wanted, None, limit).await.unwrap()
    };
    let of_codes = async |db: &Db, wanted: Selection| codes::select(db, &wanted).await.unwrap();
    select_the_right!(of_clients, &db, |row| &row.id, one, two);
    select_the_right!(of_grants, &db, |row| &row.grant.client_id, one, two);
    select_the_right!(of_codes, &db, |row| &row.client_id, one, two);
    let found = codes::select(&db, &of(one.as_str())).await.unwrap().remove(0);
    assert_eq!((found.code_hash, found.expires_at, found.consumed_at), (code.code_hash.clone(), code.expires_at, None));
    assert_eq!((found.scopes.to_string(), found.resources), (first.scopes.to_string(), first.resources));
    codes::consume(&db, &code.code_hash, now(), 5, None).await.unwrap();
    assert_eq!(codes::select(&db, &of(one.as_str())).await.unwrap()[0].consumed_at, Some(now()));
}

#[tokio::test]
async fn devices_are_selected_by_client_and_date_newest_first() {
    let db = fresh_db().await;
    let mut ids = vec![];
    for later in [Duration::ZERO, Duration::hours(1)] {
        let (client, _) = a_pair(&db).await;
        let device = DeviceAuthorization {
            device_code_hash: Digest::of(random()),
            user_code_hash: Digest::of(random()),
            client_id: client.id.clone(),
            scopes: Scopes::default(),
            resources: vec![],
            ip_address: "192.0.2.1".into(),
            source: "192.0.2.1".into(),
            created_at: now() + later,
            expires_at: now() + later + Duration::minutes(10),
            poll_interval: 5,
            next_poll_at: now(),
            user_id: None,
            auth_time: None,
            decided_at: None,
            allowed: false,
            consumed_at: None,
        };
        let limits = device_codes::DeviceLimits { of_source: 1_000, of_client: 1_000 };
        let inserted = device_codes::insert(&db, &device, limits).await.unwrap();
        assert_eq!(inserted, device_codes::Insertion::Done);
        ids.push(client.id);
    }
    let of_devices = async |db: &Db, wanted: Selection| device_codes::select(db, &wanted).await.unwrap();
    select_the_right!(of_devices, &db, |row| &row.client_id, ids[0], ids[1]);
}

#[tokio::test]
async fn audit_events_are_selected_by_all_that_is_asked_for_with_the_name_of_the_person() {
    let db = fresh_db().await;
    let (client, owner) = a_pair(&db).await;
    for (event_type, later) in [("one", Duration::ZERO), ("two", Duration::hours(1))] {
        let event = AuditEvent {
            id: AuditEventId::new(),
            event_type: event_type.into(),
            level: "info".into(),
            user_id: (event_type == "one").then_some(owner.id),
            client_id: (event_type == "one").then(|| client.id.clone()),
            grant_id: None,
            success: event_type == "one",
            details: serde_json::json!({}),
            request_id: None,
            ip_address: (event_type == "two").then(|| "192.0.2.1".into()),
            user_agent: None,
            at: now() + later,
        };
        audit_events::insert(&db, &event).await.unwrap();
    }
    let found = async |wanted: Filter, limit: i64| {
        let rows = audit_events::select(&db, &wanted, None, limit).await.unwrap();
        let named = |row: AuditRecord| format!("{} {}", row.event.event_type, row.username.unwrap_or_default());
        rows.into_iter().map(named).collect::<Vec<_>>()
    };
    let (one, two) = (&*format!("one {}", owner.username), "two ");
    let (all, nobody) = (Filter::default(), Vec::<String>::new());
    assert_eq!(found(all.clone(), 10).await, [two, one]);
    assert_eq!(found(all.clone(), 1).await, [two]);
    let of_type = |name: &str| Filter { event_type: Some(name.into()), ..all.clone() };
    let of_client = Filter { client_id: Some(client.id.clone()), ..all.clone() };
    assert_eq!(found(of_type("one"), 10).await, [one]);
    assert_eq!(found(of_client.clone(), 10).await, [one]);
    assert_eq!(found(Filter { event_type: Some("two".into()), ..of_client }, 10).await, nobody);
    assert_eq!(found(Filter { user_id: Some(owner.id), ..all.clone() }, 10).await, [one]);
    assert_eq!(found(Filter { user_id: Some(UserId::new()), ..all.clone() }, 10).await, nobody);
    assert_eq!(found(Filter { ip_address: Some("192.0.2.1".into()), ..all.clone() }, 10).await, [two]);
    assert_eq!(found(Filter { since: Some(now() + Duration::minutes(1)), ..all.clone() }, 10).await, [two]);
    assert_eq!(found(Filter { since: Some(now()), until: Some(now()), ..all.clone() }, 10).await, [one]);
    assert_eq!(found(Filter { success: Some(false), ..all.clone() }, 10).await, [two]);
    // A page after the other.
    let newest = audit_events::select(&db, &all, None, 1).await.unwrap().remove(0).event.id;
    let rest = audit_events::select(&db, &all, Some(newest), 10).await.unwrap();
    assert_eq!(rest.iter().map(|row| &*row.event.event_type).collect::<Vec<_>>(), ["one"]);
}
