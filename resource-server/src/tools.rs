//! Tools, and the sets of tools that a surface can offer.
//!
//! A set is a file here with a `SET`, and a line in [`SETS`]. A tool has a name, descriptions, and a closure from an
//! argument type to a result type. Schemas are generated from these types (doc comments describe, `schemars` attributes
//! such as `range` and `length` restrict), and arguments are checked with the published schema before the closure runs.
mod analytics;
mod call;
mod conformance;
mod core;
pub(crate) mod database;
mod dates;
mod email;
mod expression;
mod fake;
mod files;
mod greeting;
mod monitor;
mod news;
mod projects;
mod random;
pub(crate) mod session;
mod tool;
mod units;
mod utilities;
mod weather;

pub(crate) use crate::failure::Failure;
pub(crate) use call::Call;
pub(crate) use tool::Tool;

use anyhow::Context;
use tool::Set;

pub(crate) const SETS: &[Set] = &[
    core::SET,
    greeting::SET,
    projects::SET,
    files::SET,
    weather::SET,
    news::SET,
    database::SET,
    analytics::SET,
    email::SET,
    utilities::SET,
    monitor::SET,
    session::SET,
    conformance::SET,
];

/// The tools of these sets, in order.
pub(crate) fn of_sets(names: &[String]) -> anyhow::Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for name in names {
        let known = || SETS.iter().map(|set| set.name).collect::<Vec<_>>().join(", ");
        let set = find(name).with_context(|| format!("there is no tool set {name:?}; there are {}", known()))?;
        tools.extend((set.tools)()?);
    }
    Ok(tools)
}

/// The title of a server that offers these sets.
pub(crate) fn title(names: &[String]) -> String {
    let titles: Vec<_> = names.iter().filter_map(|name| find(name)).map(|set| set.title).collect();
    if titles.is_empty() { "MCP server".to_owned() } else { titles.join(", ") }
}

fn find(name: &str) -> Option<&'static Set> {
    SETS.iter().find(|set| set.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_tool_has_its_own_name_and_closed_schemas() {
        let names: Vec<_> = SETS.iter().map(|set| set.name.to_owned()).collect();
        let tools = of_sets(&names).unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name).collect::<BTreeSet<_>>().len(), tools.len());
        for tool in tools {
            for schema in [&tool.input, &tool.output] {
                assert_eq!(schema.json["additionalProperties"], false, "{}", tool.name);
            }
        }
    }
}
