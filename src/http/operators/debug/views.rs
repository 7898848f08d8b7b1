//! The views of `/debug`: one function and one name in this list for each.
use super::query::{KNOWN, MOST, ViewQuery};
use crate::{
    app::App,
    error::OAuthError,
    events::EventType,
    model::{AuditRecord, DeviceAuthorization, IssuedCode},
    operations::{
        audit::{self, ChainState, Filter},
        clients, date, grants,
    },
    storage::{Selection, codes, device_codes},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

macro_rules! views {
    ($($name:ident),* $(,)?) => {
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// `None` if there is no such view.
        pub(super) async fn find(app: &App, name: &str, wanted: &ViewQuery) -> Result<Option<Value>, OAuthError> {
            Ok(Some(match name {
                $(stringify!($name) => $name(app, wanted).await?,)*
                _ => return Ok(None),
            }))
        }
    };
}

/// The views whose rows have an event type.
const OF_EVENTS: [&str; 2] = ["audit", "traces"];

pub(super) fn known_parameters(view: &str) -> &'static [&'static str] {
    if OF_EVENTS.contains(&view) { &KNOWN } else { &KNOWN[..3] }
}

views!(approvals, audit, authorizations, clients, config, devices, grants, traces);

async fn approvals(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    let events = audit::list(app, &filter(Some(EventType::Approval.as_str()), wanted), None, wanted.limit()).await?;
    Ok(json!({"approvals": all(&events, |AuditRecord { event, .. }| json!({
        "client_id": event.client_id,
        "scope": event.details["scope"],
        "decision": if event.success { "approved" } else { "denied" },
        "mode": event.details["mode"],
        "subject": event.user_id.map(|id| id.to_string()),
        "timestamp": date(event.at),
    }))}))
}

async fn audit(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    audit::catch_up(app).await?;
    let chain = match audit::verify(app, Some(MOST)).await? {
        ChainState::Whole(_) => "ok".to_owned(),
        ChainState::BrokenAt(place) => format!("broken at {place}"),
    };
    let filter = filter(wanted.event_type.as_deref(), wanted);
    let events = audit::list(app, &filter, None, wanted.limit()).await?;
    Ok(json!({"chain": chain, "audit_events": all(&events, audit::shown)}))
}

async fn authorizations(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    let codes = codes::select(&app.db, &wanted.rows).await?;
    Ok(json!({"authorizations": all(&codes, |code: &IssuedCode| json!({
        "code_hash": code.code_hash.fingerprint(),
        "client_id": code.client_id,
        "scope": code.scopes.to_string(),
        "resource": resource(&code.resources),
        "expires_at": date(code.expires_at),
        "used": code.consumed_at.is_some(),
    }))}))
}

async fn clients(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    let Selection { client_id: id, since, .. } = wanted.rows.clone();
    let page = clients::list(app, &clients::Filter { id, since, ..clients::Filter::default() }, &wanted.page()).await?;
    Ok(json!({"clients": all(&page.rows, clients::shown)}))
}

/// A secret is only shown as set or not set.
async fn config(app: &App, _: &ViewQuery) -> Result<Value, OAuthError> {
    serde_json::to_value(&app.config).map_err(OAuthError::server_error)
}

async fn devices(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    let (devices, now) = (device_codes::select(&app.db, &wanted.rows).await?, app.clock.now());
    Ok(json!({"devices": all(&devices, |device: &DeviceAuthorization| json!({
        "device_code_hash": device.device_code_hash.fingerprint(),
        "client_id": device.client_id,
        "scope": device.scopes.to_string(),
        "resource": resource(&device.resources),
        "status": status(device, now),
        "subject": device.user_id.map(|id| id.to_string()),
        "ip_address": device.ip_address,
        "interval": device.poll_interval,
        "created_at": date(device.created_at),
        "expires_at": date(device.expires_at),
    }))}))
}

async fn grants(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    let Selection { client_id, since, .. } = wanted.rows.clone();
    let chosen = grants::Filter { client_id, since, ..grants::Filter::default() };
    let page = grants::list(app, &chosen, &wanted.page()).await?;
    Ok(json!({"grants": all(&page.rows, grants::shown)}))
}

async fn traces(app: &App, wanted: &ViewQuery) -> Result<Value, OAuthError> {
    let ViewQuery { rows, event_type } = wanted;
    let mut traces = app.trace.recent();
    traces.retain(|decision| {
        event_type.as_deref().is_none_or(|wanted| decision.event_type.as_str() == wanted)
            && rows.client_id.as_ref().is_none_or(|wanted| decision.client_id.as_ref() == Some(wanted))
            && rows.since.is_none_or(|since| decision.timestamp >= since)
    });
    traces.truncate(usize::try_from(rows.limit).unwrap_or_default());
    Ok(json!({ "traces": traces }))
}

fn filter(event_type: Option<&str>, wanted: &ViewQuery) -> Filter {
    let Selection { client_id, since, .. } = wanted.rows.clone();
    Filter { event_type: event_type.map(str::to_owned), client_id, since, ..Filter::default() }
}

fn all<T>(rows: &[T], view: impl Fn(&T) -> Value) -> Vec<Value> {
    rows.iter().map(view).collect()
}

/// Identifiers separated by spaces, like scopes; `None` when the grant is only about the user.
fn resource(identifiers: &[String]) -> Option<String> {
    (!identifiers.is_empty()).then(|| identifiers.join(" "))
}

fn status(device: &DeviceAuthorization, now: OffsetDateTime) -> &'static str {
    match device {
        DeviceAuthorization { consumed_at: Some(_), .. } => "redeemed",
        DeviceAuthorization { decided_at: Some(_), allowed: false, .. } => "denied",
        device if device.expires_at <= now => "expired",
        DeviceAuthorization { decided_at: Some(_), .. } => "approved",
        _ => "pending",
    }
}
