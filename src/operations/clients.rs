//! Operators' acts on clients.
use super::{OperationError, OperationResult, Operator, Page, Paging, date};
use crate::{
    app::App,
    audit::{Event, log},
    events::EventType,
    model::{AuditEvent, AuthMethod, Client, ClientId},
    storage::{clients, grants},
};
pub use clients::Filter;
use serde_json::{Value, json};

/// The newest clients first.
pub async fn list(app: &App, wanted: &Filter, paging: &Paging) -> OperationResult<Page<Client>> {
    let after = paging.after.as_deref().map(ClientId::from);
    if let Some(after) = &after {
        find(app, after).await?;
    }
    let rows = clients::list(&app.db, wanted, after.as_ref(), paging.limit()).await?;
    Ok(paging.page(rows, |client| client.id.to_string()))
}

pub async fn find(app: &App, id: &ClientId) -> OperationResult<Client> {
    clients::find(&app.db, id).await?.ok_or_else(|| OperationError::NoSuchClient(id.clone()))
}

/// A client, and the number of its live grants.
pub async fn show(app: &App, id: &ClientId) -> OperationResult<(Client, i64)> {
    let client = find(app, id).await?;
    let of_client = grants::Filter { client_id: Some(id.clone()), ..grants::Filter::default() };
    let live_grants = grants::count_live(&app.db, &of_client, app.clock.now()).await?;
    Ok((client, live_grants))
}

/// Until it is enabled again, the client gets no tokens and its tokens are refused wherever this server is asked. Its
/// grants stay.
pub async fn disable(app: &App, by: &Operator, id: &ClientId) -> OperationResult<Client> {
    let (client, now) = (find(app, id).await?, app.clock.now());
    let event = Event::new(EventType::ClientDisabled).client(id).by(by.name()).happened(&app.audit);
    if !clients::disable(&app.db, id, now, &event).await? {
        return Err(OperationError::AlreadyDisabled(id.to_string()));
    }
    changed(app, id, &event);
    Ok(Client { disabled_at: Some(now), ..client })
}

pub async fn enable(app: &App, by: &Operator, id: &ClientId) -> OperationResult<Client> {
    let client = find(app, id).await?;
    if app.config.disable_removed_clients && clients::is_left_out(&app.db, id).await? {
        return Err(OperationError::LeftOut(id.clone()));
    }
    let event = Event::new(EventType::ClientEnabled).client(id).by(by.name()).happened(&app.audit);
    if !clients::enable(&app.db, id, &event).await? {
        return Err(OperationError::NotDisabled(id.to_string()));
    }
    changed(app, id, &event);
    Ok(Client { disabled_at: None, ..client })
}

/// After an act nothing is read, because an error says that nothing has changed.
fn changed(app: &App, id: &ClientId, event: &AuditEvent) {
    app.clients.forget(id);
    log(event);
}

/// The JSON form of a client.
#[must_use]
pub fn shown(client: &Client) -> Value {
    json!({
        "client_id": client.id,
        "client_name": client.metadata.client_name,
        "source": client.source.name(),
        "methods": methods(client),
        "grants": client.metadata.grant_types,
        "redirect_uris": client.metadata.redirect_uris,
        "has_client_secret": client.secret_hash.is_some(),
        "disabled": client.disabled_at.is_some(),
        "created_at": date(client.created_at),
        "seen_at": date(client.seen_at),
        "disabled_at": client.disabled_at.map(date),
    })
}

fn methods(client: &Client) -> Vec<AuthMethod> {
    if client.policy.any_secret_method {
        vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]
    } else {
        vec![client.metadata.token_endpoint_auth_method]
    }
}
