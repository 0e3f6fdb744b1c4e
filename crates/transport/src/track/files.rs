//! The names of tracking log files, `MSGTRKyyyymmddhh-n.LOG`, and their keeping: age and total size.

use std::{
    io,
    path::{Path, PathBuf},
};

use base::{
    EnhancedTimeSpan, Timestamp,
    disk::{Disk, OpenMode},
};

const HOUR: i64 = 3600;

/// Which file: the hour it is of, and the how many-th of that hour. Orders by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    /// Whole hours since 1970.
    pub(super) hour: i64,
    /// Counts from 1.
    pub(super) instance: u32,
}

impl FileName {
    /// The hour a moment belongs to.
    pub(super) fn hour_of(time: Timestamp) -> i64 {
        time.secs().div_euclid(HOUR)
    }

    /// When the file's hour begins.
    pub(super) fn start(self) -> Timestamp {
        Timestamp::from_secs(self.hour * HOUR)
    }

    fn parse(name: &str) -> Option<Self> {
        let (stamp, instance) = name.strip_prefix("MSGTRK")?.strip_suffix(".LOG")?.split_once('-')?;
        if stamp.len() != 10 || !stamp.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part = |range: std::ops::Range<usize>| &stamp[range];
        let text = format!("{}-{}-{}T{}:00:00Z", part(0..4), part(4..6), part(6..8), part(8..10));
        let time: Timestamp = text.parse().ok()?;
        Some(Self { hour: Self::hour_of(time), instance: instance.parse().ok()? })
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MSGTRK{}-{}.LOG", self.start().to_jiff().strftime("%Y%m%d%H"), self.instance)
    }
}

/// Every tracking log file of a folder, oldest first.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<FileName>> {
    let names = disk.list(dir)?;
    let mut files: Vec<_> = names.iter().filter_map(|name| FileName::parse(name.to_str()?)).collect();
    files.sort_unstable();
    Ok(files)
}

/// Removes what is older than `max_age` and, oldest first, what takes the folder above `max_bytes`.
/// The file `current` is being written stays.
pub(super) fn sweep(
    disk: &dyn Disk,
    dir: &Path,
    current: FileName,
    oldest: Timestamp,
    max_bytes: u64,
) -> io::Result<()> {
    let mut total = 0;
    for file in list(disk, dir)?.into_iter().rev() {
        let path: PathBuf = dir.join(file.to_string());
        total += disk.open(&path, OpenMode::Existing)?.len()?;
        let last = file.start().plus(EnhancedTimeSpan::from_secs(HOUR));
        if file != current && (last < oldest || total > max_bytes) {
            disk.remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_order() {
        let name = FileName { hour: FileName::hour_of(Timestamp::from_secs(1_795_412_281)), instance: 12 };
        assert_eq!(name.to_string(), "MSGTRK2026112305-12.LOG");
        assert_eq!(FileName::parse(&name.to_string()), Some(name));
        assert!(name < FileName { hour: name.hour, instance: 13 });
        for bad in ["MSGTRK.LOG", "MSGTRK2026112399-1.LOG", "MSGTRK2026112305-x.LOG", "a", "MSGTRKé-1.LOG"] {
            assert_eq!(FileName::parse(bad), None, "{bad}");
        }
    }
}
