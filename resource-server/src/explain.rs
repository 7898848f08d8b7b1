//! What a gate would say, and whom it knows, without anything happening.
use crate::{
    attempts::Wondering,
    caller::{Caller, Principal},
    challenge::Refusal,
    gate::Gates,
    wire::Message,
};
use axum::extract::Request;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

impl Gates {
    /// Sessions as `/debug` shows them; the gates of a surface have them in common.
    pub fn sessions(&self, surface: &str) -> Vec<Value> {
        let all = self.0.first().map(|(_, gate)| gate.sessions.all()).unwrap_or_default();
        let shown = |(session, owner, used_at): (String, Principal, OffsetDateTime)| {
            json!({
                "surface": surface,
                "session_hash": session,
                "principal": owner[..2].join(" "),
                "client_id": owner[2],
                "used_at": used_at.format(&Rfc3339).unwrap_or_default(),
            })
        };
        all.into_iter().map(shown).collect()
    }

    /// Each check of a call of `tool`, or of listing tools: passed, failed and why, or not reached.
    pub async fn explain(&self, request: Request, tool: Option<&str>, arguments: Option<&Value>) -> Vec<Value> {
        let Some((_, gate)) = self.0.first() else { return Vec::new() };
        let (mut parts, _) = request.into_parts();
        parts.extensions.insert(Wondering);
        let body = match tool {
            Some(tool) => json!({"method": "tools/call", "params": {"name": tool, "arguments": arguments}}),
            None => json!({"method": "tools/list"}),
        };
        let message = Message { body, modern: true };
        let mut failed = None;
        let mut checks = Vec::new();
        let mut judge = |check: &'static str, judged: Result<(), Refusal>| {
            let (result, reason) = match (&failed, judged) {
                (Some(()), _) => ("not reached", None),
                (None, Ok(())) => ("passed", None),
                (None, Err(refusal)) => {
                    failed = Some(());
                    ("failed", Some(json!({"error": refusal.error, "description": refusal.description})))
                }
            };
            checks.push(json!({"check": check, "result": result, "reason": reason}));
        };
        let caller = gate.credential.admit(&mut parts).await;
        let known = caller.as_ref().ok().cloned();
        judge("credential", caller.map(drop));
        let on_known = |check: &dyn Fn(&Caller) -> Result<(), Refusal>| known.as_ref().map_or(Ok(()), check);
        judge("sign_in", on_known(&|caller| gate.credential.check_sign_in(caller, Some(&message))));
        judge("scope", on_known(&|caller| gate.check_scopes(&message, caller)));
        let mut check = "schema";
        let arguments = if arguments.is_some() { gate.check_arguments(&message, &mut check) } else { Ok(()) };
        let in_schema = check == "schema" && arguments.is_err();
        let (schema, rules) = if in_schema { (arguments, Ok(())) } else { (Ok(()), arguments) };
        judge("schema", schema);
        judge(if check == "environment" { check } else { "policy" }, rules);
        checks
    }
}
