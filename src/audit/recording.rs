//! How an event gets into the trail: at once, soon, or counted with others of its kind.
use super::{Event, Trail};
use crate::{
    limits::source,
    model::{AuditEvent, AuditEventId, ClientId},
    storage::audit_events,
    telemetry,
};
use std::net::IpAddr;

/// Characters.
const LONGEST_USER_AGENT: usize = 200;

impl Event {
    /// What happened has happened: a trail that can't be written is an error in the log, not in the answer.
    pub async fn record(self, trail: &Trail) {
        let event = self.happened(trail);
        log(&event);
        write(trail, &event).await;
    }

    /// Records what happens too often to wait for the disk each time; it is on disk within a second or so.
    pub async fn note(self, trail: &Trail) {
        let event = self.happened(trail);
        if let Some(event) = trail.queue.add(event) {
            write(trail, &event).await;
        }
    }

    /// The event as it is stored, for what happens in one transaction with it.
    pub fn happened(self, trail: &Trail) -> AuditEvent {
        let request = telemetry::request();
        AuditEvent {
            id: AuditEventId::new(),
            event_type: self.kind.as_str().into(),
            level: self.level.as_str().into(),
            user_id: self.user_id,
            // Whoever is not known yet may call themselves by a secret.
            client_id: self.client_id.map(|id| ClientId::from(&*trail.masker.text(id.as_str()))),
            grant_id: self.grant_id,
            success: self.success,
            details: trail.masker.without_secrets(&self.details),
            ip_address: self.ip_address.or_else(|| request.as_ref().map(|request| request.address.to_string())),
            user_agent: request.as_ref().and_then(|request| user_agent(trail, request)),
            request_id: request.map(|request| request.id),
            at: trail.clock.now(),
        }
    }

    /// Counts what somebody does to an account, or in its name, from this address.
    pub async fn tally(self, trail: &Trail, account: &str, address: IpAddr) {
        let event = self.from(address);
        if trail.tally.is_first(&event, account, Some(source(address)), &trail.clock) {
            event.record(trail).await;
        }
    }

    /// Counts what happens to something of ours, wherever it comes from.
    pub async fn tally_of(self, trail: &Trail, what: &str) {
        if trail.tally.is_first(&self, what, None, &trail.clock) {
            self.note(trail).await;
        }
    }
}

/// Tells the log of an event that is on record.
pub fn log(event: &AuditEvent) {
    let user = event.user_id.map(|id| id.to_string());
    let client = event.client_id.as_ref().map(ClientId::as_str);
    let (address, success) = (event.ip_address.as_deref(), event.success);
    tracing::info!(event_type = event.event_type, success, user, client, address, "audit");
}

/// As far as it tells programs from each other. Masked before it is cut, or half a secret would stay.
fn user_agent(trail: &Trail, request: &telemetry::Request) -> Option<String> {
    let masked = trail.masker.text(request.user_agent.as_deref()?);
    Some(masked.chars().take(LONGEST_USER_AGENT).collect())
}

async fn write(trail: &Trail, event: &AuditEvent) {
    if let Err(error) = audit_events::insert(&trail.db, event).await {
        tracing::error!(%error, event_type = event.event_type, "the audit trail could not be written");
    }
}
