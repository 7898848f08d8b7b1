//! `docs/performance.md`: the words of `performance.md` beside this file, and in them the figures.
use super::figures::{Figures, Ratios};
use crate::{
    compare::{Case, Plan},
    machine::Machine,
    site::Site,
};
use std::{fmt::Write, sync::Arc};

const WORDS: &str = include_str!("performance.md");

pub fn markdown(sites: &[Arc<Site>], cases: &[Case], plan: &Plan) -> String {
    let versions: Vec<_> = sites.iter().map(|site| named(site)).collect();
    let length = format!("{} s each time, {} times, in turn", plan.length.as_secs(), plan.pairs);
    WORDS
        .replace("{machine}", &Machine::this().to_string())
        .replace("{versions}", &versions.join("; "))
        .replace("{length}", &length)
        .replace("{ratios}", &ratios(cases))
        .replace("{figures}", &figures(sites, cases))
}

fn named(site: &Site) -> String {
    site.is.version.clone().unwrap_or_else(|| site.is.name.clone())
}

fn ratios(cases: &[Case]) -> String {
    let mut text = "| | processor | per second | p99 |\n|---|---:|---:|---:|\n".to_owned();
    for (case, ratios) in cases.iter().filter_map(|case| Some((case, Ratios::medians(case)?))) {
        let Ratios { cpu, per_second, p99 } = ratios;
        let _ = writeln!(text, "| {} | {cpu:.1} × | {per_second:.1} × | {p99:.1} × |", case.title);
    }
    text
}

fn figures(sites: &[Arc<Site>], cases: &[Case]) -> String {
    let mut text =
        "| | | per s | cpu µs | p50 ms | p99 ms | written | MiB |\n|---|---|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
    for case in cases {
        let mut title = case.title;
        for (site, turns) in sites.iter().zip(&case.turns) {
            let Some(figures) = Figures::medians(turns) else { continue };
            let Figures { per_second, cpu, p50, p99, written, resident, .. } = figures;
            let _ = writeln!(
                text,
                "| {title} | {} | {per_second:.0} | {cpu:.0} | {p50:.2} | {p99:.2} | {written:.0} | {resident:.0} |",
                site.is.name
            );
            title = "";
        }
    }
    text
}
