//! Housekeeping: what has expired goes, and other nodes' changes are heard.
use crate::{
    app::App,
    model::ClientId,
    storage::{CLIENTS_CHANNEL, Db, Sessions, clients, codes, dpop_proofs, grants, revoked_tokens},
};
use sqlx::{PgPool, postgres::PgListener};
use std::{sync::Arc, time::Duration};
use time::Duration as Seconds;

const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// By how much the clock of another node may be behind ours.
const CLOCK_SKEW: Seconds = Seconds::hours(1);
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs until dropped.
pub async fn run(app: Arc<App>) {
    let pool = match &app.db {
        Db::Postgres(pool) => Some(pool.clone()),
        Db::Sqlite(_) => None,
    };
    tokio::join!(sweep_forever(&app), async {
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

/// Forgets what nobody can use any more.
pub async fn sweep(app: &App) -> sqlx::Result<()> {
    let now = app.clock.now();
    let idle_since = now - Seconds::seconds(app.config.tokens.refresh_idle.into());
    codes::sweep(&app.db, now).await?;
    grants::sweep(&app.db, now, idle_since).await?;
    dpop_proofs::sweep(&app.db, now).await?;
    // Forgotten too early, a revoked token would live again where it has not expired yet.
    revoked_tokens::sweep(&app.db, now - CLOCK_SKEW).await?;
    Sessions { db: app.db.clone(), clock: app.clock.clone() }.sweep(now).await?;
    let unused_since = now - Seconds::seconds(app.config.registration.unused_after.into());
    if clients::sweep_unused(&app.db, unused_since).await? > 0 {
        app.clients.forget_all();
    }
    app.registrations.sweep();
    app.fetches.sweep();
    Ok(())
}

/// Other nodes change clients too; while we can't hear of it, nothing is remembered for long.
async fn listen_forever(app: &App, pool: &PgPool) {
    loop {
        if let Err(error) = listen(app, pool).await {
            tracing::warn!(%error, "not hearing of changed clients; listening again");
        }
        app.clients.forget_all();
        tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
    }
}

async fn listen(app: &App, pool: &PgPool) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CLIENTS_CHANNEL).await?;
    app.clients.forget_all();
    // `None`: the connection broke, and what was said meanwhile is lost.
    while let Some(notification) = listener.try_recv().await? {
        app.clients.forget(&ClientId::from(notification.payload()));
    }
    Ok(())
}
