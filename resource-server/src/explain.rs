//! What a gate would say, and whom it knows, without anything happening.
use crate::{
    attempts::Wondering,
    caller::{Caller, Principal},
    challenge::Refusal,
    gate::{Gate, Gates},
    wire::Message,
};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

impl Gates {
    /// Sessions as `/debug` shows them; the gates of a surface have them in common.
    pub fn sessions(&self, surface: &str) -> Vec<Value> {
        let all = self.0.first().map(|(_, gate)| gate.sessions.all(gate.clock.now())).unwrap_or_default();
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

    /// Each check of a call of `tool`, or of listing tools, in the order in which a gate makes them: passed, failed and
    /// why, not reached, or not judged as no arguments were given.
    pub async fn explain(&self, request: Request, tool: Option<&str>, arguments: Option<&str>) -> Vec<Value> {
        let Some((authority, gate)) = self.0.first() else { return Vec::new() };
        let (mut checks, mut request) = (Checks::default(), request);
        request.extensions_mut().insert(Wondering);
        if let Ok(own) = HeaderValue::from_str(authority) {
            request.headers_mut().entry(header::HOST).or_insert(own);
        }
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
        checks.judge("origin", gate.allowed.check(&request).map(drop));
        let (mut parts, _) = request.into_parts();
        let message = asked(&parts.headers, tool, arguments);
        let caller = checks.who(gate.credential.admit(&mut parts).await);
        let message = checks.value("message", message);
        let call = caller.as_ref().zip(message.as_ref());
        let judged = |judge: &dyn Fn(&Caller, &Message) -> Result<(), Refusal>| {
            call.map_or(Ok(()), |(caller, message)| judge(caller, message))
        };
        checks.judge("sign_in", judged(&|caller, message| gate.credential.check_sign_in(caller, Some(message))));
        checks.judge("method", judged(&|_, message| gate.check_tool(message)));
        checks.judge("scope", judged(&|caller, message| gate.check_scopes(message, caller)));
        if arguments.is_some() {
            checks.judge("schema", judged(&|_, message| gate.check_schema(message)));
            checks.judge("policy", judged(&|_, message| gate.check_rules(message)));
        } else {
            checks.skip(&["schema", "policy"]);
        }
        checks.judge("environment", judged(&|_, message| gate.check_environment(message)));
        checks.done
    }
}

/// The call as a client would send it.
fn asked(headers: &HeaderMap, tool: Option<&str>, arguments: Option<&str>) -> Result<Message, Refusal> {
    let message = tool.map_or_else(
        || json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string(),
        |tool| {
            let (name, arguments) = (Value::from(tool), arguments.unwrap_or("{}"));
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name},"arguments":{arguments}}}}}"#
            )
        },
    );
    Gate::read(headers, message.into())
}

#[derive(Default)]
struct Checks {
    done: Vec<Value>,
    failed: bool,
}

impl Checks {
    fn judge(&mut self, check: &'static str, judged: Result<(), Refusal>) {
        let (result, reason) = match judged {
            _ if self.failed => ("not reached", None),
            Ok(()) => ("passed", None),
            Err(refusal) => {
                self.failed = true;
                ("failed", Some(json!({"error": refusal.error, "description": refusal.description})))
            }
        };
        self.done.push(json!({"check": check, "result": result, "reason": reason}));
    }

    fn value<T>(&mut self, check: &'static str, judged: Result<T, Refusal>) -> Option<T> {
        let (value, judged) = match judged {
            Ok(value) => (Some(value), Ok(())),
            Err(refusal) => (None, Err(refusal)),
        };
        self.judge(check, judged);
        value
    }

    /// A credential is judged at once; its refusal tells how far it came.
    fn who(&mut self, caller: Result<Caller, Refusal>) -> Option<Caller> {
        let (caller, mut refused) = match caller {
            Ok(caller) => (Some(caller), None),
            Err(refusal) => (None, Some(refusal)),
        };
        let failing = refused.as_ref().map(|refusal| match refusal.description.split(':').next() {
            _ if refusal.by_budget => "rate_limit",
            Some("audience" | "grant") => "audience",
            _ => "credential",
        });
        for check in ["rate_limit", "credential", "audience"] {
            let refused = refused.take_if(|_| failing == Some(check));
            self.judge(check, refused.map_or(Ok(()), Err));
        }
        caller
    }

    fn skip(&mut self, checks: &[&'static str]) {
        let result = if self.failed { "not reached" } else { "not judged" };
        self.done.extend(checks.iter().map(|check| json!({"check": check, "result": result, "reason": null})));
    }
}
