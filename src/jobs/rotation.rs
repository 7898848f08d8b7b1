//! The life of signing keys: they are published, sign, retire, and are withdrawn on schedule.
use crate::{
    app::App,
    audit::Event,
    config::Config,
    events::EventType,
    model::{KeyStatus, SigningKey},
    oauth::algorithm::Algorithm,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// When each step is due. A key is published before it signs until every verifier has fetched it, and after it signed
/// until no token needs it (OpenID Connect Core §10.1.1).
pub struct Schedule {
    /// `None` if keys sign for ever.
    rotate_after: Option<Duration>,
    publish_before: Duration,
    withdraw_after: Duration,
}

impl Schedule {
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let (keys, tokens) = (&config.keys, &config.tokens);
        let own = config.resources.values().filter_map(|resource| resource.access_token_lifetime);
        let longest = own.fold(tokens.access_token_lifetime.max(tokens.id_token_lifetime), u32::max);
        let [rotate_after, publish_before, longest] =
            [keys.rotate_after, keys.publish_before, longest].map(|seconds| Duration::seconds(seconds.into()));
        Self {
            rotate_after: Some(rotate_after).filter(|after| !after.is_zero()),
            publish_before,
            // Until another node hears of the change it may sign with the old key; `publish_before` covers that time
            // too.
            withdraw_after: longest + publish_before,
        }
    }

    /// When a current key gets a successor, a next key begins to sign, or a retired key is withdrawn; `None` means
    /// never.
    #[must_use]
    pub fn step_at(&self, key: &SigningKey) -> Option<OffsetDateTime> {
        match key.status {
            KeyStatus::Next => Some(key.created_at + self.publish_before),
            KeyStatus::Current => Some(key.activated_at? + self.rotate_after? - self.publish_before),
            KeyStatus::Retired => Some(key.retired_at? + self.withdraw_after),
        }
    }
}

/// Takes every step that is due. Several nodes may do this at the same time.
pub async fn turn(app: &App) -> anyhow::Result<()> {
    app.keys.reload().await?;
    let (schedule, ring, now) = (Schedule::of(&app.config), app.keys.ring(), app.clock.now());
    let due = |key: &SigningKey| schedule.step_at(key).is_some_and(|at| at <= now);
    if ring.all().iter().any(|key| key.status == KeyStatus::Retired && due(key)) {
        withdraw(app, now - schedule.withdraw_after).await?;
    }
    for algorithm in Algorithm::NAMES {
        match (ring.find(algorithm, KeyStatus::Current), ring.find(algorithm, KeyStatus::Next)) {
            (_, Some(next)) if due(next) => promote(app, algorithm, now - schedule.publish_before).await?,
            (Some(current), None) if due(current) => {
                let early = schedule.rotate_after.unwrap_or_default() - schedule.publish_before;
                publish(app, algorithm, now - early).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn publish(app: &App, algorithm: &'static str, activated_by: OffsetDateTime) -> anyhow::Result<()> {
    if let Some(kid) = app.keys.publish(algorithm, activated_by).await? {
        Event::new(EventType::SigningKeyPublished)
            .details(json!({"alg": algorithm, "kid": kid}))
            .record(&app.audit)
            .await;
    }
    Ok(())
}

async fn promote(app: &App, algorithm: &'static str, published_by: OffsetDateTime) -> anyhow::Result<()> {
    if app.keys.promote(algorithm, published_by).await? {
        Event::new(EventType::SigningKeyRotated).details(json!({ "alg": algorithm })).record(&app.audit).await;
    }
    Ok(())
}

async fn withdraw(app: &App, retired_by: OffsetDateTime) -> anyhow::Result<()> {
    let count = app.keys.withdraw(retired_by).await?;
    if count > 0 {
        Event::new(EventType::SigningKeysWithdrawn).details(json!({ "count": count })).record(&app.audit).await;
    }
    Ok(())
}
