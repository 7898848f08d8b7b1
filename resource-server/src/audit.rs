//! The audit trail: events that are only ever added, each sealed with the hash of the one before.
use crate::{
    clock::Clock,
    digest,
    mask::Masker,
    store::{Filter, Store},
};
use serde_json::{Value, json};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;

/// What happened.
pub(crate) struct Event {
    pub kind: &'static str,
    /// `info`, `warning`, `error` or `critical`.
    pub level: &'static str,
    pub user_id: Option<String>,
    pub username: Option<String>,
    pub client_id: Option<String>,
    pub resource: Option<String>,
    pub action: Option<String>,
    pub details: Value,
    /// `ip_address`, `user_agent`, `transport`, `surface`.
    pub client_info: Value,
    pub success: bool,
    pub error_message: Option<&'static str>,
    pub request_id: Option<String>,
}

impl Event {
    pub fn new(kind: &'static str, success: bool) -> Self {
        Self {
            kind,
            level: if success { "info" } else { "warning" },
            user_id: None,
            username: None,
            client_id: None,
            resource: None,
            action: None,
            details: json!({}),
            client_info: json!({}),
            success,
            error_message: None,
            request_id: None,
        }
    }
}

pub(crate) struct Audit {
    store: Store,
    clock: Clock,
    /// One at a time: each event needs the hash of the one before.
    last: Mutex<Option<String>>,
    masker: Option<Arc<Masker>>,
}

impl Audit {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, last: Mutex::default(), masker: None }
    }

    /// Whoever types a password where a name belongs does not find it in the trail.
    pub fn masked(self, masker: &Arc<Masker>) -> Self {
        Self { masker: Some(Arc::clone(masker)), ..self }
    }

    /// A trail that cannot be written does not stop the server; it is logged.
    pub async fn record(&self, event: Event) {
        if let Err(error) = self.append(event).await {
            tracing::error!(error = format!("{error:#}"), "an event was not audited");
        }
    }

    /// Of the server itself.
    pub async fn server(&self, kind: &'static str) {
        let details = json!({"version": env!("CARGO_PKG_VERSION")});
        self.record(Event { details, ..Event::new(kind, true) }).await;
    }

    async fn append(&self, event: Event) -> anyhow::Result<()> {
        let mut last = self.last.lock().await;
        let before = match last.as_ref() {
            Some(last) => last.clone(),
            None => self.store.last_seal().await?.unwrap_or_default(),
        };
        let event = json!({
            "id": uuid::Uuid::now_v7().to_string(),
            "event_type": event.kind,
            "level": event.level,
            "user_id": event.user_id,
            "username": event.username,
            "client_id": event.client_id,
            "resource": event.resource,
            "action": event.action,
            "details": event.details,
            "client_info": event.client_info,
            "success": event.success,
            "error_message": event.error_message,
            "request_id": event.request_id,
            "timestamp": self.clock.now().format(&Rfc3339)?,
        });
        let event = self.masker.as_ref().map_or(event.clone(), |masker| masker.without_secrets(&event)).to_string();
        let seal = seal(&before, &event);
        self.store.append(&event, &seal).await?;
        *last = Some(seal);
        Ok(())
    }

    /// Newest first.
    pub async fn find(&self, filter: &Filter, limit: u32) -> anyhow::Result<Vec<Value>> {
        let rows = self.store.events(filter, limit).await?;
        rows.iter().map(|(event, _)| Ok(serde_json::from_str(event)?)).collect()
    }
}

/// Of an event, and of all before it.
fn seal(before: &str, event: &str) -> String {
    digest::hex(&digest::of(format!("{before}\n{event}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_event_is_sealed_with_all_before_it_also_after_a_restart() {
        let (store, clock) = (Store::new(None, Clock::default()), Clock::default());
        for _ in 0..2 {
            let audit = Audit::new(store.clone(), clock.clone());
            audit.server("server_start").await;
            audit.server("server_stop").await;
        }
        let mut events = store.events(&Filter::default(), 10).await.unwrap();
        events.reverse();
        assert_eq!(events.len(), 4);
        let mut before = String::new();
        for (event, sealed) in events {
            assert_eq!(seal(&before, &event), sealed);
            before = sealed;
        }
        let newest = Audit::new(store, clock).find(&Filter::default(), 1).await.unwrap();
        assert_eq!(newest[0]["event_type"], "server_stop");
    }
}
