//! Housekeeping: what has expired goes, signing keys rotate, and other nodes' changes are heard.
pub mod rotation;

use crate::{
    app::App,
    audit::chain,
    model::ClientId,
    storage::{
        CLIENTS_CHANNEL, Db, SIGNING_KEYS_CHANNEL, Sessions, access_tokens, audit_chain, clients, codes, device_codes,
        dpop_proofs, grants, initial_access_tokens, pushed_requests, revoked_tokens, used_assertions,
    },
};
use sqlx::{PgPool, postgres::PgListener};
use std::{sync::Arc, time::Duration};
use time::Duration as Seconds;

/// What was noted meanwhile is lost if the machine stops.
const EXTEND_CHAIN_EVERY: Duration = Duration::from_millis(500);
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// One small question; keys that an operator withdrew must not live on here.
const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(5);
/// By how much the clock of another node may be behind ours.
const CLOCK_SKEW: Seconds = Seconds::hours(1);
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs until dropped.
pub async fn run(app: Arc<App>) {
    let pool = match &app.db {
        Db::Postgres(pool) => Some(pool.clone()),
        Db::Sqlite(_) => None,
    };
    tokio::join!(sweep_forever(&app), rotate_forever(&app), extend_forever(&app), async {
        if let Some(pool) = pool {
            listen_forever(&app, &pool).await;
        }
    });
}

async fn sweep_forever(app: &App) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep(app).await {
            tracing::warn!(%error, "sweeping failed; the next round tries again");
        }
    }
}

async fn extend_forever(app: &App) {
    let mut ticks = tokio::time::interval(EXTEND_CHAIN_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = chain::extend(app).await {
            tracing::warn!(%error, "the audit trail was not sealed; the next round tries again");
        }
    }
}

async fn rotate_forever(app: &App) {
    let mut ticks = tokio::time::interval(LOOK_AT_KEYS_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = rotation::turn(app).await {
            tracing::warn!(%error, "looking at the signing keys failed; the next round tries again");
        }
    }
}

/// Forgets what nobody can use any more.
pub async fn sweep(app: &App) -> sqlx::Result<()> {
    let now = app.clock.now();
    let idle_since = now - Seconds::seconds(app.config.tokens.refresh_idle.into());
    access_tokens::sweep(&app.db, now).await?;
    codes::sweep(&app.db, now).await?;
    device_codes::sweep(&app.db, now).await?;
    grants::sweep(&app.db, now, idle_since).await?;
    pushed_requests::sweep(&app.db, now).await?;
    initial_access_tokens::sweep(&app.db, now).await?;
    dpop_proofs::sweep(&app.db, now).await?;
    // Forgotten too early, a revoked token would live again where it has not expired yet.
    revoked_tokens::sweep(&app.db, now - CLOCK_SKEW).await?;
    used_assertions::sweep(&app.db, now - CLOCK_SKEW).await?;
    Sessions { db: app.db.clone(), clock: app.clock.clone() }.sweep(now).await?;
    let unused_since = now - Seconds::seconds(app.config.registration.unused_after.into());
    if clients::sweep_unused(&app.db, unused_since).await? > 0 {
        app.clients.forget_all();
    }
    if app.config.audit.keep > 0 {
        audit_chain::sweep(&app.db, now - Seconds::seconds(app.config.audit.keep.into())).await?;
    }
    app.registrations.sweep();
    app.fetches.sweep();
    app.pushes.sweep();
    app.floods.sweep();
    Ok(())
}

/// Other nodes change clients and keys too; while we can't hear of it, no client is remembered for long.
async fn listen_forever(app: &App, pool: &PgPool) {
    loop {
        if let Err(error) = listen(app, pool).await {
            tracing::warn!(%error, "not hearing of changes; listening again");
        }
        app.clients.forget_all();
        tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
    }
}

async fn listen(app: &App, pool: &PgPool) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([CLIENTS_CHANNEL, SIGNING_KEYS_CHANNEL]).await?;
    app.clients.forget_all();
    // `None`: the connection broke, and what was said meanwhile is lost.
    while let Some(notification) = listener.try_recv().await? {
        match notification.channel() {
            SIGNING_KEYS_CHANNEL => app.keys.reload().await?,
            _ => app.clients.forget(&ClientId::from(notification.payload())),
        }
    }
    Ok(())
}
