//! What this program names beside the guard: its checks, and the errors of its tools.
use axum::http::StatusCode;
use keyward_guard::ErrorCode;

/// The tool is one of the surface's.
pub(crate) const TOOL: &str = "tool";
/// The arguments match the tool's schema.
pub(crate) const SCHEMA: &str = "schema";
/// The rules on arguments allow the call.
pub(crate) const POLICY: &str = "policy";
/// The rules on the environment do.
pub(crate) const ENVIRONMENT: &str = "environment";

/// Answered as a JSON-RPC error, whose HTTP status is 200.
const fn in_answer(word: &'static str) -> ErrorCode {
    ErrorCode::Own { word, status: StatusCode::OK }
}

pub(crate) const UNKNOWN_METHOD: ErrorCode = in_answer("unknown_method");
pub(crate) const UNKNOWN_TOOL: ErrorCode = in_answer("unknown_tool");
pub(crate) const UNKNOWN_RESOURCE: ErrorCode = in_answer("unknown_resource");
pub(crate) const TOOL_FAILED: ErrorCode = in_answer("tool_failed");
pub(crate) const MISSING_CAPABILITY: ErrorCode = in_answer("missing_capability");
