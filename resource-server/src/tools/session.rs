//! Tools for logging in, and tools for people who did: notes, API keys, and the audit trail for administrators.
mod api_keys;
mod login;
mod notes;
mod oversight;
mod profile;
mod visit;

pub(crate) use oversight::summary_of_a_day;
pub(crate) use profile::own_profile;

use super::tool::{Set, Tool};

pub(super) const SET: Set = Set { name: "session", title: "Session demo", tools };

fn tools() -> anyhow::Result<Vec<Tool>> {
    let parts = [login::tools()?, profile::tools()?, notes::tools()?, api_keys::tools()?, oversight::tools()?];
    Ok(parts.into_iter().flatten().collect())
}
