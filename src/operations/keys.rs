//! Operators' acts on signing keys.
use super::{OperationResult, Operator, date, logged};
use crate::{
    app::App,
    audit::Event,
    events::EventType,
    jobs::rotation::Schedule,
    model::{KeyStatus, SigningKey},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A signing key, and its next step.
#[derive(Debug)]
pub struct KeyRecord {
    pub key: SigningKey,
    /// For a current key: when its successor is published. For the others: when it begins to sign, or is withdrawn.
    pub next_step_at: Option<OffsetDateTime>,
    /// Only for a current key that has a successor.
    pub signs_until: Option<OffsetDateTime>,
}

/// The oldest keys first.
#[must_use]
pub fn list(app: &App) -> Vec<KeyRecord> {
    let (ring, schedule) = (app.keys.ring(), Schedule::of(&app.config));
    let record = |key: &SigningKey| {
        let successor = ring.find(&key.algorithm, KeyStatus::Next).filter(|_| key.status == KeyStatus::Current);
        let signs_until = successor.and_then(|next| schedule.step_at(next));
        KeyRecord { key: key.clone(), next_step_at: schedule.step_at(key), signs_until }
    };
    ring.all().iter().map(record).collect()
}

/// Starts a rotation of all keys; running servers complete it. A key that has a successor already keeps it. Returns the
/// `kid` of each new key.
pub async fn rotate(app: &App, by: &Operator) -> OperationResult<Vec<String>> {
    let event = |kids: &[String]| {
        let event = Event::new(EventType::SigningKeyRotationBegun).details(json!({ "kids": kids }));
        event.by(by.name()).happened(&app.audit)
    };
    let done = app.keys.publish_all(app.clock.now(), event).await?;
    Ok(done.map(logged).unwrap_or_default())
}

/// Replaces all keys at once: everything the old ones signed is refused from now on. Returns the number of old keys.
pub async fn replace_all(app: &App, by: &Operator) -> OperationResult<u64> {
    let event = |removed| {
        let event = Event::new(EventType::SigningKeysReplaced).details(json!({ "removed": removed }));
        event.by(by.name()).happened(&app.audit)
    };
    Ok(logged(app.keys.replace_all(event).await?))
}

/// The JSON form of a key.
#[must_use]
pub fn shown(KeyRecord { key, next_step_at, .. }: &KeyRecord) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm,
        "status": key.status.name(),
        "created_at": date(key.created_at),
        "activated_at": key.activated_at.map(date),
        "retired_at": key.retired_at.map(date),
        "next_step_at": next_step_at.map(date),
    })
}
