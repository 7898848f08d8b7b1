//! Mail that never leaves the machine: sent mail is stored, received mail is invented.
use super::{
    Failure,
    call::Call,
    fake::{Fake, fresh_id},
    tool::{Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, Time, format_description::well_known::Rfc3339};

pub(super) const SET: Set = Set { name: "email", title: "Email", tools };

/// Kind of document.
const MAIL: &str = "mail";
/// The caller's address.
const SELF: &str = "you@mail.example";
/// The other party, subject, body.
const RECEIVED: &[(Folder, &str, &str, &str)] = &[
    (Folder::Inbox, "alice@mail.example", "Lunch on Friday", "Shall we try the new place by the river?"),
    (
        Folder::Inbox,
        "bob@mail.example",
        "Minutes of the meeting",
        "The minutes are on the shared drive; please add what I missed.",
    ),
    (Folder::Spam, "billing@shop.example", "Your receipt", "Thank you for your order. The receipt is attached."),
    (
        Folder::Inbox,
        "news@project.example",
        "Release notes",
        "What is new, what is faster, and what to mind when upgrading.",
    ),
    (
        Folder::Drafts,
        "carol@mail.example",
        "Photos",
        "Here are the photos from the hike. The third one is my favourite.",
    ),
    (Folder::Inbox, "calendar@mail.example", "Reminder: review", "The review starts tomorrow at ten."),
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Folder {
    #[default]
    Inbox,
    Sent,
    Drafts,
    Spam,
    Trash,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Where {
    #[default]
    All,
    Inbox,
    Sent,
    Drafts,
    Spam,
    Trash,
}

/// An address: something on both sides of an `@`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
struct Address(#[schemars(length(max = 254), regex(pattern = r"^[^@\s,]+@[^@\s,]+$"))] String);

/// One address, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Addresses {
    One(Address),
    Several(#[schemars(length(max = 50))] Vec<Address>),
}

#[derive(Deserialize, JsonSchema)]
struct SendArguments {
    to: Address,
    #[schemars(length(max = 500))]
    subject: String,
    #[schemars(length(max = 100_000))]
    body: String,
    cc: Option<Addresses>,
}

#[derive(Serialize, JsonSchema)]
struct Accepted {
    success: bool,
    message_id: String,
    to: String,
    cc: Vec<String>,
    subject: String,
    /// RFC 3339, UTC.
    sent_at: String,
    /// `kept`: nothing leaves the machine.
    delivery_status: &'static str,
}

#[derive(Deserialize, JsonSchema)]
struct InboxArguments {
    #[serde(default)]
    folder: Folder,
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Mail {
    message_id: String,
    folder: String,
    from: String,
    to: String,
    cc: Vec<String>,
    subject: String,
    body: String,
    /// RFC 3339, UTC.
    date: String,
    read: bool,
}

#[derive(Serialize, JsonSchema)]
struct Inbox {
    success: bool,
    folder: Folder,
    /// How many are in the folder, shown or not.
    message_count: usize,
    unread_count: usize,
    /// Newest first.
    messages: Vec<Mail>,
}

#[derive(Deserialize, JsonSchema)]
struct SearchArguments {
    /// A part of a sender, receiver, subject or body, in any case.
    #[schemars(length(min = 1, max = 200))]
    query: String,
    #[serde(default)]
    folder: Where,
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
}

#[derive(Serialize, JsonSchema)]
struct Search {
    success: bool,
    query: String,
    results_count: usize,
    /// Newest first.
    results: Vec<Mail>,
}

fn twenty() -> usize {
    20
}

fn fifty() -> usize {
    50
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    let sends = "Keeps a mail in the caller's folder of sent ones. Nothing leaves the machine.";
    Ok(vec![
        Tool::waiting("send_email", "Send an email", sends, send)?.scope("mcp:tools:write").writes(),
        Tool::waiting("get_inbox", "Read a folder", "Shows the mails of a folder.", inbox)?.scope("mcp:tools:read"),
        Tool::waiting("search_emails", "Search emails", "Finds mails by what they say.", search)?
            .scope("mcp:tools:read"),
    ])
}

async fn send(call: Call, arguments: SendArguments) -> Result<Accepted, Failure> {
    let SendArguments { to: Address(to), subject, body, cc } = arguments;
    let cc = match cc {
        None => Vec::new(),
        Some(Addresses::One(Address(one))) => vec![one],
        Some(Addresses::Several(all)) => all.into_iter().map(|Address(one)| one).collect(),
    };
    let (message_id, sent_at) = (fresh_id("msg")?, call.clock.now().format(&Rfc3339)?);
    let mail = Mail {
        message_id: message_id.clone(),
        folder: "sent".to_owned(),
        from: SELF.to_owned(),
        to: to.clone(),
        cc: cc.clone(),
        subject: subject.clone(),
        body,
        date: sent_at.clone(),
        read: true,
    };
    call.keep(MAIL, &message_id, &mail).await?;
    Ok(Accepted { success: true, message_id, to, cc, subject, sent_at, delivery_status: "kept" })
}

async fn inbox(call: Call, InboxArguments { folder, limit }: InboxArguments) -> Result<Inbox, Failure> {
    let mut messages = all(&call).await?;
    messages.retain(|mail| mail.folder == name(folder));
    let (message_count, unread_count) = (messages.len(), messages.iter().filter(|mail| !mail.read).count());
    messages.truncate(limit);
    Ok(Inbox { success: true, folder, message_count, unread_count, messages })
}

async fn search(call: Call, SearchArguments { query, folder, limit }: SearchArguments) -> Result<Search, Failure> {
    let wanted = query.to_lowercase();
    let mut results = all(&call).await?;
    results.retain(|mail| {
        let texts = [&mail.from, &mail.to, &mail.subject, &mail.body];
        let says = texts.into_iter().chain(&mail.cc).any(|text| text.to_lowercase().contains(&wanted));
        says && within(folder).is_none_or(|folder| mail.folder == name(folder))
    });
    results.truncate(limit);
    Ok(Search { success: true, query, results_count: results.len(), results })
}

/// The mails of all folders, the newest first.
async fn all(call: &Call) -> Result<Vec<Mail>, Failure> {
    let owner = call.owner();
    let sent = call.store.list::<Mail>(&owner, MAIL).await?;
    let mut all: Vec<_> = sent.into_iter().rev().map(|mail| mail.body).collect();
    all.extend(received(call, &owner)?);
    all.sort_by(|one, other| other.date.cmp(&one.date));
    Ok(all)
}

/// Invented mails, the same for a caller during one day.
fn received(call: &Call, owner: &str) -> Result<Vec<Mail>, Failure> {
    let mut fake = Fake::of(&[MAIL, owner]);
    let mut date = OffsetDateTime::new_utc(call.clock.now().date(), Time::MIDNIGHT);
    let mut mails = Vec::new();
    for (folder, other, subject, body) in RECEIVED {
        date -= Duration::minutes(fake.between(20, 2000).into());
        let draft = *folder == Folder::Drafts;
        mails.push(Mail {
            message_id: fake.id("msg"),
            folder: name(*folder).to_owned(),
            from: if draft { SELF } else { other }.to_owned(),
            to: if draft { other } else { SELF }.to_owned(),
            cc: Vec::new(),
            subject: (*subject).to_owned(),
            body: (*body).to_owned(),
            date: date.format(&Rfc3339)?,
            read: draft || fake.between(0, 1) == 0,
        });
    }
    Ok(mails)
}

fn name(folder: Folder) -> &'static str {
    match folder {
        Folder::Inbox => "inbox",
        Folder::Sent => "sent",
        Folder::Drafts => "drafts",
        Folder::Spam => "spam",
        Folder::Trash => "trash",
    }
}

fn within(all: Where) -> Option<Folder> {
    match all {
        Where::All => None,
        Where::Inbox => Some(Folder::Inbox),
        Where::Sent => Some(Folder::Sent),
        Where::Drafts => Some(Folder::Drafts),
        Where::Spam => Some(Folder::Spam),
        Where::Trash => Some(Folder::Trash),
    }
}
