//! What is wrong with an MCP server and its authorization server, seen from outside: checks are data, one entry each.
mod check;
mod checks;
mod evidence;
mod gather;
mod trial;

use crate::{discover::resource_metadata_urls, mask, mcp};
use check::{Check, Verdict};
pub use check::{Level, Revision};
pub use evidence::Evidence;
pub use gather::gather;
use serde::Serialize;
pub use trial::TrialOptions;

/// One line of the report.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub id: &'static str,
    pub level: Level,
    pub rule: &'static str,
    pub since: Revision,
    pub seen: String,
    pub wanted: &'static str,
    pub breaks: &'static str,
    pub mend: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub passed: Vec<&'static str>,
    pub not_applicable: Vec<&'static str>,
    /// What is worth knowing, and no fault.
    pub notes: Vec<String>,
}

/// Judges the evidence by the checks that a revision has, or by all of them.
pub fn examine(evidence: &Evidence, revision: Option<Revision>) -> Report {
    let mut report = Report { notes: notes(evidence), ..Report::default() };
    for check in checks::all().filter(|check| revision.is_none_or(|revision| check.since <= revision)) {
        let judged = evidence.is_reached || checks::is_of_connection(check.id);
        match if judged { (check.judge)(evidence) } else { Verdict::NotApplicable } {
            Verdict::Good => report.passed.push(check.id),
            Verdict::NotApplicable => report.not_applicable.push(check.id),
            Verdict::Bad(seen) => report.findings.push(finding(check, &seen)),
        }
    }
    report
}

fn notes(evidence: &Evidence) -> Vec<String> {
    let mut notes = Vec::new();
    if evidence.is_open() {
        notes.push("open to all: the server serves everybody, without login".to_owned());
        if evidence.strange_origin.as_ref().is_some_and(|answer| (200..300).contains(&answer.status)) {
            notes.push(
                "open to web pages of strangers, too: whoever can reach the server lets each of them in".to_owned(),
            );
        }
    }
    if evidence.is_reached {
        notes.extend(mcp::stray(&evidence.without_credentials));
    }
    if let Some(schemes) = evidence.other_schemes() {
        notes.push(format!("the server asks for {schemes}, and not for OAuth: rules of OAuth do not apply"));
        if evidence.without_credentials.challenges().iter().any(|challenge| challenge.is("Bearer")) {
            let place = resource_metadata_urls(&evidence.server).into_iter().next();
            let place = place.map(|(url, _)| url.shown()).unwrap_or_default();
            notes
                .push(format!("if OAuth is meant, clients look for its metadata (RFC 9728) at {place}, and find none"));
        }
    }
    notes
}

/// How many checks did not apply because they need a trial that was not allowed.
pub fn untried(report: &Report) -> usize {
    report.not_applicable.iter().filter(|id| checks::needs_trial(id)).count()
}

fn finding(check: &Check, seen: &str) -> Finding {
    let Check { id, level, rule, since, wanted, breaks, mend, .. } = *check;
    Finding { id, level, rule, since, seen: mask::text(seen), wanted, breaks, mend }
}
