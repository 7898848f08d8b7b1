//! `keyward audit list`: events of the audit trail, the newest first.
use crate::{
    clock,
    commands::{
        operator::Desk,
        output::{self, CommandOutput, unless_gone},
    },
    events::EventType,
    model::{AuditEventId, ClientId, UserId},
    oauth::visible::{json, visible},
    operations::{
        self,
        audit::{self, Filter, shown},
        users,
    },
};
use clap::error::ErrorKind;
use serde_json::Value;
use std::{
    io::{self, Write},
    net::IpAddr,
};
use time::OffsetDateTime;

/// Events that one query reads, however many are listed.
const EVENTS_PER_QUERY: u32 = 500;

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
    /// Only events caused from this address.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Only events at or after this time: a date, or a date and time of RFC 3339, in UTC unless it says otherwise.
    #[arg(long, value_name = "DATE", value_parser = since)]
    since: Option<OffsetDateTime>,
    /// Only events at or before this time; a date alone includes the whole day.
    #[arg(long, value_name = "DATE", value_parser = until)]
    until: Option<OffsetDateTime>,
    /// Only refusals and failures.
    #[arg(long)]
    failed: bool,
    /// How many at most; 0 is all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Only events older than the one with this id.
    #[arg(long, value_name = "ID")]
    after: Option<AuditEventId>,
}

impl List {
    /// Refuses arguments that are wrong only in combination.
    pub fn check(&self) -> Result<(), clap::Error> {
        let (Some(since), Some(until)) = (self.since, self.until) else { return Ok(()) };
        if until >= since {
            return Ok(());
        }
        let [until, since] = [until, since].map(operations::date);
        let text = format!("--until ({until}) is earlier than --since ({since}), so that no event is of then\n");
        Err(clap::Error::raw(ErrorKind::ValueValidation, text))
    }

    pub async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let filter = self.filter(desk).await?;
        let printed = self.print(desk, &filter, &mut io::stdout().lock()).await;
        match printed.map_err(anyhow::Error::downcast) {
            Ok(()) => Ok(CommandOutput::printed()),
            Err(Ok(error)) => unless_gone(Err(error)).map(|()| CommandOutput::printed()),
            Err(Err(error)) => Err(error),
        }
    }

    async fn filter(&self, desk: &Desk) -> anyhow::Result<Filter> {
        let user_id = match &self.person {
            Some(person) => Some(find(desk, person).await?),
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

    /// Prints page after page, so that a long trail needs little memory.
    async fn print(&self, desk: &Desk, filter: &Filter, out: &mut impl Write) -> anyhow::Result<()> {
        let mut left = if self.limit == 0 { u32::MAX } else { self.limit };
        let (mut before, mut first) = (self.after, true);
        loop {
            let wanted = left.min(EVENTS_PER_QUERY);
            let page = audit::list(&desk.app, filter, before, wanted).await?;
            if first && !desk.json {
                writeln!(out, "{}", if page.is_empty() { "No event matches.".to_owned() } else { line(HEADINGS) })?;
            }
            first = false;
            for record in &page {
                // Somebody may have put a secret into any member, such as a name or an identifier.
                let event = desk.app.masker().without_secrets(&shown(record));
                writeln!(out, "{}", if desk.json { json(&event) } else { row(&event) })?;
            }
            left -= u32::try_from(page.len())?;
            before = page.last().map(|record| record.event.id);
            if left == 0 || page.len() < usize::try_from(wanted)? {
                return Ok(out.flush()?);
            }
        }
    }
}

const HEADINGS: [&str; 7] = ["TIME", "LEVEL", "EVENT", "PERSON", "CLIENT", "FROM", "DETAILS"];

/// Column widths are fixed, because rows are printed before the next ones are known.
fn line(cells: [&str; 7]) -> String {
    let longest_event = EventType::ALL.iter().map(|event| event.as_str().len()).max().unwrap_or_default();
    output::line(cells, [20, 8, longest_event, 16, 24, 15, 0])
}

/// The name of the person, or the id if the account is gone.
fn row(event: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), visible);
    let person = if event["username"].is_string() { &event["username"] } else { &event["user_id"] };
    let details = &event["details"];
    let details =
        if details.as_object().is_some_and(serde_json::Map::is_empty) { String::new() } else { json(details) };
    let address = &event["client_info"]["ip_address"];
    let cells = [&event["timestamp"], &event["level"], &event["event_type"], person, &event["client_id"], address];
    let [time, level, kind, person, client, from] = cells.map(text);
    line([&time, &level, &kind, &person, &client, &from, &details])
}

/// An id is accepted without an account, because events outlive accounts.
async fn find(desk: &Desk, person: &str) -> anyhow::Result<UserId> {
    match person.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(users::find(&desk.app, person).await?.id),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_event_is_what_follows_stands_under_its_heading() {
        let place = line(HEADINGS).find("PERSON");
        for event in EventType::ALL {
            assert_eq!(line(["", "", event.as_str(), "|", "", "", ""]).find('|'), place, "{event}");
        }
    }
}
