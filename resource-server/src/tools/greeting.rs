//! Tools for a first try: one that greets, and one that needs another scope.
use super::{
    Failure,
    tool::{Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const SET: Set = Set { name: "greeting", title: "Greeting", tools };

#[derive(Deserialize, JsonSchema)]
struct GreetArguments {
    /// Whom to greet.
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    greeting: String,
}

#[derive(Deserialize, JsonSchema)]
struct SecretArguments {
    /// `api_key` or `database`.
    key: String,
}

#[derive(Serialize, JsonSchema)]
struct Secret {
    key: String,
    /// Made up, and says so.
    value: &'static str,
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::new("greet", "Greet", "Greets by name.", |_, GreetArguments { name }| {
            Ok(Greeting { greeting: format!("Hello, {name}!") })
        })?
        .scope("mcp:tools:read"),
        Tool::new(
            "get_secret",
            "Get a secret",
            "Tells a made-up secret to callers who may write; for trying step-up authorization.",
            |_, SecretArguments { key }| {
                let value = match key.as_str() {
                    "api_key" => "demo-only-not-a-real-api-key",
                    "database" => "postgres://demo-only:not-a-real-password@db.example/demo",
                    _ => return Err(Failure::new("Secret not found")),
                };
                Ok(Secret { key, value })
            },
        )?
        .scope("mcp:tools:write"),
    ])
}
