//! Builds an event before it is recorded.
use crate::{
    events::{EventType, FailureReason, Level},
    model::{ClientId, GrantId, UserId},
};
use serde_json::{Value, json};
use std::net::IpAddr;

#[derive(Clone)]
pub struct Event {
    pub(super) kind: EventType,
    pub(super) level: Level,
    pub(super) success: bool,
    pub(super) user_id: Option<UserId>,
    pub(super) client_id: Option<ClientId>,
    pub(super) grant_id: Option<GrantId>,
    pub(super) ip_address: Option<String>,
    pub(super) reason: Option<FailureReason>,
    pub(super) details: Value,
}

impl Event {
    #[must_use]
    pub fn new(event_type: EventType) -> Self {
        let level = event_type.entry().level;
        debug_assert!(event_type.entry().sinks.audit(), "{event_type} is not for the audit trail");
        Self {
            kind: event_type,
            level,
            success: level < Level::Critical,
            user_id: None,
            client_id: None,
            grant_id: None,
            ip_address: None,
            reason: None,
            details: Value::Object(serde_json::Map::new()),
        }
    }
    /// Raises the level to a warning: the event may be legitimate, but an operator should look.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { level: self.level.max(Level::Warning), ..self }
    }
    #[must_use]
    pub fn failed(self) -> Self {
        Self { success: false, ..self.warning() }
    }
    #[must_use]
    pub fn user(self, id: impl Into<Option<UserId>>) -> Self {
        Self { user_id: id.into(), ..self }
    }
    #[must_use]
    pub fn client<'a>(self, id: impl Into<Option<&'a ClientId>>) -> Self {
        Self { client_id: id.into().cloned(), ..self }
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
        debug_assert!(self.knows(&details), "{} has other details than the catalogue says: {details}", self.kind);
        Self { details, ..self }
    }
    /// Adds the reason to the details; only the trail shows it.
    #[must_use]
    pub fn because(mut self, reason: FailureReason) -> Self {
        self.details["reason"] = json!(reason.as_str());
        Self { reason: Some(reason), ..self }
    }

    /// Adds the operator who acted to the details.
    #[must_use]
    pub fn by(mut self, operator: &str) -> Self {
        debug_assert!(self.kind.entry().details.contains(&"by"), "{} is no operator's", self.kind);
        self.details["by"] = json!(operator);
        self
    }

    fn knows(&self, details: &Value) -> bool {
        let known = self.kind.entry().details;
        let members = details.as_object().into_iter().flatten();
        members.map(|(name, _)| name.as_str()).all(|name| known.contains(&name) || ["reason", "more"].contains(&name))
    }
}
