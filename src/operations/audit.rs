//! Operators' view of the audit trail.
use super::OperationResult;
pub use crate::audit::{chain::ChainState, shown::shown};
use crate::{
    app::App,
    audit::chain,
    model::{AuditEventId, AuditRecord},
    storage::audit_events,
};
pub use audit_events::Filter;

/// Events older than `before`, the newest first, at most `limit`.
pub async fn list(
    app: &App,
    wanted: &Filter,
    before: Option<AuditEventId>,
    limit: u32,
) -> OperationResult<Vec<AuditRecord>> {
    Ok(audit_events::select(&app.db, wanted, before, limit.into()).await?)
}

/// Checks whether the last `most` events, or all of them, are as they were written.
pub async fn verify(app: &App, most: Option<i64>) -> OperationResult<ChainState> {
    Ok(chain::verify(&app.audit, most).await?)
}

/// Writes the queued events, so that a reader sees them.
pub async fn catch_up(app: &App) -> OperationResult<()> {
    Ok(chain::extend(&app.audit).await?)
}
