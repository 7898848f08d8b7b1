//! JSON-RPC messages: what this client says of itself, and what an answer means (JSON-RPC 2.0 §4, §5).
use crate::{
    error::{Failure, Result},
    http::Answer,
};
use serde_json::{Map, Value, json};

pub type Params = Map<String, Value>;

pub fn client_info() -> Value {
    json!({"name": "mcp-auth", "version": env!("CARGO_PKG_VERSION")})
}

/// The result of a JSON-RPC response, or its error as a failure with that code.
pub fn result_of(message: &Value, status: u16) -> Result<Value> {
    if let Some(error) = message.get("error") {
        let code = error["code"].to_string();
        let text = error["message"].as_str().unwrap_or("no message");
        let data = error.get("data").map(|data| format!(" {data}")).unwrap_or_default();
        return Err(
            Failure::new(code.clone(), format!("the server answers error {code}: {text}{data}")).with_status(status)
        );
    }
    message.get("result").cloned().ok_or_else(|| Failure::new("protocol", "the answer is no JSON-RPC response"))
}

pub fn http_failure(answer: &Answer) -> Failure {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
    let text = if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) };
    Failure::new("http", format!("{} answers HTTP {}{text}", answer.url.shown(), answer.status))
        .with_status(answer.status)
}
