//! A table for terminals: a line for each server, and below two of them their ratios.
use super::figures::{Figures, Ratios};
use crate::{compare::Case, site::Site};
use std::{fmt::Write, sync::Arc};

pub fn table(sites: &[Arc<Site>], cases: &[Case]) -> String {
    let names = sites.iter().map(|site| site.is.name.chars().count()).max().unwrap_or_default().max(6);
    let mut text = String::new();
    for case in cases {
        let _ = writeln!(
            text,
            "{:<44}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            case.title, "per s", "cpu µs", "p50 ms", "p99 ms", "written", "MiB", "peak"
        );
        for (site, turns) in sites.iter().zip(&case.turns) {
            let line = Figures::medians(turns).map_or_else(|| "does not have it".to_owned(), figures);
            let _ = writeln!(text, "  {:<names$}{:>fill$}{line}", site.is.name, "", fill = 42 - names.min(42));
        }
        if let Some(ratios) = Ratios::medians(case) {
            let Ratios { cpu, per_second, p99 } = ratios;
            let _ =
                writeln!(text, "  {:<42}{per_second:>9.2}×{cpu:>8.2}×{:>9}{p99:>8.2}×", "ratio, above 1 is better", "");
        }
    }
    text
}

fn figures(of: Figures) -> String {
    let Figures { per_second, cpu, p50, p99, written, resident, peak, beside, unavoidable, .. } = of;
    let mut text = format!("{per_second:>10.0}{cpu:>9.1}{p50:>9.2}{p99:>9.2}{written:>9.0}{resident:>9.1}{peak:>9.1}");
    if let Some(part) = unavoidable {
        let _ = write!(text, "   {:.0} % of the processor time is hashing", part * 100.0);
    }
    if beside > 0.0 {
        let _ = write!(text, "   beside {beside:.1} a second");
    }
    text
}
