//! Tools for the official conformance suite: they test how a server treats clients with different capabilities.
use super::{
    Failure,
    call::Call,
    tool::{NoArguments, Set, Tool},
};
use crate::client::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) const SET: Set = Set { name: "conformance", title: "Conformance", tools };

#[derive(Serialize, JsonSchema)]
struct Sampled {
    /// What the client's model said.
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Elicited {
    /// `accept`, `decline` or `cancel`.
    action: String,
    /// What the person entered.
    name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Logged {
    /// How many messages the client wanted to have.
    sent: u32,
}

#[derive(Deserialize)]
struct Message {
    content: Text,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
struct Form {
    action: String,
    content: Option<Entered>,
}

#[derive(Deserialize)]
struct Entered {
    name: String,
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::new(
            "test_missing_capability",
            "Ask the client's model",
            "Asks the client's model to say hello; of use to clients with sampling only.",
            |call, NoArguments {}| sampled(call),
        )?,
        Tool::waiting(
            "test_streaming_elicitation",
            "Ask the person",
            "Tells its progress and asks the person for a name; of use to clients with elicitation only.",
            |call, NoArguments {}| elicited(call),
        )?,
        Tool::waiting(
            "test_logging_tool",
            "Log",
            "Sends log messages of three levels, as far as the request asks for them.",
            |call, NoArguments {}| logged(call),
        )?
        .logs(),
    ])
}

fn sampled(call: &Call) -> Result<Sampled, Failure> {
    let text = json!({"type": "text", "text": "Say hello."});
    let params = json!({"messages": [{"role": "user", "content": text}], "maxTokens": 100});
    let answer = call.client.ask("sampling", "hello", json!({"method": "sampling/createMessage", "params": params}))?;
    let message = Message::deserialize(answer).map_err(|_| Failure::new("The model's answer is no text"))?;
    Ok(Sampled { text: message.content.text })
}

async fn elicited(call: Call) -> Result<Elicited, Failure> {
    call.client.progress(1, 2).await;
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "title": "Name", "maxLength": 100}},
        "required": ["name"],
    });
    let params = json!({"mode": "form", "message": "What is your name?", "requestedSchema": schema});
    let answer = call.client.ask("elicitation", "name", json!({"method": "elicitation/create", "params": params}))?;
    let form = Form::deserialize(answer).map_err(|_| Failure::new("The answer does not fit the question"))?;
    call.client.progress(2, 2).await;
    Ok(Elicited { action: form.action, name: form.content.map(|entered| entered.name) })
}

async fn logged(call: Call) -> Result<Logged, Failure> {
    let mut sent = 0;
    for level in [Level::Debug, Level::Info, Level::Warning] {
        sent += u32::from(call.client.log(level, "test_logging_tool was called").await);
    }
    Ok(Logged { sent })
}
