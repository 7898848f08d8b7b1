//! Statistics of the caller's numbers, and of data sets that are generated from their names.
mod statistics;

use super::{
    Failure,
    call::Call,
    fake::{Fake, round},
    tool::{Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::Statistics;
use time::{Duration, format_description::well_known::Rfc3339};

pub(super) const SET: Set = Set { name: "analytics", title: "Analytics", tools };

const BINS: u8 = 5;
/// Standard deviations from the mean beyond which a value is an outlier.
const OUTLIER: f64 = 2.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Analysis {
    #[default]
    Summary,
    Correlation,
    Distribution,
    Outliers,
}

#[derive(Deserialize, JsonSchema)]
struct AnalyzeArguments {
    #[schemars(length(min = 1, max = 200))]
    dataset_name: String,
    #[serde(default)]
    analysis_type: Analysis,
}

#[derive(Serialize, JsonSchema)]
struct Analyzed {
    success: bool,
    dataset_name: String,
    analysis_type: Analysis,
    row_count: usize,
    column_count: usize,
    statistics: Summary,
    missing_values: i32,
    /// Of `correlation`: Pearson's, between the first two columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<f64>,
    /// Of `distribution`: how many values lie in each fifth of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<Vec<usize>>,
    /// Of `outliers`: values more than two standard deviations from the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    outliers: Option<Vec<f64>>,
}

/// Of the first column.
#[derive(Serialize, JsonSchema)]
struct Summary {
    mean: f64,
    median: f64,
    std_dev: f64,
    min: f64,
    max: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Report {
    Sales,
    Performance,
    Usage,
    Trends,
    Financial,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Pdf,
    Xlsx,
    Html,
    Json,
    Csv,
}

#[derive(Deserialize, JsonSchema)]
struct ReportArguments {
    report_type: Report,
    #[schemars(length(min = 1, max = 200))]
    data_source: String,
    #[serde(default)]
    format: Format,
}

#[derive(Serialize, JsonSchema)]
struct Generated {
    success: bool,
    report_id: String,
    report_type: Report,
    data_source: String,
    format: Format,
    file_name: String,
    /// Leads nowhere.
    download_url: String,
    status: &'static str,
    /// RFC 3339, UTC.
    expires_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Mean,
    Median,
    Mode,
    Stdev,
    Variance,
    Min,
    Max,
    Range,
}

#[derive(Deserialize, JsonSchema)]
struct StatisticsArguments {
    #[schemars(length(min = 1, max = 10_000))]
    data_points: Vec<f64>,
    /// All, if none is named.
    #[schemars(length(min = 1, max = 8))]
    operations: Option<Vec<Operation>>,
}

#[derive(Default, Serialize, JsonSchema)]
struct Calculated {
    success: bool,
    data_point_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    median: Option<f64>,
    /// The most frequent; of several, the one that comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<f64>,
    /// Of a sample; 0 for a single value.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdev: Option<f64>,
    /// Of a sample; 0 for a single value.
    #[serde(skip_serializing_if = "Option::is_none")]
    variance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<f64>,
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    let analyzes = "Analyzes a data set, which is made up from its name.";
    let reports = "Tells where a report could be had; none is written.";
    let calculates = "Calculates statistics of the numbers given.";
    Ok(vec![
        Tool::new("analyze_dataset", "Analyze a data set", analyzes, analyze)?.scope("mcp:tools:read"),
        Tool::new("generate_report", "Generate a report", reports, report)?.scope("mcp:tools:call"),
        Tool::new("calculate_statistics", "Calculate statistics", calculates, calculate)?.scope("mcp:tools:read"),
    ])
}

fn analyze(_: &Call, arguments: AnalyzeArguments) -> Result<Analyzed, Failure> {
    let AnalyzeArguments { dataset_name, analysis_type } = arguments;
    let mut fake = Fake::of(&["dataset", &dataset_name]);
    let (row_count, column_count) = (fake.between(100, 1000), fake.between(3, 12));
    let first: Vec<_> = (0..row_count).map(|_| fake.tenths(0, 50) + fake.tenths(0, 50)).collect();
    let second: Vec<_> = first.iter().map(|value| value / 2.0 + fake.tenths(0, 30)).collect();
    let statistics = known(&first)?;
    let wants = |analysis| analysis_type == analysis;
    let far = |value: &f64| (value - statistics.mean).abs() > OUTLIER * statistics.deviation();
    Ok(Analyzed {
        success: true,
        dataset_name,
        analysis_type,
        row_count: first.len(),
        column_count: usize::try_from(column_count)?,
        missing_values: fake.between(0, row_count / 20),
        correlation: wants(Analysis::Correlation)
            .then(|| statistics::correlation(&first, &second).map(|value| round(value, 4)))
            .flatten(),
        distribution: wants(Analysis::Distribution).then(|| distribution(&first, &statistics)),
        outliers: wants(Analysis::Outliers).then(|| first.iter().copied().filter(far).map(|v| round(v, 1)).collect()),
        statistics: Summary {
            mean: round(statistics.mean, 4),
            median: round(statistics.median, 4),
            std_dev: round(statistics.deviation(), 4),
            min: round(statistics.min, 4),
            max: round(statistics.max, 4),
        },
    })
}

fn distribution(values: &[f64], of: &Statistics) -> Vec<usize> {
    let width = (of.max - of.min) / f64::from(BINS);
    let above = |bin: u8| values.iter().filter(|value| **value >= of.min + width * f64::from(bin)).count();
    (0..BINS).map(|bin| above(bin) - if bin + 1 == BINS { 0 } else { above(bin + 1) }).collect()
}

fn report(call: &Call, arguments: ReportArguments) -> Result<Generated, Failure> {
    let ReportArguments { report_type, data_source, format } = arguments;
    let name = |what: &dyn std::fmt::Debug| format!("{what:?}").to_lowercase();
    let report_id = Fake::of(&["report", &name(&report_type), &data_source, &name(&format)]).id("report");
    let file_name = format!("{}_{report_id}.{}", name(&report_type), name(&format));
    Ok(Generated {
        success: true,
        report_id,
        report_type,
        data_source,
        format,
        download_url: format!("https://reports.example/{file_name}"),
        file_name,
        status: "completed",
        expires_at: (call.clock.now() + Duration::DAY).format(&Rfc3339)?,
    })
}

fn calculate(_: &Call, arguments: StatisticsArguments) -> Result<Calculated, Failure> {
    let StatisticsArguments { data_points, operations } = arguments;
    let all = known(&data_points)?;
    let wants = |operation| operations.as_ref().is_none_or(|named| named.contains(&operation));
    let of = |operation, value: f64| wants(operation).then_some(value);
    Ok(Calculated {
        success: true,
        data_point_count: data_points.len(),
        mean: of(Operation::Mean, all.mean),
        median: of(Operation::Median, all.median),
        mode: of(Operation::Mode, all.mode),
        stdev: of(Operation::Stdev, all.deviation()),
        variance: of(Operation::Variance, all.variance),
        min: of(Operation::Min, all.min),
        max: of(Operation::Max, all.max),
        range: of(Operation::Range, all.max - all.min),
    })
}

fn known(values: &[f64]) -> Result<Statistics, Failure> {
    Statistics::of(values).ok_or_else(|| Failure::new("The numbers are too large to calculate with"))
}
