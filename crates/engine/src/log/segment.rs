//! Segment files: their names and the map from log positions to them.
//!
//! A segment is named by the log position of its first record (`0000000000012a40.log`) and holds records
//! from its first byte. The log has no gaps: the next segment starts where the last record of this one
//! ended. Stale bytes in a reused file are told by the position that every record carries.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};
use parking_lot::{Mutex, RwLock};

use crate::EngineError;

const OPEN_FILES: usize = 32;

/// The stretch of the log that one segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Position of its first record.
    pub(crate) base: u64,
    /// Where the next segment starts, or how far this one can be filled.
    pub(crate) end: u64,
}

/// The segments of one log.
pub(crate) struct Segments {
    disk: SharedDisk,
    dir: PathBuf,
    /// Base → how far the file can be filled.
    map: RwLock<BTreeMap<u64, u64>>,
    handles: Mutex<VecDeque<(u64, Arc<dyn DiskFile>)>>,
}

impl Segments {
    /// Finds the segments in the folder.
    pub(crate) fn open(disk: SharedDisk, dir: &Path) -> Result<Self, EngineError> {
        let mut map = BTreeMap::new();
        for name in disk.list(dir).map_err(|e| EngineError::io("listing", dir, e))? {
            if let Some(base) = base_of(&name) {
                let path = dir.join(&name);
                let file =
                    disk.open(&path, OpenMode::Existing).map_err(|e| EngineError::io("opening", &path, e))?;
                let len = file.len().map_err(|e| EngineError::io("measuring", &path, e))?;
                map.insert(base, base + len);
            }
        }
        Ok(Self { disk, dir: dir.into(), map: RwLock::new(map), handles: Mutex::default() })
    }

    /// The file that holds the segment.
    pub(crate) fn path(&self, base: u64) -> PathBuf {
        self.dir.join(format!("{base:016x}.log"))
    }

    /// The segment a position falls into.
    pub(crate) fn span(&self, position: u64) -> Option<Span> {
        let map = self.map.read();
        let (&base, &limit) = map.range(..=position).next_back()?;
        let next = map.range(position + 1..).next().map_or(limit, |(&next, _)| next);
        Some(Span { base, end: limit.min(next) })
    }

    /// All segments in order.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let map = self.map.read();
        let mut spans: Vec<Span> = map.iter().map(|(&base, &end)| Span { base, end }).collect();
        for i in 1..spans.len() {
            spans[i - 1].end = spans[i - 1].end.min(spans[i].base);
        }
        spans
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.map.read().len() as u64
    }

    /// Bytes all segment files take, holes not counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.map.read().iter().map(|(base, limit)| limit - base).sum()
    }

    /// The file of a segment, from the small cache of open files.
    pub(crate) fn file(&self, base: u64) -> Result<Arc<dyn DiskFile>, EngineError> {
        let mut handles = self.handles.lock();
        if let Some(at) = handles.iter().position(|(b, _)| *b == base) {
            let handle = handles.remove(at).ok_or_else(|| self.gone(base))?;
            let file = handle.1.clone();
            handles.push_back(handle);
            return Ok(file);
        }
        let path = self.path(base);
        let file = self
            .disk
            .open(&path, OpenMode::Existing)
            .map_err(|e| EngineError::io("opening log segment", &path, e))?;
        if handles.len() >= OPEN_FILES {
            handles.pop_front();
        }
        handles.push_back((base, file.clone()));
        Ok(file)
    }

    /// Takes a file into the map.
    pub(crate) fn insert(&self, base: u64, file: Arc<dyn DiskFile>, len: u64) {
        self.map.write().insert(base, base + len);
        self.handles.lock().push_back((base, file));
    }

    /// Forgets a segment and removes its file, or renames it to `keep_as`.
    pub(crate) fn remove(&self, base: u64, keep_as: Option<&Path>) -> Result<(), EngineError> {
        self.map.write().remove(&base);
        self.handles.lock().retain(|(b, _)| *b != base);
        let path = self.path(base);
        match keep_as {
            Some(target) => self.disk.rename(&path, target),
            None => self.disk.remove(&path),
        }
        .map_err(|e| EngineError::io("retiring log segment", &path, e))
    }

    /// Reads `buffer` from a log position within one segment.
    pub(crate) fn read(&self, position: u64, buffer: &mut [u8]) -> Result<(), EngineError> {
        let span = self
            .span(position)
            .filter(|span| position + buffer.len() as u64 <= span.end)
            .ok_or_else(|| self.gone(position))?;
        self.file(span.base)?
            .read_exact_at(buffer, position - span.base)
            .map_err(|e| EngineError::io("reading log segment", &self.path(span.base), e))
    }

    fn gone(&self, position: u64) -> EngineError {
        EngineError::Gone(position)
    }
}

fn base_of(name: &Path) -> Option<u64> {
    let stem = name.to_str()?.strip_suffix(".log")?;
    if stem.len() == 16 { u64::from_str_radix(stem, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_positions() {
        assert_eq!(base_of(Path::new("0000000000012a40.log")), Some(0x12a40));
        assert_eq!(base_of(Path::new("spare-1.log")), None);
        assert_eq!(base_of(Path::new("lock")), None);
    }
}
