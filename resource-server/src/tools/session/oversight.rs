//! Tools for administrators about all users.
use super::visit::{Visit, closed};
use crate::{
    accounts::{Identity, roles::Permission},
    audit::EventKind,
    failure::Failure,
    store::Filter,
    tools::{call::Call, tool::Tool},
};
use keyward_guard::clock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, format_description::well_known::Rfc3339};

const SUMMARY: &str = "get_security_summary";
/// Users named in a summary.
const BUSIEST: u32 = 5;

#[derive(Deserialize, JsonSchema)]
struct ListArguments {
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    event_type: Option<String>,
    username: Option<String>,
    /// RFC 3339, such as `2026-12-31T23:59:59Z`.
    since: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Listing {
    success: bool,
    event_count: usize,
    /// Newest first.
    events: Vec<Value>,
}

#[derive(Deserialize, JsonSchema)]
struct SummaryArguments {
    #[serde(default = "day")]
    #[schemars(range(min = 1, max = 720))]
    hours: u16,
}

#[derive(Serialize, JsonSchema)]
struct Summary {
    period_hours: u16,
    failed_logins: i64,
    successful_logins: i64,
    /// What was refused to somebody known or unknown, and worse.
    security_violations: i64,
    rate_limit_violations: i64,
    active_sessions: i64,
    locked_accounts: usize,
    top_users: Vec<Busy>,
    /// RFC 3339, UTC.
    generated_at: String,
}

#[derive(Serialize, JsonSchema)]
struct Busy {
    username: String,
    activity_count: i64,
}

pub(super) fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        closed(
            "list_audit_events",
            "List audit events",
            "Lists what happened on this server, newest first. For administrators.",
            Some(Permission::Admin),
            list,
        )?,
        closed(
            SUMMARY,
            "Security summary",
            "Counts logins, refusals and sessions of the last hours. For administrators.",
            Some(Permission::Admin),
            |visit, _: Identity, SummaryArguments { hours }| async move { summary(&visit, hours).await },
        )?,
    ])
}

/// The same summary as an MCP resource.
pub(crate) async fn summary_of_a_day(call: Call) -> Result<Value, Failure> {
    let visit = Visit::new(call, None).await?;
    visit.require(SUMMARY, Some(Permission::Admin)).await?;
    Ok(serde_json::to_value(summary(&visit, day()).await?)?)
}

async fn list(visit: Visit, _: Identity, arguments: ListArguments) -> Result<Listing, Failure> {
    let ListArguments { limit, event_type, username, since } = arguments;
    let since = since.map(|since| clock::parse(&since)).transpose();
    let since = since.map_err(|_| Failure::new("since is no RFC 3339 time"))?;
    let filter = Filter { event_type, username, since, ..Filter::default() };
    let events = visit.accounts.audit.find(&filter, limit).await.map_err(Failure::Internal)?;
    Ok(Listing { success: true, event_count: events.len(), events })
}

async fn summary(visit: &Visit, hours: u16) -> Result<Summary, Failure> {
    let (accounts, now) = (&visit.accounts, visit.accounts.clock.now());
    let filter = Filter { since: Some(now - Duration::hours(hours.into())), ..Filter::default() };
    accounts.audit.settle().await.map_err(Failure::Internal)?;
    let counted = accounts.store.count_events(&filter).await?;
    let count = |kinds: &[EventKind]| {
        counted.iter().filter(|(kind, _)| kinds.iter().any(|one| one.as_str() == kind)).map(|(_, count)| count).sum()
    };
    let busiest = accounts.store.busiest(&filter, BUSIEST).await?.into_iter();
    Ok(Summary {
        period_hours: hours,
        failed_logins: count(&[EventKind::LoginFailure]),
        successful_logins: count(&[EventKind::LoginSuccess]),
        security_violations: count(&[
            EventKind::AccessDenied,
            EventKind::PolicyDenied,
            EventKind::BruteForceDetected,
            EventKind::SecurityViolation,
        ]),
        rate_limit_violations: count(&[EventKind::RateLimitExceeded]),
        active_sessions: accounts.store.count_sessions(&accounts.surface).await?,
        locked_accounts: accounts.accounts_under_attack(),
        top_users: busiest.map(|(username, activity_count)| Busy { username, activity_count }).collect(),
        generated_at: now.format(&Rfc3339)?,
    })
}

fn ten() -> u32 {
    10
}

fn day() -> u16 {
    24
}
