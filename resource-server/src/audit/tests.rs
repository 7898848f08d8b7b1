//! Tests what the audit trail stores, and how it is sealed.
use super::*;
use crate::{masking, settings::Settings};

#[tokio::test]
async fn a_flood_that_ends_is_on_record_within_two_minutes_though_nothing_happens_after_it() {
    let clock = Clock::stopped();
    let store = Store::new(None, clock.clone());
    let audit = Arc::new(Audit::new(store.clone(), clock.clone()));
    let refused = |last: u8| Event {
        client_info: json!({"ip_address": format!("192.0.2.{last}")}),
        ..Event::new(EventKind::RateLimitExceeded, false)
    };
    let times = async |written: usize| {
        let mut events = Vec::new();
        // Lets the writer task run while the clock stands still.
        for _ in 0..1_000 {
            events = store.events(&Filter::default(), 100).await.unwrap();
            if events.len() >= written {
                break;
            }
        }
        let read = |(event, _): &(String, String)| serde_json::from_str::<Value>(event).unwrap();
        events.iter().map(read).map(|event| event["details"]["times"].as_i64()).collect::<Vec<_>>()
    };
    for round in 1..=3 {
        for _ in 0..5 {
            audit.record(refused(round)).await;
        }
        audit.record(refused(round + 10)).await;
        let before = usize::from(round - 1) * 3 + 2;
        assert_eq!(times(before).await.len(), before);
        clock.advance(Duration::seconds(59));
        assert_eq!(times(before).await.len(), before);
        clock.advance(Duration::seconds(61));
        assert_eq!(times(before + 1).await[..3], [Some(4), None, None]);
    }
    // The waiting task does not keep the trail alive.
    let trail = Arc::downgrade(&audit);
    audit.record(refused(1)).await;
    audit.record(refused(1)).await;
    drop(audit);
    assert!(trail.upgrade().is_none());
}

#[tokio::test]
async fn each_event_is_sealed_with_all_before_it_also_after_a_restart() {
    let (store, clock) = (Store::new(None, Clock::stopped()), Clock::stopped());
    for _ in 0..2 {
        let audit = Arc::new(Audit::new(store.clone(), clock.clone()));
        audit.server(EventKind::ServerStart).await;
        audit.server(EventKind::ServerStop).await;
    }
    let mut events = store.events(&Filter::default(), 10).await.unwrap();
    events.reverse();
    assert_eq!(events.len(), 4);
    let mut before = String::new();
    for (event, sealed) in events {
        assert_eq!(seal(&before, &event), sealed);
        before = sealed;
    }
    let newest = Audit::new(store, clock).find(&Filter::default(), 1).await.unwrap();
    assert_eq!(newest[0]["event_type"], "server_stop");
}

#[tokio::test]
async fn what_somebody_types_where_a_name_belongs_is_not_in_the_trail() {
    let settings = Settings::built_in().unwrap();
    let store = Store::new(None, Clock::stopped());
    let masker = Arc::new(masking::masker(&settings).unwrap());
    let audit = Arc::new(Audit::new(store.clone(), Clock::stopped()).masked(&masker));
    let key = "test-api-key-12345";
    let event = Event {
        username: Some(key.to_owned()),
        action: Some(format!("read {key}")),
        details: json!({key: [key, {"of": key}]}),
        ..Event::new(EventKind::LoginFailure, false)
    };
    audit.record(event).await;
    let [(event, sealed)] = &store.events(&Filter::default(), 2).await.unwrap()[..] else { panic!("no event") };
    assert!(!event.contains(key) && event.contains("sha256:"), "{event}");
    assert_eq!(&seal("", event), sealed);
}

#[tokio::test]
async fn events_of_the_same_moment_are_all_sealed_in_order_though_requests_were_given_up() {
    let (store, clock) = (Store::new(None, Clock::stopped()), Clock::stopped());
    let audit = Arc::new(Audit::new(store.clone(), clock));
    for round in 0..3 {
        let event = |number: i32| Event {
            user_id: Some("alice".to_owned()),
            details: json!([round, number]),
            ..Event::new(EventKind::McpRequest, true)
        };
        let mut all: Vec<_> = (0..100).map(|number| Box::pin(audit.record(event(number)))).collect();
        // Each was begun, and every second one has nobody who waits for it.
        for one in &mut all {
            assert!(futures_util::FutureExt::now_or_never(one.as_mut()).is_none());
        }
        let staying: Vec<_> = all.into_iter().step_by(2).collect();
        futures_util::future::join_all(staying).await;
    }
    let mut events = store.events(&Filter::default(), 1_000).await.unwrap();
    events.reverse();
    assert_eq!(events.len(), 300);
    let mut before = String::new();
    for (event, sealed) in events {
        assert_eq!(seal(&before, &event), sealed);
        before = sealed;
    }
}
