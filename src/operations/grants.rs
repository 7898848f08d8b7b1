//! Operators' acts on grants.
use super::{OperationError, OperationResult, Operator, Page, Paging, date, logged};
use crate::{
    app::App,
    audit::Event,
    events::EventType,
    model::{GrantId, GrantRecord},
    storage::grants,
};
pub use grants::Filter;
use serde_json::{Value, json};

/// The newest grants first.
pub async fn list(app: &App, wanted: &Filter, paging: &Paging) -> OperationResult<Page<GrantRecord>> {
    let before = paging.read_after(|after| after.parse().map_err(|_| OperationError::NoSuchPlace(after.to_owned())))?;
    let rows = grants::list(&app.db, wanted, before, paging.limit()).await?;
    Ok(paging.page(rows, |record| record.grant.id.to_string()))
}

pub async fn show(app: &App, id: GrantId) -> OperationResult<GrantRecord> {
    let wanted = Filter { id: Some(id), ..Filter::default() };
    grants::list(&app.db, &wanted, None, 1).await?.pop().ok_or(OperationError::NoSuchGrant(id))
}

/// The number of grants that [`revoke`] would revoke.
pub async fn count_live(app: &App, wanted: &Filter) -> OperationResult<i64> {
    Ok(grants::count_live(&app.db, wanted, app.clock.now()).await?)
}

/// Revokes all live matching grants: one, a user's, a client's, or a user's for one client. Their tokens are refused
/// wherever this server is asked. Returns the number of revoked grants.
pub async fn revoke(app: &App, by: &Operator, wanted: &Filter) -> OperationResult<u64> {
    if let Some(id) = wanted.id {
        show(app, id).await?;
    }
    let event = |count| {
        let event = Event::new(EventType::GrantsRevoked).user(wanted.user_id).client(wanted.client_id.as_ref());
        let event = wanted.id.into_iter().fold(event, Event::grant);
        event.details(json!({"grants": count})).by(by.name()).happened(&app.audit)
    };
    let done = grants::revoke_selected(&app.db, wanted, app.clock.now(), event).await?;
    done.map(logged).ok_or(OperationError::NothingToRevoke)
}

/// The JSON form of a grant.
#[must_use]
pub fn shown(GrantRecord { grant, username }: &GrantRecord) -> Value {
    json!({
        "grant_id": grant.id.to_string(),
        "client_id": grant.client_id,
        "subject": grant.user_id.to_string(),
        "username": username,
        "grant_type": grant.grant_type,
        "scope": grant.scopes.to_string(),
        // Identifiers separated by spaces, like scopes; empty when the grant is only about the user.
        "resource": (!grant.resources.is_empty()).then(|| grant.resources.join(" ")),
        "refresh_token_hash": grant.refresh_hash.fingerprint(),
        "generation": grant.generation,
        "dpop_bound": grant.dpop_jkt.is_some(),
        "created_at": date(grant.created_at),
        "refreshed_at": date(grant.refreshed_at),
        "expires_at": date(grant.expires_at),
        "revoked_at": grant.revoked_at.map(date),
    })
}
