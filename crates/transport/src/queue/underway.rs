//! Which messages are being worked on, in a file that outlives the process: a message whose processing kills
//! the process is known by it after the next start.
//!
//! The file is not synced: what was written outlives the process all the same, and nobody waits for the disk.
//! A power cut may leave it out of date; a message that is named in error is tried alone and proves itself.

use std::{
    collections::BTreeSet,
    io::{self, IoSlice},
    path::Path,
    sync::Arc,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};
use parking_lot::Mutex;

/// Messages of one job at most.
const IDS: usize = super::schedule::BATCH;
/// What a job takes of the file, bytes.
const SLOT: usize = IDS * 8;
/// More jobs than ever run at once; a longer file was not written here.
const SLOTS_MAX: u64 = 16_384;

/// The file of messages under way.
pub(crate) struct Underway {
    file: Arc<dyn DiskFile>,
    taken: Mutex<BTreeSet<u64>>,
}

/// Messages that are being worked on until this is dropped.
pub(crate) struct Mark<'a> {
    underway: &'a Underway,
    slot: u64,
}

impl Underway {
    /// Opens the file; says which messages were under way when the last process died.
    pub(crate) fn open(disk: &SharedDisk, path: &Path) -> io::Result<(Self, BTreeSet<u64>)> {
        let file = disk.open(path, OpenMode::OpenOrCreate)?;
        let len = file.len()?.min(SLOTS_MAX * SLOT as u64);
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let (ids, _) = bytes.as_chunks::<8>();
        let ids = ids.iter().map(|id| u64::from_le_bytes(*id)).filter(|id| *id != 0).collect();
        Ok((Self { file, taken: Mutex::default() }, ids))
    }

    /// Forgets everything: what was found is dealt with, or what is under way is left by a stop.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Notes that these are being worked on.
    pub(crate) fn mark(&self, ids: &[u64]) -> Mark<'_> {
        let slot = {
            let mut taken = self.taken.lock();
            let slot = (0..).find(|slot| !taken.contains(slot)).unwrap_or(SLOTS_MAX);
            taken.insert(slot);
            slot
        };
        let mut bytes = [0; SLOT];
        for (place, id) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(ids) {
            *place = id.to_le_bytes();
        }
        self.write(slot, &bytes);
        Mark { underway: self, slot }
    }

    /// On a full disk messages are worked on all the same.
    fn write(&self, slot: u64, bytes: &[u8; SLOT]) {
        if let Err(error) = self.file.write_all_at(&[IoSlice::new(bytes)], slot * SLOT as u64) {
            tracing::debug!(%error, "messages under way are not noted");
        }
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.underway.write(self.slot, &[0; SLOT]);
        self.underway.taken.lock().remove(&self.slot);
    }
}

#[cfg(test)]
mod tests {
    use base::disk::SystemDisk;

    use super::*;

    #[test]
    fn what_was_under_way_is_known_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let disk: SharedDisk = Arc::new(SystemDisk);
        let open = || Underway::open(&disk, &dir.path().join("underway")).unwrap();
        let (underway, found) = open();
        assert!(found.is_empty());
        let (first, second) = (underway.mark(&[1, 2, 3]), underway.mark(&[7]));
        drop(first);
        std::mem::forget(underway.mark(&[9]));
        let (next, found) = open();
        assert_eq!(found, BTreeSet::from([7, 9]));
        next.clear().unwrap();
        assert!(open().1.is_empty());
        drop(second);
        assert!(open().1.is_empty());
    }
}
