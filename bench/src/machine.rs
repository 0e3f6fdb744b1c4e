//! What `/proc` says: processor time and memory of the server's process trees, of this client, and the cache
//! flushes of the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::Instant,
};

/// Clock ticks per second in `/proc` (USER_HZ on Linux, fixed for programs).
const TICKS: f64 = 100.0;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Roots of the server's process trees.
    pub pids: Vec<u32>,
    /// A folder on the disk whose flushes count.
    pub folder: Option<String>,
}

/// Counters at one moment; differences of two are what a measurement reports.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    at: Instant,
    server_cpu: f64,
    client_cpu: f64,
    machine_cpu: f64,
    flushes: f64,
    sectors: f64,
}

/// What lies between two samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Processor time of the server, seconds, its children included.
    pub server_cpu: f64,
    /// Processor time of this client, seconds.
    pub client_cpu: f64,
    /// Busy processors of the whole machine, on average. Well over server and client together: something else
    /// ran, and the measurement is worth less.
    pub machine_busy: f64,
    /// Cache flushes of the disk.
    pub flushes: f64,
    /// Written to the disk, bytes.
    pub written: f64,
}

impl Sample {
    /// Reads the counters now.
    pub fn take(watched: &Watched) -> Self {
        let cpu = |pid: u32| stat(pid).map_or(0.0, |s| s.cpu);
        let (flushes, sectors) = watched.folder.as_deref().and_then(disk_counters).unwrap_or_default();
        Self {
            at: Instant::now(),
            server_cpu: tree(&watched.pids).into_iter().map(cpu).sum(),
            client_cpu: cpu(std::process::id()),
            machine_cpu: machine_cpu(),
            flushes,
            sectors,
        }
    }

    /// What was spent since `self`.
    pub fn until(&self, later: &Self) -> Spent {
        let seconds = (later.at - self.at).as_secs_f64().max(1e-9);
        Spent {
            server_cpu: later.server_cpu - self.server_cpu,
            client_cpu: later.client_cpu - self.client_cpu,
            machine_busy: (later.machine_cpu - self.machine_cpu) / seconds,
            flushes: later.flushes - self.flushes,
            written: (later.sectors - self.sectors) * 512.0,
        }
    }
}

/// Resident memory of the trees, bytes; pages shared by several processes are counted once for each in the
/// first figure and shared out in the second.
pub fn memory(watched: &Watched) -> (f64, f64) {
    let mut total = (0.0, 0.0);
    for pid in tree(&watched.pids) {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let value = |name: &str| {
            let line = text.lines().find(|l| l.starts_with(name));
            line.and_then(|l| l.split_whitespace().nth(1)).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0)
        };
        total.0 += value("Rss:") * 1024.0;
        total.1 += value("Pss:") * 1024.0;
    }
    total
}

struct Stat {
    parent: u32,
    /// Seconds, reaped children included.
    cpu: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold spaces; fields are counted from behind it.
    let fields: Vec<&str> = text[text.rfind(')')? + 2..].split(' ').collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    Some(Stat { parent: fields.get(1)?.parse().ok()?, cpu: (11..15).map(ticks).sum::<f64>() / TICKS })
}

/// The processes and all that descend from them.
fn tree(roots: &[u32]) -> BTreeSet<u32> {
    if roots.is_empty() {
        return BTreeSet::new();
    }
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some((pid, stat)) = pid.and_then(|pid| stat(pid).map(|s| (pid, s))) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut queue = roots.to_vec();
    while let Some(pid) = queue.pop() {
        if found.insert(pid) {
            queue.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found
}

/// Busy time of all processors, seconds: user, nice, system, interrupts.
fn machine_cpu() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|f| f.parse().ok())
        .collect();
    [0, 1, 2, 5, 6].iter().filter_map(|&n| fields.get(n)).sum::<f64>() / TICKS
}

/// Flushes and sectors written of the disk that holds a folder.
fn disk_counters(folder: &str) -> Option<(f64, f64)> {
    let device = fs::metadata(Path::new(folder)).ok()?.dev();
    // The kernel's split of a device number (makedev(3)).
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
    let text = fs::read_to_string("/proc/diskstats").ok()?;
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.first()?.parse() == Ok(major) && fields.get(1)?.parse() == Ok(minor);
        let value = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        is_it.then(|| (value(18), value(9)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_this_process() {
        let watched = Watched { pids: vec![std::process::id()], folder: None };
        let before = Sample::take(&watched);
        let start = Instant::now();
        while start.elapsed().as_millis() < 60 {
            std::hint::black_box(start.elapsed());
        }
        let spent = before.until(&Sample::take(&watched));
        assert!(spent.server_cpu >= 0.01 && spent.client_cpu >= 0.01, "{spent:?}");
        assert!(memory(&watched).0 > 100_000.0);
    }
}
