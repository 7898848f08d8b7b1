//! When a device may ask again, and what it hears.
use crate::support::{
    app::TestApp,
    device::{begin, decide, device_client, poll},
};
use time::Duration;

/// What a device hears that asks at these moments (in tenths of a second), if somebody allows it at that one.
async fn heard(t: &TestApp, started: i64, polls: &[i64], allowed_at: Option<i64>) -> Vec<String> {
    let tv = device_client(t, "TV").await;
    // Dates are whole seconds, wherever within one the device began.
    let mut second = started / 10;
    let device = begin(t, &tv, &[]).await;
    let mut heard = Vec::new();
    let mut decision = allowed_at;
    for at in polls {
        let mut tick = |to: i64| {
            let to = (started + to) / 10;
            t.app.clock.advance(Duration::seconds(to - second));
            second = to;
        };
        if let Some(when) = decision.take_if(|when| *when <= *at) {
            tick(when);
            decide(&mut t.signed_in("alice").await, &device, "allow").await;
        }
        tick(*at);
        let answer = poll(t, &tv, &device).await;
        let error =
            if answer.status == 200 { "tokens".into() } else { answer.json()["error"].as_str().unwrap().into() };
        heard.push(error);
        if answer.status == 200 {
            break;
        }
    }
    // So that few wait at once.
    t.app.clock.advance(Duration::minutes(2));
    heard
}

#[tokio::test]
async fn whoever_polls_at_the_interval_is_served_whenever_somebody_allows_it() {
    let t = TestApp::start().await;
    let every = |tenths: i64, first: i64| (0..8).map(|n| first + n * tenths).collect::<Vec<_>>();
    for (tenths, first) in [(50, 0), (50, 50), (49, 0), (49, 49), (41, 3), (50, 1), (70, 0)] {
        for started in [0, 1, 5, 9] {
            let polls = every(tenths, first);
            assert_eq!(
                heard(&t, started, &polls, None).await,
                ["authorization_pending"; 8],
                "every {tenths} from {first}"
            );
        }
        for allowed_at in [0, first + 1, first + tenths, first + 3 * tenths - 1] {
            let polls = every(tenths, first);
            let told = heard(&t, 4, &polls, Some(allowed_at)).await;
            let waited = polls.iter().filter(|at| **at < allowed_at).count();
            assert_eq!(told.len(), waited + 1, "{told:?}");
            assert_eq!(told.last().unwrap(), "tokens");
            assert!(told[..waited].iter().all(|one| one == "authorization_pending"), "{told:?}");
        }
    }
}

#[tokio::test]
async fn who_was_told_to_slow_down_waits_as_told_and_gets_its_tokens_at_once_when_they_are_there() {
    let t = TestApp::start().await;
    // Told once, it waits 5 seconds more from then on (RFC 8628 §3.5).
    let (pending, slow) = ("authorization_pending", "slow_down");
    assert_eq!(heard(&t, 0, &[0, 20, 120, 220, 320], None).await, [pending, slow, pending, pending, pending]);
    // A second more each time is less than it was told, and still brings the tokens at the next poll.
    for allowed_at in [1, 15, 35, 60, 95, 140, 190] {
        let (mut at, mut wait, mut polls) = (0, 10, vec![]);
        while at <= allowed_at + 100 {
            polls.push(at);
            at += wait;
            wait += 10;
        }
        let told = heard(&t, 0, &polls, Some(allowed_at)).await;
        assert_eq!(told.len(), polls.iter().filter(|at| **at < allowed_at).count() + 1, "{told:?}");
        assert_eq!(told.last().unwrap(), "tokens");
    }
    // Nor do hundreds of early polls keep anything from anybody.
    let polls: Vec<_> = (0..300).collect();
    assert_eq!(heard(&t, 0, &polls, Some(299)).await.last().unwrap(), "tokens");
}
