//! Checks of a call in addition to its scopes: the tool, its schema, argument rules, the environment.
use crate::{
    arguments::{Denial, Rules},
    own,
    schema::Breach,
    surface::Surface,
};
use axum::http::StatusCode;
use keyward_guard::{Call, Check, challenge::Refusal, rpc_code::RpcCode};
use serde_json::json;
use std::sync::Arc;

type Judge = fn(&Surface, &str, Call) -> Result<(), Refusal>;

/// The checks, in their order.
pub(crate) fn of(surface: &Arc<Surface>) -> Arc<[Check]> {
    let of_call = |judge: Judge| {
        let surface = Arc::clone(surface);
        move |call: Call| call.message.tool().map_or(Ok(()), |tool| judge(&surface, tool, call))
    };
    Arc::new([
        Check::new(own::TOOL, of_call(check_tool)),
        Check::of_arguments(own::SCHEMA, of_call(check_schema)),
        Check::of_arguments(own::POLICY, of_call(check_rules)),
        Check::new(own::ENVIRONMENT, of_call(check_environment)),
    ])
}

/// The tool must be one of the surface's, if its tools are known here.
fn check_tool(surface: &Surface, tool: &str, call: Call) -> Result<(), Refusal> {
    if surface.forwards || surface.tool(tool).is_some() {
        return Ok(());
    }
    let mut refusal =
        Refusal::json_rpc(StatusCode::OK, call.message.id(), RpcCode::InvalidParams, "there is no such tool", None);
    refusal.error = own::UNKNOWN_TOOL;
    Err(refusal)
}

fn check_schema(surface: &Surface, name: &str, Call { message, .. }: Call) -> Result<(), Refusal> {
    let Some(tool) = surface.tool(name) else { return Ok(()) };
    // Numbers for our own tools must be exact in calculations.
    let allowed = json!("number that is not too large");
    let numbers = Breach { parameter: String::new(), rule: "type", allowed };
    let checked = serde_json::from_str(message.arguments()).map_err(|_| numbers).and_then(|all| tool.check(&all));
    let Err(breach) = checked else { return Ok(()) };
    // A model that learns what is wrong can call again (MCP 2025-11-25, tools, error handling).
    let text = "the arguments do not match the tool's inputSchema";
    let told = json!({
        "success": false, "error": breach.text(), "parameter": breach.parameter, "rule": breach.rule,
        "allowed": breach.allowed, "tool": name,
    });
    Err(Refusal::result(message.id(), message.modern, text, &told))
}

fn check_rules(surface: &Surface, tool: &str, call: Call) -> Result<(), Refusal> {
    if surface.rules.confuses(tool, call.message.arguments()) {
        let text = "Invalid params: an argument's name is almost that of one that a rule speaks of";
        return Err(Refusal::malformed(call.message.id(), RpcCode::InvalidParams, text));
    }
    let checked = surface.rules.check(tool, call.message.arguments());
    checked.map_err(|denial| denied(&denial, tool, call))
}

fn check_environment(surface: &Surface, tool: &str, call: Call) -> Result<(), Refusal> {
    Rules::check_environment(&surface.rules, tool).map_err(|denial| denied(&denial, tool, call))
}

fn denied(denial: &Denial, tool: &str, call: Call) -> Refusal {
    let data = json!({"reason": denial.reason, "rule": denial.rule, "parameter": denial.parameter, "tool": tool});
    Refusal::json_rpc(StatusCode::OK, call.message.id(), RpcCode::PolicyDenied, "Policy denied", Some(data))
}
