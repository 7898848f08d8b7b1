//! What a gate asks of a call: scopes, then the tool, its schema, the rules on its arguments, and the environment.
use super::{Gate, beside_those_held};
use crate::{
    arguments::{Denial, Rules},
    caller::Caller,
    challenge::Refusal,
    schema::Breach,
    wire::Message,
};
use axum::http::StatusCode;
use serde_json::json;

impl Gate {
    pub fn check_scopes(&self, message: &Message, caller: &Caller) -> Result<(), Refusal> {
        // What is answered was asked in a session of the caller's.
        let Some(held) = caller.scopes.as_ref().filter(|_| !message.is_response()) else { return Ok(()) };
        let policy = &self.policy;
        let needed = policy.needed(message.method(), message.tool());
        if caller.holds(policy, needed) {
            return Ok(());
        }
        // Clients of earlier revisions replace their scopes by the challenge's, so it keeps what they have.
        let ask = if message.modern { needed.to_vec() } else { beside_those_held(caller, policy, needed) };
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
        let Some(tool) = surface.tool(name) else { return Ok(()) };
        // A number of our own tools is one that we can calculate with.
        let allowed = json!("number that is not too large");
        let numbers = Breach { parameter: String::new(), rule: "type", allowed };
        let checked = serde_json::from_str(message.arguments()).map_err(|_| numbers).and_then(|all| tool.check(&all));
        let Err(breach) = checked else { return Ok(()) };
        // A model that is told what is wrong calls again (MCP 2025-11-25, tools, error handling).
        let text = "the arguments do not match the tool's inputSchema";
        let told = json!({
            "success": false, "error": breach.text(), "parameter": breach.parameter, "rule": breach.rule,
            "allowed": breach.allowed, "tool": name,
        });
        Err(Refusal::result(message.id(), message.modern, text, told))
    }

    /// The rules on arguments.
    pub fn check_rules(&self, message: &Message) -> Result<(), Refusal> {
        let surface = message.tool().zip(self.surface.as_ref());
        if surface.is_some_and(|(name, surface)| surface.rules.confuses(name, message.arguments())) {
            let text = "Invalid params: an argument's name is almost that of one that a rule speaks of";
            return Err(Refusal::json_rpc(StatusCode::BAD_REQUEST, message.id(), -32602, text, None));
        }
        self.deny(message, |rules, tool| rules.check(tool, message.arguments()))
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
