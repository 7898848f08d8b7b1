//! The audit trail: what a person responsible for this server wants to be able to ask later.
pub mod chain;
pub mod changed_settings;
pub mod shown;
pub mod tally;

use crate::{
    app::App,
    events::{AccountKind, EventType, FailureReason, Level},
    model::{AuditEvent, AuditEventId, ClientId, GrantId, UserId},
    storage::audit_events,
    telemetry,
};
use serde_json::{Value, json};
use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Characters.
const LONGEST_USER_AGENT: usize = 200;

/// An event in the making.
#[derive(Clone)]
pub struct Event {
    kind: EventType,
    level: Level,
    success: bool,
    user_id: Option<UserId>,
    client_id: Option<ClientId>,
    grant_id: Option<GrantId>,
    ip_address: Option<String>,
    reason: Option<FailureReason>,
    details: Value,
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
    /// It may be what it should be, but look.
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
    /// Why, beside the other details; for the trail alone.
    #[must_use]
    pub fn because(mut self, reason: FailureReason) -> Self {
        self.details["reason"] = json!(reason.as_str());
        Self { reason: Some(reason), ..self }
    }

    fn knows(&self, details: &Value) -> bool {
        let known = self.kind.entry().details;
        let members = details.as_object().into_iter().flatten();
        members.map(|(name, _)| name.as_str()).all(|name| known.contains(&name) || ["reason", "more"].contains(&name))
    }

    /// The operator who did it, beside the other details.
    #[must_use]
    pub fn by(mut self, operator: &str) -> Self {
        debug_assert!(self.kind.entry().details.contains(&"by"), "{} is no operator's", self.kind);
        self.details["by"] = json!(operator);
        self
    }

    /// What happened has happened: a trail that can't be written is an error in the log, not in the answer.
    pub async fn record(self, app: &App) {
        let event = self.happened(app);
        log(&event);
        write(app, &event).await;
    }

    /// For what happens too often to wait for the disk each time: on disk within a second or so.
    pub async fn note(self, app: &App) {
        let event = self.happened(app);
        if let Some(event) = app.noted.add(event) {
            write(app, &event).await;
        }
    }

    /// As it is stored: for what happens in one transaction with its event.
    pub fn happened(self, app: &App) -> AuditEvent {
        let request = telemetry::request();
        AuditEvent {
            id: AuditEventId::new(),
            event_type: self.kind.as_str().into(),
            level: self.level.as_str().into(),
            user_id: self.user_id,
            // Whoever is not known yet may call themselves by a secret.
            client_id: self.client_id.map(|id| ClientId::from(&*app.masker.text(id.as_str()))),
            grant_id: self.grant_id,
            success: self.success,
            details: app.masker.without_secrets(&self.details),
            ip_address: self.ip_address.or_else(|| request.as_ref().map(|request| request.address.to_string())),
            user_agent: request.as_ref().and_then(|request| user_agent(app, request)),
            request_id: request.map(|request| request.id),
            at: app.clock.now(),
        }
    }
}

/// An event that is on record, as a line in the log.
pub fn log(event: &AuditEvent) {
    let user = event.user_id.map(|id| id.to_string());
    let client = event.client_id.as_ref().map(ClientId::as_str);
    let (address, success) = (event.ip_address.as_deref(), event.success);
    tracing::info!(event_type = event.event_type, success, user, client, address, "audit");
}

/// As far as it tells programs from each other. Masked before it is cut, or half a secret would stay.
fn user_agent(app: &App, request: &telemetry::Request) -> Option<String> {
    let masked = app.masker.text(request.user_agent.as_deref()?);
    Some(masked.chars().take(LONGEST_USER_AGENT).collect())
}

async fn write(app: &App, event: &AuditEvent) {
    if let Err(error) = audit_events::insert(&app.db, event).await {
        tracing::error!(%error, event_type = event.event_type, "the audit trail could not be written");
    }
}

/// Events that wait to be written.
#[derive(Default)]
pub struct Noted {
    events: Mutex<Vec<AuditEvent>>,
    /// One at a time writes the oldest and then drops them.
    writer: tokio::sync::Mutex<()>,
}

/// When the disk is slower than what happens, more have to wait for it.
const MOST_NOTED: usize = 10_000;

impl Noted {
    /// Gives it back if there are too many.
    fn add(&self, event: AuditEvent) -> Option<AuditEvent> {
        let mut noted = self.lock();
        if noted.len() >= MOST_NOTED {
            return Some(event);
        }
        noted.push(event);
        None
    }

    fn oldest(&self, count: usize) -> Vec<AuditEvent> {
        self.lock().iter().take(count).cloned().collect()
    }

    fn drop_oldest(&self, count: usize) {
        self.lock().drain(..count);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AuditEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A secret was wrong: of an account of this kind, and of whom, as far as it is anybody's. What somebody typed as a name
/// may be a password, so that a name that nobody has is not kept.
pub struct WrongTry<'a> {
    pub kind: AccountKind,
    /// As it was typed: what tries are counted by, and never written.
    pub account: &'a str,
    pub user: Option<UserId>,
    pub client: Option<&'a ClientId>,
    pub reason: FailureReason,
    pub address: IpAddr,
}

impl WrongTry<'_> {
    /// A wait begins with it.
    pub async fn begins_wait(&self, app: &App) {
        let event = Event::new(EventType::BruteForceDetected).failed().details(json!({"account": self.kind.as_str()}));
        let event = event.because(self.reason).user(self.user).client(self.client);
        event.tally(app, &format!("{} {}", self.kind.as_str(), self.account), self.address).await;
    }
}
