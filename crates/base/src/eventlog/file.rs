//! The event log on disk: one append-only file of JSON lines per channel, and the one before it.
//!
//! Entries are not synced one by one: the log serves people, not recovery.

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    disk::{DiskFile, OpenMode, SharedDisk},
};

/// A channel's file is put aside (and the one before it dropped) at this length, bytes.
const ROTATE_BYTES: u64 = 16 << 20;
/// The longest message kept, bytes.
const MESSAGE_MAX: usize = 32 << 10;

/// One event as it is stored and read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// The channel.
    pub log: String,
    /// The source.
    pub source: String,
    /// The number within the source.
    pub id: u32,
    /// 2 error, 3 warning, 4 information.
    pub level: u8,
    /// The task category.
    pub category: String,
    /// The text.
    pub message: String,
    /// Counts up within the channel's files.
    pub record_id: u64,
}

/// Which events to read.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only this source, without case.
    pub source: Option<String>,
    /// Only these ids; all when empty.
    pub ids: Vec<u32>,
    /// Only these levels; all when empty.
    pub levels: Vec<u8>,
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not after.
    pub end: Option<Timestamp>,
}

impl Query {
    fn matches(&self, entry: &Entry) -> bool {
        self.source.as_ref().is_none_or(|source| source.eq_ignore_ascii_case(&entry.source))
            && (self.ids.is_empty() || self.ids.contains(&entry.id))
            && (self.levels.is_empty() || self.levels.contains(&entry.level))
            && self.start.is_none_or(|start| entry.time >= start)
            && self.end.is_none_or(|end| entry.time <= end)
    }
}

struct Channel {
    file: Arc<dyn DiskFile>,
    len: u64,
    next_record_id: u64,
}

/// All channels of one server.
pub struct EventLog {
    disk: SharedDisk,
    dir: PathBuf,
    channels: Mutex<HashMap<String, Channel>>,
}

impl EventLog {
    /// The log in `dir`, which is made when missing.
    pub fn open(disk: SharedDisk, dir: &Path) -> io::Result<Self> {
        disk.create_dir_all(dir)?;
        Ok(Self { disk, dir: dir.to_owned(), channels: Mutex::default() })
    }

    /// Appends an event; its `record_id` is given here.
    pub fn append(&self, mut entry: Entry) -> io::Result<()> {
        let cut = entry.message.floor_char_boundary(MESSAGE_MAX);
        entry.message.truncate(cut);
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if !channels.contains_key(&entry.log) {
            let channel = self.open_channel(&entry.log)?;
            channels.insert(entry.log.clone(), channel);
        }
        let Some(channel) = channels.get_mut(&entry.log) else { return Ok(()) };
        if channel.len > ROTATE_BYTES {
            let path = self.path(&entry.log);
            self.disk.rename(&path, &path.with_extension("old.jsonl"))?;
            channel.file = self.disk.open(&path, OpenMode::New)?;
            channel.len = 0;
        }
        entry.record_id = channel.next_record_id;
        let mut line = serde_json::to_vec(&entry).map_err(io::Error::other)?;
        line.push(b'\n');
        channel.file.write_all_at(&[IoSlice::new(&line)], channel.len)?;
        channel.len += line.len() as u64;
        channel.next_record_id += 1;
        Ok(())
    }

    /// The newest `limit` events of a channel that match, newest first. An unknown channel is empty.
    pub fn read(&self, log: &str, query: &Query, limit: usize) -> io::Result<Vec<Entry>> {
        let path = self.path(log);
        let mut found = Vec::new();
        for path in [path.clone(), path.with_extension("old.jsonl")] {
            let Some(bytes) = self.read_file(&path)? else { continue };
            let lines = bytes.split(|b| *b == b'\n').rev();
            let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
            found.extend(entries.filter(|entry| query.matches(entry)).take(limit - found.len()));
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// The names of the channels that have events.
    pub fn logs(&self) -> io::Result<Vec<String>> {
        let names = self.disk.list(&self.dir)?;
        let stem = |path: &PathBuf| {
            path.to_str()?.strip_suffix(".jsonl").filter(|s| !s.ends_with(".old")).map(unescape)
        };
        Ok(names.iter().filter_map(stem).collect())
    }

    fn open_channel(&self, log: &str) -> io::Result<Channel> {
        let path = self.path(log);
        let file = self.disk.open(&path, OpenMode::OpenOrCreate)?;
        let last = self.read(log, &Query::default(), 1)?.pop();
        Ok(Channel { len: file.len()?, file, next_record_id: last.map_or(1, |entry| entry.record_id + 1) })
    }

    fn read_file(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = match self.disk.open(path, OpenMode::Existing) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut bytes = vec![0; file.len()? as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Some(bytes))
    }

    /// A channel's file; `/` in its name becomes `%4`, as the product's own files do.
    fn path(&self, log: &str) -> PathBuf {
        let safe: String =
            log.chars().map(|c| if c.is_alphanumeric() || " -_.".contains(c) { c } else { '/' }).collect();
        self.dir.join(format!("{}.jsonl", safe.replace('/', "%4")))
    }
}

fn unescape(stem: &str) -> String {
    stem.replace("%4", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u32, message: &str) -> Entry {
        Entry {
            time: Timestamp::from_secs(i64::from(id)),
            log: "Microsoft-Exchange-ActiveMonitoring/ProbeResult".into(),
            source: "ActiveMonitoring".into(),
            id,
            level: 4,
            category: "General".into(),
            message: message.into(),
            record_id: 0,
        }
    }

    #[test]
    fn appends_reads_and_goes_on_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let disk: SharedDisk = Arc::new(crate::disk::SystemDisk);
        let name = "Microsoft-Exchange-ActiveMonitoring/ProbeResult";
        for round in 0..2 {
            let log = EventLog::open(disk.clone(), dir.path()).unwrap();
            for id in 1..=3 {
                log.append(entry(round * 3 + id, "a\nb")).unwrap();
            }
        }
        let log = EventLog::open(disk, dir.path()).unwrap();
        let all = log.read(name, &Query::default(), 10).unwrap();
        assert_eq!(
            all.iter().map(|e| (e.id, e.record_id)).collect::<Vec<_>>(),
            [(6, 6), (5, 5), (4, 4), (3, 3), (2, 2), (1, 1)]
        );
        let some = Query { ids: vec![2, 5], start: Some(Timestamp::from_secs(3)), ..Query::default() };
        assert_eq!(log.read(name, &some, 10).unwrap().len(), 1);
        assert_eq!(log.logs().unwrap(), [name]);
        assert!(log.read("../../etc/passwd", &Query::default(), 1).unwrap().is_empty());
    }
}
