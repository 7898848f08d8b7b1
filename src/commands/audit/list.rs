//! `keyward audit list`: events of the audit trail, the newest first.
use crate::{
    app::App,
    audit::shown::shown,
    clock,
    model::{ClientId, UserId},
    oauth::visible::{json, visible},
    storage::{
        audit_events::{self, Filter},
        users,
    },
};
use anyhow::Context;
use serde_json::Value;
use std::{
    io::{self, ErrorKind, Write},
    net::IpAddr,
};
use time::OffsetDateTime;

/// Events in memory at once, however many are listed.
const PAGE: u32 = 500;

/// Show events, the newest first.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keyward audit list --event login_failure --since 2026-11-30\n  \
    keyward audit list --person alice --failed --limit 0 --json\n\n\
    With --json each event is an object on a line of its own, as in /debug/audit. What names or details hold that is \
    not to be seen, or would act on a terminal, is escaped.\n\n\
    Exit codes: 0 listed, also where no event matches; 1 the trail could not be read, or nobody has that name; \
    2 wrong arguments.")]
pub struct List {
    /// Only events of this type, such as `login_failure`.
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// Only events of this person: a username, or the id of an account.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Only events of this client: its `client_id`.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only events that were brought about from this address.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Only events of then or later: a date, or a date and time of RFC 3339, in UTC if it does not say otherwise.
    #[arg(long, value_name = "DATE", value_parser = since)]
    since: Option<OffsetDateTime>,
    /// Only events of then or earlier; of a date alone until its end.
    #[arg(long, value_name = "DATE", value_parser = until)]
    until: Option<OffsetDateTime>,
    /// Only events of what was refused or went wrong.
    #[arg(long)]
    failed: bool,
    /// How many at most; 0 is all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Answer in JSON, an event a line.
    #[arg(long)]
    json: bool,
}

impl List {
    pub async fn run(self, app: &App) -> anyhow::Result<()> {
        let filter = self.filter(app).await?;
        match self.print(app, &filter, &mut io::stdout().lock()).await {
            // Whoever reads has seen enough.
            Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => {
                Ok(())
            }
            printed => printed,
        }
    }

    async fn filter(&self, app: &App) -> anyhow::Result<Filter> {
        let user_id = match &self.person {
            Some(person) => Some(find(app, person).await?),
            None => None,
        };
        Ok(Filter {
            event_type: self.event.clone(),
            user_id,
            client_id: self.client.as_deref().map(ClientId::from),
            ip_address: self.address.map(|address| address.to_canonical().to_string()),
            since: self.since,
            until: self.until,
            success: self.failed.then_some(false),
        })
    }

    /// A page after the other, so that a long trail takes no room.
    async fn print(&self, app: &App, filter: &Filter, out: &mut impl Write) -> anyhow::Result<()> {
        let mut left = if self.limit == 0 { u32::MAX } else { self.limit };
        let (mut before, mut first) = (None, true);
        loop {
            let wanted = left.min(PAGE);
            let page = audit_events::select(&app.db, filter, before, wanted.into()).await?;
            if first && !self.json {
                heading(out, page.is_empty())?;
            }
            first = false;
            for record in &page {
                // Wherever somebody has put a secret: into a name, an identifier.
                let event = app.masker.without_secrets(&shown(record));
                writeln!(out, "{}", if self.json { json(&event) } else { line(&event) })?;
            }
            left -= u32::try_from(page.len())?;
            before = page.last().map(|record| record.event.id);
            if left == 0 || page.len() < usize::try_from(wanted)? {
                return Ok(out.flush()?);
            }
        }
    }
}

fn heading(out: &mut impl Write, is_empty: bool) -> io::Result<()> {
    if is_empty {
        return writeln!(out, "No event matches.");
    }
    writeln!(
        out,
        "{:20}  {:8}  {:25}  {:16}  {:24}  {:15}  DETAILS",
        "TIME", "LEVEL", "EVENT", "PERSON", "CLIENT", "FROM"
    )
}

/// Of a person the name, or the id where nobody has it any more.
fn line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), visible);
    let person = if event["username"].is_string() { &event["username"] } else { &event["user_id"] };
    let details = &event["details"];
    let details =
        if details.as_object().is_some_and(serde_json::Map::is_empty) { String::new() } else { json(details) };
    let line = format!(
        "{:20}  {:8}  {:25}  {:16}  {:24}  {:15}  {details}",
        text(&event["timestamp"]),
        text(&event["level"]),
        text(&event["event_type"]),
        text(person),
        text(&event["client_id"]),
        text(&event["client_info"]["ip_address"]),
    );
    line.trim_end().to_owned()
}

/// Events outlive accounts, so that an id needs none.
async fn find(app: &App, person: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = person.parse() {
        return Ok(id);
    }
    let user = users::find_by_username(&app.db, person).await?;
    user.map(|user| user.id).with_context(|| format!("--person {:?}: nobody has this username", visible(person)))
}

fn since(text: &str) -> Result<OffsetDateTime, String> {
    date(text, "T00:00:00Z")
}

fn until(text: &str) -> Result<OffsetDateTime, String> {
    date(text, "T23:59:59Z")
}

fn date(text: &str, time: &str) -> Result<OffsetDateTime, String> {
    let parsed = clock::parse(&format!("{text}{time}")).or_else(|_| clock::parse(text));
    parsed.map_err(|_| "write 2026-11-30, or 2026-11-30T09:00:00Z (RFC 3339), of the years 1970 to 9000".to_owned())
}
