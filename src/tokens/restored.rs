//! A database restored from a backup: for some time, refresh tokens newer than the database are accepted.
use crate::{
    app::App,
    audit, clock,
    events::EventType,
    storage::{Db, settings},
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

const NAME: &str = "accept_newer_refresh_tokens";

/// The time in which refresh tokens of a later generation than the database's are accepted, as an operator requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreWindow {
    pub since: OffsetDateTime,
    pub until: OffsetDateTime,
}

impl RestoreWindow {
    /// Both dates, in seconds.
    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.since.unix_timestamp().to_be_bytes());
        bytes[8..].copy_from_slice(&self.until.unix_timestamp().to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (since, until) = bytes.split_first_chunk::<8>()?;
        let date = |bytes: [u8; 8]| clock::date(i64::from_be_bytes(bytes)).ok();
        Some(Self { since: date(*since)?, until: date(until.try_into().ok()?)? })
    }
}

/// The window that is open now.
pub async fn window(db: &Db, now: OffsetDateTime) -> sqlx::Result<Option<RestoreWindow>> {
    let stored = settings::find(db, NAME).await?;
    let window = stored.as_deref().and_then(RestoreWindow::from_bytes);
    Ok(window.filter(|window| window.since <= now && now < window.until))
}

/// Opens a window that lasts for `lifetime`; each family may catch up once in it.
pub async fn open(app: &App, lifetime: Duration) -> sqlx::Result<RestoreWindow> {
    let since = app.clock.now();
    let window = RestoreWindow { since, until: since + lifetime };
    settings::replace(&app.db, NAME, &window.to_bytes()).await?;
    let details = json!({"until": window.until.unix_timestamp()});
    audit::Event::new(EventType::NewerTokensAccepted).warning().details(details).record(&app.audit).await;
    Ok(window)
}

/// Closes the window early. Answers whether one was open.
pub async fn close(app: &App) -> sqlx::Result<bool> {
    let closed = settings::delete(&app.db, NAME).await?;
    if closed {
        audit::Event::new(EventType::NewerTokensRefused).record(&app.audit).await;
    }
    Ok(closed)
}
