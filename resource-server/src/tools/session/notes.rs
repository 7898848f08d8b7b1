//! Notes that only their author can read, encrypted in the store.
use super::visit::{Visit, closed};
use crate::{
    accounts::{Identity, roles::Permission},
    failure::Failure,
    store::Document,
    tools::{
        fake::fresh_id,
        tool::{NoArguments, Tool},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;

/// Kind of document, with sealed content.
const NOTE: &str = "secure_note";

#[derive(Deserialize, JsonSchema)]
struct CreateArguments {
    #[schemars(length(min = 1, max = 100))]
    title: String,
    #[schemars(length(max = 1000))]
    content: String,
}

#[derive(Deserialize, JsonSchema)]
struct ReadArguments {
    #[schemars(length(min = 1, max = 100))]
    id: String,
}

#[derive(Serialize, JsonSchema)]
struct Note {
    id: String,
    title: String,
    content: String,
    author: String,
    /// RFC 3339, UTC.
    created_at: String,
}

#[derive(Serialize, JsonSchema)]
struct Listing {
    success: bool,
    note_count: usize,
    notes: Vec<Heading>,
}

#[derive(Serialize, JsonSchema)]
struct Heading {
    id: String,
    title: String,
    /// RFC 3339, UTC.
    created_at: String,
}

/// The content before sealing.
#[derive(Serialize, Deserialize)]
struct Text {
    title: String,
    content: String,
}

pub(super) fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        closed(
            "create_secure_note",
            "Keep a secure note",
            "Keeps a note that only you can read, encrypted.",
            Some(Permission::Create),
            create,
        )?
        .writes(),
        closed(
            "list_secure_notes",
            "List secure notes",
            "Lists your notes, without their content.",
            Some(Permission::List),
            |visit, identity, NoArguments {}| list(visit, identity),
        )?,
        closed("read_secure_note", "Read a secure note", "Reads one of your notes.", Some(Permission::Read), read)?,
    ])
}

async fn create(visit: Visit, identity: Identity, arguments: CreateArguments) -> Result<Note, Failure> {
    let CreateArguments { title, content } = arguments;
    let (accounts, owner) = (&visit.accounts, visit.accounts.owner(&identity.user));
    let id = fresh_id("note")?;
    let text = serde_json::to_string(&Text { title: title.clone(), content: content.clone() })?;
    let sealed = accounts.keys.seal(&place(&owner, &id), &text).map_err(Failure::Internal)?;
    accounts.store.put(&owner, NOTE, &id, &sealed).await?;
    let created_at = accounts.clock.now().format(&Rfc3339)?;
    Ok(Note { id, title, content, author: identity.user.username.clone(), created_at })
}

async fn list(visit: Visit, identity: Identity) -> Result<Listing, Failure> {
    let owner = visit.accounts.owner(&identity.user);
    let sealed = visit.accounts.store.list::<String>(&owner, NOTE).await?;
    let heading = |document: Document<String>| {
        let title = open(&visit, &owner, &document)?.title;
        Ok(Heading { title, created_at: document.updated_at.format(&Rfc3339)?, id: document.id })
    };
    let notes = sealed.into_iter().map(heading).collect::<Result<Vec<_>, Failure>>()?;
    Ok(Listing { success: true, note_count: notes.len(), notes })
}

async fn read(visit: Visit, identity: Identity, ReadArguments { id }: ReadArguments) -> Result<Note, Failure> {
    let owner = visit.accounts.owner(&identity.user);
    let sealed = visit.accounts.store.get::<String>(&owner, NOTE, &id).await?;
    let sealed = sealed.ok_or_else(|| Failure::new("Note not found"))?;
    let Text { title, content } = open(&visit, &owner, &sealed)?;
    let created_at = sealed.updated_at.format(&Rfc3339)?;
    Ok(Note { id, title, content, author: identity.user.username.clone(), created_at })
}

fn open(visit: &Visit, owner: &str, sealed: &Document<String>) -> Result<Text, Failure> {
    let text = visit.accounts.keys.open(&place(owner, &sealed.id), &sealed.body).map_err(Failure::Internal)?;
    Ok(serde_json::from_str(&text)?)
}

/// The place of a note, to which its encryption is bound.
fn place(owner: &str, id: &str) -> String {
    format!("{owner}/{id}")
}
