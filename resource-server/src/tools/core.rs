//! Basic tools that show who calls and what they may do, from echoing a text to deleting notes.
use super::{
    Failure,
    call::Call,
    tool::{NoArguments, Set, Tool},
};
use keyward_guard::caller::NO_SCHEME;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

pub(super) const SET: Set = Set { name: "core", title: "Keyward demo server", tools };

/// Kind of document.
const NOTE: &str = "note";

#[derive(Deserialize, JsonSchema)]
struct EchoArguments {
    /// What to say back.
    message: String,
    /// Any whole number; said back.
    count: Option<i64>,
    /// Say it in capitals.
    #[serde(default)]
    uppercase: bool,
}

#[derive(Serialize, JsonSchema)]
struct Echo {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    uppercase: bool,
}

#[derive(Serialize, JsonSchema)]
struct Pong {
    pong: bool,
}

#[derive(Deserialize, JsonSchema)]
struct WhoamiArguments {
    /// Ignored: who asks is what the credential says.
    #[serde(rename = "client_id")]
    _client_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Whoami {
    /// The name the authorization server knows the subject by, if it says.
    identity: String,
    authenticated: bool,
    surface: String,
    scheme: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    subject: String,
    /// Absent when the credential is not limited to scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct ReadNoteArguments {
    #[schemars(length(min = 1, max = 200))]
    key: String,
}

#[derive(Serialize, JsonSchema)]
struct Note {
    key: String,
    content: String,
    /// RFC 3339, UTC.
    updated_at: String,
}

#[derive(Deserialize, JsonSchema)]
struct WriteNoteArguments {
    #[schemars(length(min = 1, max = 200))]
    key: String,
    content: String,
}

#[derive(Serialize, JsonSchema)]
struct Written {
    key: String,
    stored: bool,
    /// Characters.
    length: usize,
}

#[derive(Deserialize, JsonSchema)]
struct DeleteArguments {
    /// A note's key, or `*` for all notes.
    #[schemars(length(min = 1, max = 200))]
    target: String,
    /// Must be true.
    #[serde(rename = "confirm")]
    _confirm: bool,
}

#[derive(Serialize, JsonSchema)]
struct Deleted {
    action: &'static str,
    target: String,
    /// How many notes.
    #[serde(rename = "deleted")]
    count: usize,
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::new("echo", "Echo", "Says the message back.", |_, arguments| {
            let EchoArguments { message, count, uppercase } = arguments;
            let message = if uppercase { message.to_uppercase() } else { message };
            Ok(Echo { message, count, uppercase })
        })?
        .scope("mcp:tools:echo"),
        Tool::new("ping", "Ping", "Answers, to show that calls arrive.", |_, NoArguments {}| Ok(Pong { pong: true }))?
            .scope("mcp:tools:echo"),
        Tool::new(
            "whoami",
            "Who am I",
            "Tells what the credential says about the caller.",
            |call, WhoamiArguments { .. }| Ok(whoami(call)),
        )?
        .scope("mcp:tools:read"),
        Tool::waiting("read_note", "Read a note", "Reads one of the caller's notes.", read_note)?
            .scope("mcp:tools:read"),
        Tool::waiting(
            "write_note",
            "Write a note",
            "Writes one of the caller's notes, or writes it anew.",
            write_note,
        )?
        .scope("mcp:tools:write")
        .writes(),
        Tool::waiting(
            "dangerous_delete",
            "Delete notes",
            "Deletes one or all of the caller's notes. The server's operator has to allow it besides.",
            delete,
        )?
        .scope("mcp:tools:admin")
        .destroys(),
    ])
}

fn whoami(call: &Call) -> Whoami {
    let caller = &call.caller;
    let (access, subject) = (caller.access.as_ref(), caller.subject().to_owned());
    Whoami {
        identity: access.and_then(|access| access.username.clone()).unwrap_or_else(|| subject.clone()),
        authenticated: caller.scheme != NO_SCHEME,
        surface: call.surface.to_string(),
        scheme: caller.scheme,
        client_id: access.map(|access| access.client_id.clone()),
        subject,
        scopes: caller.scopes.clone(),
        audience: access.map(|access| access.audience.clone()),
        issuer: access.map(|access| access.issuer.clone()),
        expires_at: caller.expires_at.and_then(|at| at.format(&Rfc3339).ok()),
    }
}

async fn read_note(call: Call, ReadNoteArguments { key }: ReadNoteArguments) -> Result<Note, Failure> {
    let note = call.store.get::<String>(&call.owner(), NOTE, &key).await?;
    let note = note.ok_or_else(|| Failure::new("Note not found"))?;
    Ok(Note { key, content: note.body, updated_at: note.updated_at.format(&Rfc3339)? })
}

async fn write_note(call: Call, WriteNoteArguments { key, content }: WriteNoteArguments) -> Result<Written, Failure> {
    call.keep(NOTE, &key, &content).await?;
    Ok(Written { key, stored: true, length: content.chars().count() })
}

async fn delete(call: Call, DeleteArguments { target, .. }: DeleteArguments) -> Result<Deleted, Failure> {
    let owner = call.owner();
    let notes = call.store.list::<Value>(&owner, NOTE).await?;
    let mut count = 0;
    for note in notes.into_iter().filter(|note| target == "*" || target == note.id) {
        count += usize::from(call.store.delete(&owner, NOTE, &note.id).await?);
    }
    Ok(Deleted { action: "delete", target, count })
}
