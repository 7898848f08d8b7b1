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

/// A process, with those that it started if they count.
pub struct Processes {
    pid: u32,
    children: bool,
}

impl Processes {
    pub fn new(pid: u32, children: bool) -> Self {
        Self { pid, children }
    }

    pub fn ours() -> Self {
        Self { pid: std::process::id(), children: false }
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        let mut sum = Usage::default();
        for pid in self.ids()? {
            let times = stat(pid)?;
            let ticks: u64 = times[11].parse::<u64>()? + times[12].parse::<u64>()?;
            sum.cpu += Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?;
            sum.written += member(pid, "io", "write_bytes:")?;
        }
        Ok(sum)
    }

    pub fn memory(&self) -> anyhow::Result<Memory> {
        let mut sum = Memory::default();
        for pid in self.ids()? {
            sum.resident += member(pid, "status", "VmRSS:")? * 1024;
            sum.peak += member(pid, "status", "VmHWM:")? * 1024;
        }
        Ok(sum)
    }

    fn ids(&self) -> anyhow::Result<Vec<u32>> {
        let mut ids = vec![self.pid];
        if self.children {
            let all: Vec<u32> =
                fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
            let parents: Vec<(u32, u32)> =
                all.iter().filter_map(|pid| Some((*pid, stat(*pid).ok()?[1].parse().ok()?))).collect();
            let mut at = 0;
            while let Some(parent) = ids.get(at).copied() {
                ids.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
                at += 1;
            }
        }
        Ok(ids)
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
