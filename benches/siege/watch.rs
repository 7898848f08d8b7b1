//! What the servers take of the machine, at most.
use super::servers::Servers;
use std::{collections::BTreeMap, fs};

#[derive(Default)]
pub struct Watch {
    /// By name: KiB of memory, and descriptors.
    most: BTreeMap<&'static str, (u64, usize)>,
    disk: u64,
    disk_before: u64,
}

impl Watch {
    pub fn begin(servers: &Servers) -> Self {
        Self { disk_before: servers.disk(), ..Self::default() }
    }

    pub fn look(&mut self, servers: &Servers) {
        for (name, id) in servers.processes() {
            let most = self.most.entry(name).or_default();
            most.0 = most.0.max(memory(id));
            most.1 = most.1.max(fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count));
        }
        self.disk = self.disk.max(servers.disk());
    }

    /// Stays each within so many MiB, and on disk?
    pub fn within(&self, memory: u64, disk: u64) -> bool {
        self.most.values().all(|(kib, _)| kib.div_ceil(1024) < memory) && self.disk < disk << 20
    }

    pub fn print(&self) {
        println!("\n{:24} {:>8} {:>12}", "at most", "MiB", "descriptors");
        for (name, (kib, descriptors)) in &self.most {
            println!("{name:24} {:>8} {descriptors:>12}", kib.div_ceil(1024));
        }
        println!("{:24} {:>8}   ({} before)", "disk", self.disk >> 20, self.disk_before >> 20);
    }
}

/// KiB that lie in memory.
fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
