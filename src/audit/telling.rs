//! Writes the counts of the tally to the trail.
use super::{Trail, tally::EventCount};
use serde_json::json;
use time::Duration;

/// How long events are counted before the count is written.
const COUNTED_FOR: Duration = Duration::MINUTE;

/// Writes the counts whose minute is over.
pub async fn tell(trail: &Trail) {
    tell_of(trail, |counted| trail.clock.age(counted.since) >= COUNTED_FOR).await;
}

/// Writes all counts; called when the server stops.
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
