//! The views of `/debug`.
use crate::{settings::Settings, surface::Surface, trace::Record};
use keyward_guard::{
    Principal,
    gate::{Explanation, Gates, Judgement},
};
use serde::Serialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) fn explained(Explanation { check, judgement }: Explanation) -> Value {
    let (result, reason) = match judgement {
        Judgement::Passed => ("passed", None),
        Judgement::Failed { error, description } => {
            ("failed", Some(json!({"error": error, "description": description})))
        }
        Judgement::NotReached => ("not reached", None),
        Judgement::NotJudged => ("not judged", None),
    };
    json!({"check": check, "result": result, "reason": reason})
}

/// The gates of a surface share their sessions.
pub(super) fn sessions(surface: &Surface, gates: &Gates) -> Vec<Value> {
    let all = gates.0.first().map(|(_, gate)| gate.sessions.all(surface.clock.now())).unwrap_or_default();
    let shown = |(session, owner, used_at): (String, Principal, OffsetDateTime)| {
        json!({
            "surface": &*surface.id,
            "session_hash": session,
            "principal": owner[..2].join(" "),
            "client_id": owner[2],
            "used_at": used_at.format(&Rfc3339).unwrap_or_default(),
        })
    };
    all.into_iter().map(shown).collect()
}

pub(super) fn token(record: &Record) -> Value {
    json!({
        "token_hash": record.token_hash,
        "client_id": record.client_id,
        "scope": record.scope,
        "grant_type": record.grant_type,
        "audience": record.audience,
        "issuer": record.issuer,
        "subject": record.subject,
        "expires_at": record.expires_at,
        "accepted": record.principal.is_some(),
        "surface": record.surface,
        "timestamp": record.timestamp,
    })
}

/// What was decided about a token.
#[derive(Clone, Copy, Serialize)]
enum TokenDecision {
    #[serde(rename = "rs_token_accepted")]
    Accepted,
    #[serde(rename = "rs_token_rejected")]
    Rejected,
}

/// The decision about a token, in the format of the authorization server's trace.
pub(super) fn trace(record: &Record) -> Option<Value> {
    record.token_hash.as_ref()?;
    let accepted = record.principal.is_some();
    Some(json!({
        "event_type": if accepted { TokenDecision::Accepted } else { TokenDecision::Rejected },
        "client_id": record.client_id,
        "detail": record.reason.filter(|_| !accepted).unwrap_or("the token was accepted"),
        "result": if accepted { "success" } else { "failure" },
        "rule": record.error.filter(|_| !accepted),
        "request_id": record.request_id,
        "timestamp": record.timestamp,
    }))
}

pub(super) fn config(settings: &Settings) -> Value {
    let set = |is_set: bool| json!({"set": is_set});
    let surfaces = settings.surfaces.iter().map(|surface| {
        json!({
            "id": surface.id,
            "kind": surface.kind,
            "enabled": surface.enabled,
            "listen": surface.listen,
            "tools": surface.tools,
            "keys": surface.keys.len(),
            "users": surface.users.iter().map(|user| &user.username).collect::<Vec<_>>(),
            "headers": surface.headers.keys().collect::<Vec<_>>(),
        })
    });
    json!({
        "listen": settings.listen,
        "origins": settings.origins(),
        "issuer": settings.issuer,
        "demo": settings.demo,
        "store": set(settings.store.is_some()),
        "admin_token": set(settings.admin_token.is_some()),
        "log_payloads": settings.log_payloads,
        "surfaces": surfaces.collect::<Vec<_>>(),
    })
}
