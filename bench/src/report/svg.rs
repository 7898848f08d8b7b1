//! Bars for the ratios of two servers, on light and on dark pages.
use super::figures::Ratios;
use crate::{compare::Case, site::Site};
use std::{fmt::Write, sync::Arc};

const WIDTH: f64 = 720.0;
/// Where bars begin and where the longest ends.
const BARS: (f64, f64) = (300.0, 660.0);
const TOP: f64 = 64.0;
const ROW: f64 = 26.0;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.bar{fill:#2a6fdb}\
    .worse{fill:#c2571a}.one{stroke:#59636e;stroke-dasharray:3 3}.ground{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#f0f6fc}.quiet{fill:#9198a1}.bar{fill:#5a9bff}\
    .worse{fill:#e88a4d}.one{stroke:#9198a1}.ground{fill:#0d1117}}";

pub fn svg(sites: &[Arc<Site>], cases: &[Case]) -> String {
    let rows: Vec<_> = cases.iter().filter_map(|case| Some((case.title, Ratios::medians(case)?.cpu))).collect();
    let most = rows.iter().map(|(_, ratio)| *ratio).fold(1.0, f64::max);
    let names: Vec<_> = sites.iter().map(|site| escaped(&site.is.name)).collect();
    let height = rows.iter().fold(TOP + 12.0, |sum, _| sum + ROW);
    let title = format!("Requests for each second of the server's processors: {}", names.join(" ÷ "));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>{STYLE}</style>\n<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>\n\
         <text x=\"16\" y=\"28\">{title}</text>\n<text class=\"quiet\" x=\"16\" y=\"48\">more is better; the dashed line is 1</text>\n"
    );
    let scale = (BARS.1 - BARS.0) / most;
    let mut y = TOP;
    for (name, ratio) in rows {
        let (class, length) = (if ratio < 1.0 { "worse" } else { "bar" }, ratio * scale);
        let (base, end) = (y + 15.0, BARS.0 + length.max(scale) + 6.0);
        let _ = writeln!(
            text,
            "<text x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"18\" rx=\"3\"/>\
             <text x=\"{end:.1}\" y=\"{base:.0}\">{ratio:.1}</text>",
            BARS.0 - 10.0,
            escaped(name),
            BARS.0,
            y + 1.0
        );
        y += ROW;
    }
    let one = BARS.0 + scale;
    let _ = writeln!(text, "<line class=\"one\" x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{}\" y2=\"{y}\"/>", TOP - 4.0);
    text + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
