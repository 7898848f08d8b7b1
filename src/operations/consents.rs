//! Operators' acts on stored consents.
use super::{OperationError, OperationResult, Operator, Page, Paging, date, logged};
use crate::{
    app::App,
    audit::Event,
    events::EventType,
    model::{ClientId, ConsentRecord, UserId},
    secrets::{base64url, from_base64url},
    storage::consents,
};
pub use consents::Filter;
use serde_json::{Value, json};

/// Sorted by user, client and resource.
pub async fn list(app: &App, wanted: &Filter, paging: &Paging) -> OperationResult<Page<ConsentRecord>> {
    let after = paging.read_after(|after| read(after).ok_or_else(|| OperationError::NoSuchPlace(after.to_owned())))?;
    let rows = consents::list(&app.db, wanted, after.as_ref(), paging.limit()).await?;
    Ok(paging.page(rows, place))
}

/// Identifies a consent by its user, client and resource: it has no id.
fn place(ConsentRecord { consent, .. }: &ConsentRecord) -> String {
    base64url(json!([consent.user_id.to_string(), consent.client_id, consent.resource]).to_string())
}

fn read(place: &str) -> Option<(UserId, ClientId, String)> {
    let (user, client, resource): (String, ClientId, String) = serde_json::from_slice(&from_base64url(place)?).ok()?;
    Some((user.parse().ok()?, client, resource))
}

/// The number of matching consents.
pub async fn count(app: &App, wanted: &Filter) -> OperationResult<i64> {
    Ok(consents::count(&app.db, wanted).await?)
}

/// The users are asked again next time; their grants stay. Returns the number of deleted consents.
pub async fn delete(app: &App, by: &Operator, wanted: &Filter) -> OperationResult<u64> {
    let event = |count| {
        let event = Event::new(EventType::ConsentsDeleted).user(wanted.user_id).client(wanted.client_id.as_ref());
        event.details(json!({"consents": count})).by(by.name()).happened(&app.audit)
    };
    let done = consents::delete(&app.db, wanted, event).await?;
    done.map(logged).ok_or(OperationError::NothingToDelete)
}

/// The JSON form of a consent.
#[must_use]
pub fn shown(ConsentRecord { consent, username }: &ConsentRecord) -> Value {
    json!({
        "subject": consent.user_id.to_string(),
        "username": username,
        "client_id": consent.client_id,
        "resource": consent.resource,
        "scope": consent.scopes.to_string(),
        "granted_at": date(consent.granted_at),
    })
}
