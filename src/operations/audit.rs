//! What operators read of the audit trail.
use super::Outcome;
pub use crate::audit::{chain::Chain, shown::shown};
use crate::{
    app::App,
    audit::chain,
    model::{AuditEventId, AuditRecord},
    storage::audit_events,
};
pub use audit_events::Filter;

/// The newest first, at most `limit`, of those that are older than `before`.
pub async fn list(app: &App, wanted: &Filter, before: Option<AuditEventId>, limit: u32) -> Outcome<Vec<AuditRecord>> {
    Ok(audit_events::select(&app.db, wanted, before, limit.into()).await?)
}

/// Whether the last `most` events, or all of them, are as they were written.
pub async fn verify(app: &App, most: Option<i64>) -> Outcome<Chain> {
    Ok(chain::verify(&app.audit, most).await?)
}

/// Writes the events that wait, so that they are there to be read.
pub async fn catch_up(app: &App) -> Outcome<()> {
    Ok(chain::extend(&app.audit).await?)
}
