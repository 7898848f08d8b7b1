//! An event as it is shown: in `/debug/audit` and by `keyward audit list`.
use crate::model::AuditRecord;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

#[must_use]
pub fn shown(record: &AuditRecord) -> Value {
    let AuditRecord { event, username } = record;
    json!({
        "id": event.id.to_string(),
        "event_type": event.event_type,
        "level": event.level,
        "user_id": event.user_id.map(|id| id.to_string()),
        "username": username,
        "client_id": event.client_id,
        "resource": resource(&event.details["resource"]),
        "action": event.details["mode"],
        "details": event.details,
        "client_info": {
            "ip_address": event.ip_address,
            "user_agent": event.user_agent,
            "transport": event.request_id.as_ref().map(|_| "http"),
            "surface": null,
        },
        "success": event.success,
        "error_message": event.details["rule"],
        "request_id": event.request_id,
        "timestamp": event.at.format(&Rfc3339).ok(),
    })
}

/// As the details have it: one resource, a list, or none.
fn resource(detail: &Value) -> Option<String> {
    match detail {
        Value::Array(several) => Some(several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        one => one.as_str().map(str::to_owned),
    }
}
