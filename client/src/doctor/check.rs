//! What a check is: one rule, whom a breach of it hurts, how it is mended, and how it is judged.
use super::evidence::Evidence;
use serde::Serialize;

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

/// One rule, and how a server is judged by it.
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
    /// The rule is broken; the text says what was seen.
    Bad(String),
    /// Nothing was seen that the rule speaks of.
    NotApplicable,
}

impl Verdict {
    /// `Good` where it is, else `Bad` with what was seen.
    pub fn unless(good: bool, seen: impl Into<String>) -> Self {
        if good { Self::Good } else { Self::Bad(seen.into()) }
    }
}

/// Judges the authorization server's metadata; the check does not apply where there is none.
pub fn with_metadata(seen: &Evidence, judge: impl Fn(&serde_json::Value) -> Verdict) -> Verdict {
    seen.metadata().map_or(Verdict::NotApplicable, |document| judge(&document))
}
