//! What is wrong with an MCP server and its authorization server, seen from outside: checks are data, one entry each.
mod checks;
mod evidence;
mod gather;
mod trial;

use crate::mask;
pub use evidence::Evidence;
pub use gather::gather;
use serde::Serialize;
pub use trial::Trials;

/// A revision of MCP, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize)]
pub enum Revision {
    #[value(name = "2025-03-26")]
    #[serde(rename = "2025-03-26")]
    R03,
    #[value(name = "2025-06-18")]
    #[serde(rename = "2025-06-18")]
    R06,
    #[value(name = "2025-11-25")]
    #[serde(rename = "2025-11-25")]
    R11,
    #[value(name = "2026-07-28")]
    #[serde(rename = "2026-07-28")]
    R07,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A client that keeps the rules cannot go on, or a person is put at risk.
    Must,
    /// Some clients stop, or get less than they could.
    Should,
}

/// One rule and how it is judged.
pub struct Check {
    pub id: &'static str,
    pub level: Level,
    /// Where the rule is written.
    pub rule: &'static str,
    /// The first revision that has it.
    pub since: Revision,
    pub wanted: &'static str,
    pub breaks: &'static str,
    pub mend: &'static str,
    pub judge: fn(&Evidence) -> Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// What was seen instead.
    Bad(String),
    /// Nothing was seen that the rule speaks of.
    Silent,
}

impl Verdict {
    /// Good, or what was seen.
    pub fn unless(good: bool, seen: impl Into<String>) -> Self {
        if good { Self::Good } else { Self::Bad(seen.into()) }
    }
}

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
}

/// Every check that a revision has, or all of them.
pub fn examine(evidence: &Evidence, revision: Option<Revision>) -> Report {
    let mut report = Report::default();
    for check in checks::all().filter(|check| revision.is_none_or(|revision| check.since <= revision)) {
        match (check.judge)(evidence) {
            Verdict::Good => report.passed.push(check.id),
            Verdict::Silent => report.not_applicable.push(check.id),
            Verdict::Bad(seen) => report.findings.push(finding(check, &seen)),
        }
    }
    report
}

/// How many checks say nothing because nobody allowed to try.
pub fn untried(report: &Report) -> usize {
    report.not_applicable.iter().filter(|id| checks::needs_trial(id)).count()
}

fn finding(check: &Check, seen: &str) -> Finding {
    let Check { id, level, rule, since, wanted, breaks, mend, .. } = *check;
    Finding { id, level, rule, since, seen: mask::text(seen), wanted, breaks, mend }
}
