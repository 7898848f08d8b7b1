//! What the kernel says of a server's processes.
use anyhow::Context;
use std::{fs, time::Duration};

/// What was used up so far.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub written: u64,
}

/// Bytes of memory: now, and the most there was.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    pub resident: u64,
    pub peak: u64,
}

/// One, or those of all nodes.
pub struct Processes(Vec<u32>);

impl Processes {
    pub fn new(pid: u32, others: &[u32]) -> Self {
        Self([&[pid], others].concat())
    }

    pub fn ours() -> Self {
        Self(vec![std::process::id()])
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        let mut sum = Usage::default();
        for &pid in &self.0 {
            let times = stat(pid)?;
            let ticks: u64 = times[11].parse::<u64>()? + times[12].parse::<u64>()?;
            sum.cpu += Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?;
            sum.written += member(pid, "io", "write_bytes:")?;
        }
        Ok(sum)
    }

    pub fn memory(&self) -> anyhow::Result<Memory> {
        let mut sum = Memory::default();
        for &pid in &self.0 {
            sum.resident += member(pid, "status", "VmRSS:")? * 1024;
            sum.peak += member(pid, "status", "VmHWM:")? * 1024;
        }
        Ok(sum)
    }
}

/// What stands behind the name in `/proc/PID/stat`: state, parent, ..., at 11 and 12 the time in programs and kernel.
fn stat(pid: u32) -> anyhow::Result<Vec<String>> {
    let line = read(pid, "stat")?;
    let (_, rest) = line.rsplit_once(") ").context("malformed stat")?;
    Ok(rest.split(' ').map(str::to_owned).collect())
}

fn member(pid: u32, file: &str, name: &str) -> anyhow::Result<u64> {
    let text = read(pid, file)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).with_context(|| format!("/proc/{pid}/{file}"))
}
