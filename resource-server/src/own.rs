//! Names that this program adds to those of the guard: its checks, the scheme of its own credential, and the errors of
//! its tools.
use axum::http::StatusCode;
use keyward_guard::{ErrorCode, OwnError};

/// The tool is one of the surface's.
pub(crate) const TOOL: &str = "tool";
/// The arguments match the tool's schema.
pub(crate) const SCHEMA: &str = "schema";
/// The rules on arguments allow the call.
pub(crate) const POLICY: &str = "policy";
/// The rules on the environment allow the call.
pub(crate) const ENVIRONMENT: &str = "environment";

/// The authentication scheme of keys in headers of their own.
pub(crate) const SECURITY_KEY: &str = "SecurityKey";

// Answered as JSON-RPC errors, whose HTTP status is 200.
pub(crate) const UNKNOWN_METHOD: ErrorCode =
    ErrorCode::Own(&OwnError { word: "unknown_method", status: StatusCode::OK });
pub(crate) const UNKNOWN_TOOL: ErrorCode = ErrorCode::Own(&OwnError { word: "unknown_tool", status: StatusCode::OK });
pub(crate) const UNKNOWN_RESOURCE: ErrorCode =
    ErrorCode::Own(&OwnError { word: "unknown_resource", status: StatusCode::OK });
pub(crate) const TOOL_FAILED: ErrorCode = ErrorCode::Own(&OwnError { word: "tool_failed", status: StatusCode::OK });
pub(crate) const MISSING_CAPABILITY: ErrorCode =
    ErrorCode::Own(&OwnError { word: "missing_capability", status: StatusCode::OK });
