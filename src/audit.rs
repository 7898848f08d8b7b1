//! The audit trail: what a person responsible for this server wants to be able to ask later.
use crate::{
    app::App,
    model::{AuditEvent, AuditEventId, ClientId, GrantId, UserId},
    storage::audit_events,
    telemetry,
};
use serde_json::Value;
use std::net::IpAddr;

/// An event in the making.
pub struct Event {
    name: &'static str,
    level: &'static str,
    success: bool,
    user_id: Option<UserId>,
    client_id: Option<ClientId>,
    grant_id: Option<GrantId>,
    ip_address: Option<String>,
    details: Value,
}

impl Event {
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            level: "info",
            success: true,
            user_id: None,
            client_id: None,
            grant_id: None,
            ip_address: None,
            details: Value::Object(serde_json::Map::new()),
        }
    }
    #[must_use]
    pub fn failed(self) -> Self {
        Self { level: "warning", success: false, ..self }
    }
    /// Somebody holds what they should not.
    #[must_use]
    pub fn critical(self) -> Self {
        Self { level: "critical", success: false, ..self }
    }
    #[must_use]
    pub fn user(self, id: UserId) -> Self {
        Self { user_id: Some(id), ..self }
    }
    #[must_use]
    pub fn client(self, id: &ClientId) -> Self {
        Self { client_id: Some(id.clone()), ..self }
    }
    #[must_use]
    pub fn grant(self, id: GrantId) -> Self {
        Self { grant_id: Some(id), ..self }
    }
    #[must_use]
    pub fn from(self, address: IpAddr) -> Self {
        Self { ip_address: Some(address.to_string()), ..self }
    }
    #[must_use]
    pub fn details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// What happened has happened: a trail that can't be written is an error in the log, not in the answer.
    pub async fn record(self, app: &App) {
        let event = AuditEvent {
            id: AuditEventId::new(),
            event_type: self.name.into(),
            level: self.level.into(),
            user_id: self.user_id,
            client_id: self.client_id,
            grant_id: self.grant_id,
            success: self.success,
            details: self.details,
            request_id: telemetry::request_id(),
            ip_address: self.ip_address,
            at: app.clock.now(),
        };
        let client = event.client_id.as_ref().map(ClientId::as_str);
        tracing::info!(event_type = event.event_type, success = event.success, client, "audit");
        if let Err(error) = audit_events::insert(&app.db, &event).await {
            tracing::error!(%error, event_type = event.event_type, "the audit trail could not be written");
        }
    }
}
