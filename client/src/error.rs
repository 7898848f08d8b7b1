//! The one error of the program: a code for machines, a sentence for people.
mod connection;

use crate::{challenge::Challenge, mask};
use serde_json::{Value, json};
use std::fmt;

pub type Result<T> = std::result::Result<T, Failure>;

/// The code of the one failure whose result was already shown.
pub const TOOL_ERROR: &str = "tool_error";
/// The codes of faults of the server itself, which its operator can mend. A failure on the way there is no such fault.
pub const NO_TLS: &str = "no_tls";
pub const CERTIFICATE: &str = "certificate";
pub const INSECURE_HTTP: &str = "insecure_http";

/// Why a verb failed.
#[derive(Debug)]
pub struct Failure {
    /// The OAuth error code where there is one, otherwise a code of this program.
    pub code: String,
    pub message: String,
    pub http_status: Option<u16>,
    /// The challenges of an MCP server that refused (RFC 6750 §3).
    pub challenges: Vec<Challenge>,
}

impl Failure {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), http_status: None, challenges: Vec::new() }
    }

    /// A mistake in the command line, with exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", message)
    }

    pub fn with_status(self, status: u16) -> Self {
        Self { http_status: Some(status), ..self }
    }

    pub fn to_json(&self) -> Value {
        let message = mask::text(&self.message);
        json!({"error": {"code": mask::text(&self.code), "message": message, "http_status": self.http_status}})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
