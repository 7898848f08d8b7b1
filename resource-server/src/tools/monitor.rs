//! The state of the machine that the server runs on.
use super::{
    Failure,
    call::Call,
    fake::round,
    tool::{NoArguments, Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

pub(super) const SET: Set = Set { name: "monitor", title: "System Monitor", tools };

/// Paths whose disks may be queried; others would reveal the machine's layout.
const PATHS: [&str; 3] = ["/", "/tmp", "/var"];
/// The longest wait in a call.
const LONGEST_SAMPLE: Duration = Duration::from_secs(1);
const GIB: f64 = 1_073_741_824.0;

#[derive(Deserialize, JsonSchema)]
struct CpuArguments {
    /// Watched for a fifth of it, and for a second at most.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 60))]
    interval_seconds: u32,
}

#[derive(Serialize, JsonSchema)]
struct Processors {
    success: bool,
    cpu_count: usize,
    /// From 0 to 100.
    overall_usage_percent: f64,
    per_core_usage_percent: Vec<f64>,
    /// Of the last 1, 5 and 15 minutes.
    load_average: [f64; 3],
}

#[derive(Serialize, JsonSchema)]
struct MemoryStats {
    success: bool,
    memory: Memory,
    swap: Swap,
}

/// In GiB.
#[derive(Serialize, JsonSchema)]
struct Memory {
    total_gb: f64,
    used_gb: f64,
    available_gb: f64,
    percent_used: f64,
}

/// In GiB.
#[derive(Serialize, JsonSchema)]
struct Swap {
    total_gb: f64,
    used_gb: f64,
    free_gb: f64,
    percent_used: f64,
}

#[derive(Deserialize, JsonSchema)]
struct DiskArguments {
    /// `/`, `/tmp` or `/var`.
    #[serde(default = "root")]
    #[schemars(length(min = 1, max = 500))]
    path: String,
}

#[derive(Serialize, JsonSchema)]
struct DiskUsage {
    success: bool,
    path: String,
    disk: Disk,
}

/// In GiB.
#[derive(Serialize, JsonSchema)]
struct Disk {
    total_gb: f64,
    used_gb: f64,
    free_gb: f64,
    percent_used: f64,
}

fn one() -> u32 {
    1
}

fn root() -> String {
    PATHS[0].to_owned()
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::waiting("get_cpu_usage", "CPU usage", "Tells how busy the processors are.", cpu)?,
        Tool::new("get_memory_stats", "Memory", "Tells how much memory is in use.", memory)?,
        Tool::new("get_disk_usage", "Disk usage", "Tells how full a disk is.", disk)?,
    ])
}

async fn cpu(_: Call, CpuArguments { interval_seconds }: CpuArguments) -> Result<Processors, Failure> {
    let usage = CpuRefreshKind::nothing().with_usage();
    let mut system = System::new_with_specifics(RefreshKind::nothing().with_cpu(usage))?;
    let sample = Duration::from_millis(200).saturating_mul(interval_seconds).min(LONGEST_SAMPLE);
    tokio::time::sleep(sample.max(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL)).await;
    system.refresh_cpu_usage();
    let load = System::load_average()?;
    Ok(Processors {
        success: true,
        cpu_count: system.cpus().len(),
        overall_usage_percent: round(system.global_cpu_usage().into(), 1),
        per_core_usage_percent: system.cpus().iter().map(|core| round(core.usage().into(), 1)).collect(),
        load_average: [load.one, load.five, load.fifteen].map(|load| round(load, 2)),
    })
}

fn memory(_: &Call, NoArguments {}: NoArguments) -> Result<MemoryStats, Failure> {
    let all = MemoryRefreshKind::everything();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(all))?;
    let (total, available) = (system.total_memory(), system.available_memory());
    let used = total.saturating_sub(available);
    let (swap_total, swap_used) = (system.total_swap(), system.used_swap());
    Ok(MemoryStats {
        success: true,
        memory: Memory {
            total_gb: gib(total),
            used_gb: gib(used),
            available_gb: gib(available),
            percent_used: percent(used, total),
        },
        swap: Swap {
            total_gb: gib(swap_total),
            used_gb: gib(swap_used),
            free_gb: gib(swap_total.saturating_sub(swap_used)),
            percent_used: percent(swap_used, swap_total),
        },
    })
}

fn disk(_: &Call, DiskArguments { path }: DiskArguments) -> Result<DiskUsage, Failure> {
    if !PATHS.contains(&path.as_str()) {
        return Err(Failure::new("The path is not one of those that may be asked about"));
    }
    let disk = rustix::fs::statvfs(path.as_str())?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    let used = bytes(disk.f_blocks.saturating_sub(disk.f_bfree));
    // What only root may fill is neither.
    let free = bytes(disk.f_bavail);
    let percent_used = percent(used, used.saturating_add(free));
    let total_gb = gib(bytes(disk.f_blocks));
    Ok(DiskUsage { success: true, path, disk: Disk { total_gb, used_gb: gib(used), free_gb: gib(free), percent_used } })
}

#[allow(clippy::cast_precision_loss)] // shown with two digits behind the point
fn gib(bytes: u64) -> f64 {
    round(bytes as f64 / GIB, 2)
}

#[allow(clippy::cast_precision_loss)] // shown with one digit behind the point
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { round(part as f64 * 100.0 / whole as f64, 1) }
}
