//! What is measured about one run, and the table of it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub cpu_us: f64,
    pub flushes: f64,
    pub bytes_ratio: f64,
    pub peak_mb: f64,
}

impl Sample {
    pub fn to_line(&self) -> String {
        self.fields().map(|field| field.to_string()).join(" ")
    }

    pub fn from_line(line: &str) -> Option<Self> {
        let fields: Vec<f64> = line.split(' ').map(|field| field.parse().ok()).collect::<Option<_>>()?;
        let [per_second, p50_ms, p99_ms, cpu_us, flushes, bytes_ratio, peak_mb] = fields[..] else {
            return None;
        };
        Some(Self { per_second, p50_ms, p99_ms, cpu_us, flushes, bytes_ratio, peak_mb })
    }

    fn fields(&self) -> [f64; 7] {
        let Self { per_second, p50_ms, p99_ms, cpu_us, flushes, bytes_ratio, peak_mb } = *self;
        [per_second, p50_ms, p99_ms, cpu_us, flushes, bytes_ratio, peak_mb]
    }

    pub fn heading() -> &'static str {
        "| design | commits/s | of raw | best | of raw's | p50 ms | p99 ms | CPU us | flushes/commit | bytes written per byte | peak MB |\n\
         |---|---|---|---|---|---|---|---|---|---|---|"
    }

    pub fn row(name: &str, samples: &[Self], raw: &[Self]) -> String {
        let m = |at: usize| median(samples.iter().map(|sample| sample.fields()[at]).collect());
        let ratio = m(0) / median(raw.iter().map(|sample| sample.per_second).collect());
        // On a machine with other work the best round says most.
        let best = |samples: &[Self]| samples.iter().map(|sample| sample.per_second).fold(0.0, f64::max);
        let (best, best_ratio) = (best(samples), best(samples) / best(raw));
        format!(
            "| {name} | {:.0} | {ratio:.2} | {best:.0} | {best_ratio:.2} | {:.2} | {:.1} | {:.0} | {:.3} | {:.2} | {:.0} |",
            m(0),
            m(1),
            m(2),
            m(3),
            m(4),
            m(5),
            m(6)
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A running measurement.
pub struct Meter {
    dir: PathBuf,
    began: Instant,
    cpu: Duration,
    written: u64,
}

impl Meter {
    /// Starts measuring; `dir` says which device is written to.
    pub fn start(dir: &Path) -> Self {
        Self { dir: dir.into(), written: device_written(dir), cpu: cpu(), began: Instant::now() }
    }

    /// Ends the measurement of `latencies.len()` commits of `user_bytes` each.
    pub fn stop(self, mut latencies: Vec<Duration>, flushes: u64, user_bytes: usize) -> Sample {
        let took = self.began.elapsed();
        let commits = latencies.len() as f64;
        latencies.sort();
        let ms = |at: usize| latencies[at].as_secs_f64() * 1e3;
        let written = device_written(&self.dir) - self.written;
        Sample {
            per_second: commits / took.as_secs_f64(),
            p50_ms: ms(latencies.len() / 2),
            p99_ms: ms(latencies.len() * 99 / 100),
            cpu_us: (cpu() - self.cpu).as_secs_f64() * 1e6 / commits,
            flushes: flushes as f64 / commits,
            bytes_ratio: written as f64 / (commits * user_bytes as f64),
            peak_mb: proc_number("/proc/self/status", "VmHWM:") as f64 / 1024.0,
        }
    }
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Bytes the whole device has written, others' included.
fn device_written(dir: &Path) -> u64 {
    let dev = fs::metadata(dir).map_or(0, |metadata| metadata.dev());
    let stat = format!("/sys/dev/block/{}:{}/stat", dev >> 8 & 0xfff, dev & 0xff);
    let text = fs::read_to_string(stat).unwrap_or_default();
    text.split_whitespace().nth(6).and_then(|sectors| sectors.parse::<u64>().ok()).unwrap_or(0) * 512
}

/// A number from a file of `/proc`.
pub fn proc_number(path: &str, field: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
