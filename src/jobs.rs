//! Housekeeping: deletes what has expired, rotates signing keys, and listens for other nodes' changes.
pub mod rotation;

use crate::{
    app::App,
    audit::{Event, chain, telling},
    clients::metadata_document,
    clock::Moment,
    events::EventType,
    storage::{
        access_tokens, answered_forms, changes::Change, clients, codes, dates, device_codes, dpop_proofs, grants,
        initial_access_tokens, pushed_requests, revoked_tokens, used_assertions,
    },
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use time::Duration as Seconds;
use tokio::sync::Notify;

/// Queued events that are not written yet are lost if the machine stops.
const EXTEND_CHAIN_INTERVAL: Duration = Duration::from_millis(500);
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);
/// A cheap query: it makes this node notice keys that an operator withdrew.
const ROTATION_INTERVAL: Duration = Duration::from_secs(5);
/// By how much the clock of another node may lag behind this one's.
const CLOCK_SKEW: Seconds = Seconds::hours(1);
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Smaller corrections of the clock are ignored.
const TOLERATED_STEP: Seconds = Seconds::seconds(2);

/// Runs until the future is dropped.
pub async fn run(app: Arc<App>) {
    let keys_changed = Notify::new();
    let heard = app.changes.watch(|change| match change {
        Change::Client(id) => app.clients.forget(&id),
        Change::Clients => app.clients.forget_all(),
        Change::SigningKeys => keys_changed.notify_one(),
    });
    tokio::join!(
        sweep_forever(&app),
        rotate_forever(&app, &keys_changed),
        extend_forever(&app),
        refresh_forever(&app),
        heed_clock_forever(&app),
        heard
    );
}

/// Fetches clients' metadata documents again when they are no longer fresh.
async fn refresh_forever(app: &Arc<App>) {
    loop {
        app.clients.due.wait().await;
        metadata_document::refresh_due(app).await;
    }
}

async fn heed_clock_forever(app: &App) {
    let mut ticks = tokio::time::interval(CLOCK_CHECK_INTERVAL);
    let mut before = app.clock.moment();
    loop {
        ticks.tick().await;
        match heed_clock(app, before).await {
            Ok(now) => before = now,
            Err(error) => tracing::warn!(%error, "adjusting dates to a clock that was set back failed; trying again"),
        }
    }
}

/// If the clock was set back since `before`, every stored end date is moved back by the same amount, so that nothing
/// lasts longer. Returns the new moment to compare with.
pub async fn heed_clock(app: &App, before: Moment) -> sqlx::Result<Moment> {
    let now = app.clock.moment();
    let by = now.set_back_since(before);
    if by >= TOLERATED_STEP {
        tracing::warn!(seconds = by.whole_seconds(), "the clock was set back");
        dates::set_back(&app.db, by).await?;
        app.clients.forget_all();
        Event::new(EventType::ClockSetBack)
            .warning()
            .details(json!({"seconds": by.whole_seconds()}))
            .record(&app.audit)
            .await;
    }
    Ok(now)
}

async fn sweep_forever(app: &App) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep(app).await {
            tracing::warn!(%error, "sweeping failed; the next round tries again");
        }
    }
}

async fn extend_forever(app: &App) {
    let mut ticks = tokio::time::interval(EXTEND_CHAIN_INTERVAL);
    loop {
        ticks.tick().await;
        telling::tell(&app.audit).await;
        if let Err(error) = chain::extend(&app.audit).await {
            tracing::warn!(%error, "the audit trail was not sealed; the next round tries again");
        }
    }
}

async fn rotate_forever(app: &App, keys_changed: &Notify) {
    let mut ticks = tokio::time::interval(ROTATION_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = keys_changed.notified() => {}
        }
        if let Err(error) = rotation::turn(app).await {
            tracing::warn!(%error, "reloading or rotating the signing keys failed; the next round tries again");
        }
    }
}

/// Deletes rows that have expired.
pub async fn sweep(app: &App) -> sqlx::Result<()> {
    let now = app.clock.now();
    app.keys.sweep(now);
    let idle_since = now - Seconds::seconds(app.config.tokens.refresh_idle.into());
    access_tokens::sweep(&app.db, now).await?;
    answered_forms::sweep(&app.db, now).await?;
    codes::sweep(&app.db, now).await?;
    device_codes::sweep(&app.db, now).await?;
    grants::sweep(&app.db, now, idle_since).await?;
    pushed_requests::sweep(&app.db, now).await?;
    initial_access_tokens::sweep(&app.db, now).await?;
    // Deleted late, because another node's clock may lag: there a revoked token could become valid again, and a proof
    // could be used twice.
    dpop_proofs::sweep(&app.db, now - CLOCK_SKEW).await?;
    revoked_tokens::sweep(&app.db, now - CLOCK_SKEW).await?;
    used_assertions::sweep(&app.db, now - CLOCK_SKEW).await?;
    app.sessions().sweep(now).await?;
    let unused_since = now - Seconds::seconds(app.config.registration.unused_after.into());
    if clients::sweep_unused(&app.db, unused_since, None).await? > 0 {
        app.clients.forget_all();
    }
    chain::shorten(&app.audit).await
}
