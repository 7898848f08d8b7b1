//! What the audit trail holds of a test.
use super::app::TestApp;
use keyward::{model::AuditEvent, storage::audit_events};

/// All of this type, the newest first.
pub async fn events(t: &TestApp, event_type: &str) -> Vec<AuditEvent> {
    let recent = audit_events::recent(&t.db, 1_000).await.unwrap();
    recent.into_iter().filter(|event| event.event_type == event_type).collect()
}

pub async fn happened(t: &TestApp, event_type: &str) -> bool {
    !events(t, event_type).await.is_empty()
}
