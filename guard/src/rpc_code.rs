//! The `code` of JSON-RPC errors that a guard or a program behind it answers (JSON-RPC 2.0 §5.1, MCP 2026-07-28).

/// `RpcCode::ParseError as i64` is the number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcCode {
    ParseError = -32700,
    InternalError = -32603,
    InvalidParams = -32602,
    MethodNotFound = -32601,
    InvalidRequest = -32600,
    UnsupportedVersion = -32022,
    HeaderMismatch = -32020,
    /// Of a server's own, as the next two (§5.1): a rule on arguments, or on the environment, forbids the call.
    PolicyDenied = -32002,
    InsufficientScope = -32001,
    /// A refusal that has no code of its own, where there is no HTTP status to tell it by.
    Refused = -32000,
}
