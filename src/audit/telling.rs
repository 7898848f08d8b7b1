//! Tells how many events were counted.
use super::{Trail, tally::EventCount};
use serde_json::json;
use time::Duration;

/// How long they are counted before that is told.
const COUNTED_FOR: Duration = Duration::MINUTE;

/// Tells how many came after the first, of those whose minute is over.
pub async fn tell(trail: &Trail) {
    tell_of(trail, |counted| trail.clock.age(counted.since) >= COUNTED_FOR).await;
}

/// Tells all counts, when the server stops.
pub async fn tell_all(trail: &Trail) {
    tell_of(trail, |_| true).await;
}

async fn tell_of(trail: &Trail, over: impl Fn(&EventCount) -> bool) {
    for EventCount { first, more, .. } in trail.tally.take(over) {
        if more > 0 {
            let mut details = first.details.clone();
            details["more"] = json!(more);
            first.details(details).record(trail).await;
        }
    }
}
