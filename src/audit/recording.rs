//! The three ways to record an event: write it now, queue it, or count it together with similar events.
use super::{Event, Trail};
use crate::{
    limits::source,
    model::{AuditEvent, AuditEventId, ClientId},
    storage::audit_events,
    telemetry,
};
use std::net::IpAddr;
const MAX_USER_AGENT_CHARACTERS: usize = 200;

impl Event {
    /// The event has happened already: a trail that cannot be written is logged as an error and does not fail the
    /// request.
    pub async fn record(self, trail: &Trail) {
        let event = self.happened(trail);
        log(&event);
        write(trail, &event).await;
    }

    /// Queues an event that is too frequent to wait for the disk each time; it is written within about a second.
    pub async fn note(self, trail: &Trail) {
        let event = self.happened(trail);
        if let Some(event) = trail.queue.add(event) {
            write(trail, &event).await;
        }
    }

    /// The event in its stored form, for a transaction that stores it together with the change it reports.
    pub fn happened(self, trail: &Trail) -> AuditEvent {
        let request = telemetry::request();
        AuditEvent {
            id: AuditEventId::new(),
            event_type: self.kind.as_str().into(),
            level: self.level.as_str().into(),
            user_id: self.user_id,
            // An unauthenticated caller may have sent a secret as its client identifier.
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

    /// Counts an event about this account from this address.
    pub async fn tally(self, trail: &Trail, account: &str, address: IpAddr) {
        let event = self.from(address);
        if trail.tally.is_first(&event, account, Some(source(address)), &trail.clock) {
            event.record(trail).await;
        }
    }

    /// Counts an event about the object `what` of this server, from any source.
    pub async fn tally_of(self, trail: &Trail, what: &str) {
        if trail.tally.is_first(&self, what, None, &trail.clock) {
            self.note(trail).await;
        }
    }
}

/// Logs an event that is recorded.
pub fn log(event: &AuditEvent) {
    let user = event.user_id.map(|id| id.to_string());
    let client = event.client_id.as_ref().map(ClientId::as_str);
    let (address, success) = (event.ip_address.as_deref(), event.success);
    tracing::info!(event_type = event.event_type, success, user, client, address, "audit");
}

/// Long enough to tell programs from each other. Masked before it is cut, because half a secret would not be
/// recognised.
fn user_agent(trail: &Trail, request: &telemetry::Request) -> Option<String> {
    let masked = trail.masker.text(request.user_agent.as_deref()?);
    Some(masked.chars().take(MAX_USER_AGENT_CHARACTERS).collect())
}

async fn write(trail: &Trail, event: &AuditEvent) {
    if let Err(error) = audit_events::insert(&trail.db, event).await {
        tracing::error!(%error, event_type = event.event_type, "the audit trail could not be written");
    }
}
