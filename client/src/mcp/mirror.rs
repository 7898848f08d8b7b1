//! Arguments that a tool wants repeated in HTTP headers: `x-mcp-header` (MCP 2026-07-28, transports).
use crate::{
    encode,
    error::{Failure, Result},
    http::Headers,
};
use serde_json::Value;
use std::collections::HashSet;

/// The `Mcp-Param-*` headers of a call, or the reason why the tool must not be called.
pub fn headers(tool: &Value, arguments: &Value) -> Result<Headers> {
    if let Some(fault) = fault(tool) {
        return Err(Failure::new("invalid_tool", format!("the tool must not be called: {fault}")));
    }
    let mut headers = Headers::new();
    for (argument, name, _) in annotations(tool) {
        let text = match &arguments[argument] {
            Value::String(text) => text.clone(),
            value @ (Value::Bool(_) | Value::Number(_)) => value.to_string(),
            _ => continue,
        };
        headers.push((format!("mcp-param-{}", name.as_str().unwrap_or_default()), encode(&text)));
    }
    Ok(headers)
}

/// The rule that the annotations of a tool break, if any.
pub fn fault(tool: &Value) -> Option<&'static str> {
    let mut seen = HashSet::new();
    for (_, name, property) in annotations(tool) {
        let Some(name) = name.as_str().filter(|name| !name.is_empty()) else {
            return Some("an x-mcp-header is empty");
        };
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !name.bytes().all(token) {
            return Some("an x-mcp-header is no header name");
        }
        if !matches!(property["type"].as_str(), Some("string" | "integer" | "boolean")) {
            return Some("an x-mcp-header stands on a value that is no string, integer or boolean");
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Some("two arguments share one x-mcp-header");
        }
    }
    None
}

fn annotations(tool: &Value) -> impl Iterator<Item = (&str, &Value, &Value)> {
    let properties = tool["inputSchema"]["properties"].as_object().into_iter().flatten();
    properties.filter_map(|(argument, property)| Some((argument.as_str(), property.get("x-mcp-header")?, property)))
}

/// The value for a header: plain where a header can carry it, else `=?base64?…?=`.
pub fn encode(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && value.trim() == value;
    if plain && !value.starts_with("=?base64?") {
        value.to_owned()
    } else {
        format!("=?base64?{}?=", encode::base64(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn annotated_arguments_are_mirrored_and_absent_ones_are_not() {
        let tool = json!({"inputSchema": {"properties": {
            "a": {"type": "string", "x-mcp-header": "A"}, "n": {"type": "integer", "x-mcp-header": "N"},
            "no": {"type": "boolean", "x-mcp-header": "No"}, "q": {"type": "string"}}}});
        let sent = headers(&tool, &json!({"a": " grüße", "n": 42, "no": null, "q": "x"})).unwrap();
        let wanted = vec![
            ("mcp-param-A".to_owned(), "=?base64?IGdyw7zDn2U=?=".to_owned()),
            ("mcp-param-N".to_owned(), "42".to_owned()),
        ];
        assert_eq!(sent, wanted);
    }

    #[test]
    fn a_tool_with_an_unusable_annotation_is_not_called() {
        for property in [
            json!({"a": {"type": "string", "x-mcp-header": ""}}),
            json!({"a": {"type": "string", "x-mcp-header": "A B"}}),
            json!({"a": {"type": "object", "x-mcp-header": "A"}}),
            json!({"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}),
        ] {
            assert!(headers(&json!({"inputSchema": {"properties": property}}), &json!({})).is_err(), "{property}");
        }
    }
}
