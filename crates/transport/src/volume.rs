//! A disk for tests that can be told it is full.

use std::{
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use base::disk::{Disk, DiskFile, OpenMode, SystemDisk};

/// The system's disk, until it is full.
#[derive(Clone, Default)]
pub(crate) struct Volume {
    full: Arc<AtomicBool>,
}

struct File {
    inner: Arc<dyn DiskFile>,
    volume: Volume,
}

impl Volume {
    pub(crate) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    fn room(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Volume {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        if mode == OpenMode::New {
            self.room()?;
        }
        let inner = SystemDisk.open(path, mode)?;
        Ok(Arc::new(File { inner, volume: self.clone() }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        SystemDisk.list(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.create_dir_all(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.sync_dir(dir)
    }
    fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.room().map_or(Ok(0), |()| SystemDisk.free_space(path))
    }
}

/// What was preallocated can be written though the volume is full.
impl DiskFile for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_exact_at(buffer, offset)
    }
    fn write_all_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let end = offset + slices.iter().map(|slice| slice.len() as u64).sum::<u64>();
        if end > self.inner.len()? {
            self.volume.room()?;
        }
        self.inner.write_all_at(slices, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.inner.len()? {
            self.volume.room()?;
        }
        self.inner.set_len(len)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn preallocate(&self, len: u64) -> io::Result<()> {
        if len > self.inner.len()? {
            self.volume.room()?;
        }
        self.inner.preallocate(len)
    }
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.inner.try_lock()
    }
}
