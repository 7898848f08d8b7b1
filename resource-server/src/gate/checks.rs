//! What a gate asks of a call: scopes, then the tool, its schema, the rules on its arguments, and the environment.
use super::{Gate, beside_those_held};
use crate::{
    arguments::{Denial, Rules},
    caller::Caller,
    challenge::Refusal,
    wire::Message,
};
use axum::http::StatusCode;
use serde_json::json;

impl Gate {
    pub fn check_scopes(&self, message: &Message, caller: &Caller) -> Result<(), Refusal> {
        let Some(held) = &caller.scopes else { return Ok(()) };
        let policy = &self.policy;
        let needed = policy.needed(message.method(), message.tool());
        if policy.allows(held, needed) {
            return Ok(());
        }
        // Clients of earlier revisions replace their scopes by the challenge's, so it keeps what they have.
        let ask = if message.modern { needed.to_vec() } else { beside_those_held(policy, needed, held) };
        let data = json!({
            "required_scope": needed.join(" "),
            "token_scope": held.join(" "),
            "tool": message.tool(),
            "method": message.method(),
        });
        Err(self.credential.insufficient_scope(caller, message.id(), &ask.join(" "), data))
    }

    /// The tool a call names is one of the surface's, where that is known here.
    pub fn check_tool(&self, message: &Message) -> Result<(), Refusal> {
        let Some((name, surface)) = message.tool().zip(self.surface.as_ref()) else { return Ok(()) };
        let known = surface.forwards || surface.tool(name).is_some();
        let unknown = || Refusal::new(StatusCode::NOT_FOUND, "unknown_tool", "there is no such tool");
        if known { Ok(()) } else { Err(unknown()) }
    }

    pub fn check_schema(&self, message: &Message) -> Result<(), Refusal> {
        let Some((name, surface)) = message.tool().zip(self.surface.as_ref()) else { return Ok(()) };
        let Some(Err(breach)) = surface.tool(name).map(|tool| tool.check(&message.arguments())) else { return Ok(()) };
        let text = "Invalid params: the arguments do not match the tool's inputSchema";
        let data = json!({"parameter": breach.parameter, "rule": breach.rule, "tool": name});
        Err(Refusal::json_rpc(StatusCode::OK, message.id(), -32602, text, Some(data)))
    }

    /// The rules on arguments.
    pub fn check_rules(&self, message: &Message) -> Result<(), Refusal> {
        self.deny(message, |rules, tool| rules.check(tool, &message.arguments()))
    }

    /// What the environment allows.
    pub fn check_environment(&self, message: &Message) -> Result<(), Refusal> {
        self.deny(message, Rules::check_environment)
    }

    /// No rule speaks of a tool that is not there.
    fn deny(
        &self,
        message: &Message,
        check: impl for<'a> Fn(&'a Rules, &str) -> Result<(), Denial<'a>>,
    ) -> Result<(), Refusal> {
        let Some((name, surface)) = message.tool().zip(self.surface.as_ref()) else { return Ok(()) };
        if self.check_tool(message).is_err() {
            return Ok(());
        }
        check(&surface.rules, name).map_err(|denial| {
            let data = json!({
                "reason": denial.reason, "rule": denial.rule, "parameter": denial.parameter, "tool": name,
            });
            Refusal::json_rpc(StatusCode::OK, message.id(), -32002, "Policy denied", Some(data))
        })
    }
}
