//! All figures, for programs.
use super::figures::{Figures, Ratios};
use crate::{compare::Case, site::Site};
use serde_json::json;
use std::sync::Arc;

pub fn json(sites: &[Arc<Site>], cases: &[Case]) -> anyhow::Result<String> {
    let scenarios: Vec<_> = cases
        .iter()
        .map(|case| {
            let medians: Vec<_> = case.turns.iter().map(|turns| Figures::medians(turns)).collect();
            let turns: Vec<Vec<_>> = case.turns.iter().map(|turns| turns.iter().map(Figures::of).collect()).collect();
            json!({"name": case.name, "title": case.title, "ratios": Ratios::medians(case),
                "medians": medians, "turns": turns})
        })
        .collect();
    let servers: Vec<_> = sites.iter().map(|site| &site.is.name).collect();
    Ok(serde_json::to_string_pretty(&json!({"servers": servers, "scenarios": scenarios}))? + "\n")
}
