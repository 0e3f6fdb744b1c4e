//! A simulated disk for tests: it keeps unsynced changes apart, loses or tears them at a power cut, fills
//! up, and fails a chosen call. Built with the feature `sim` only.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    disk::{Disk, DiskFile, OpenMode},
    rng::Rng,
};

/// What reaches the platter in one piece, bytes.
const SECTOR: usize = 512;

/// How the machine went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process was killed: everything written is still there, unsynced changes stay unsynced.
    Kill,
    /// The power failed: of the unsynced changes an arbitrary part survives, sector by sector.
    PowerCut,
}

/// What an injected failure looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// `EIO`; of a sync, the changes it was to save are lost without further notice.
    Broken,
    /// `ENOSPC`.
    Full,
}

/// A call that was made to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The operation: `write`, `sync`, `preallocate` …
    pub operation: &'static str,
    /// The file or folder.
    pub path: PathBuf,
}

/// A disk in memory. Clones share it.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<World>>);

#[derive(Clone, Default)]
struct World {
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<Rename>,
    files: Vec<File>,
    calls: u64,
    fail_at: Option<(u64, Injected)>,
    failure: Option<Failure>,
    capacity: Option<u64>,
    down_at: Option<u64>,
    down: bool,
}

/// A change of the name space: the file's old and new name, where it has one.
#[derive(Clone)]
struct Rename {
    from: Option<PathBuf>,
    to: Option<(PathBuf, usize)>,
}

#[derive(Clone, Default)]
struct File {
    current: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    locked: bool,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
    Zero(usize, usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Len(len) => content.resize(*len, 0),
            Self::Zero(at, len) => {
                let end = content.len().min(at + len);
                content[(*at).min(end)..end].fill(0);
            }
        }
    }

    /// The parts of the change that can survive one without the other.
    fn sectors(self) -> Vec<Self> {
        let Self::Write(mut at, bytes) = self else { return vec![self] };
        let mut rest = &bytes[..];
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            parts.push(Self::Write(at, now.to_vec()));
            at += now.len();
            rest = later;
        }
        parts
    }
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }
}

impl World {
    fn apply_name(names: &mut BTreeMap<PathBuf, usize>, rename: &Rename) {
        if let Some(from) = &rename.from {
            names.remove(from);
        }
        if let Some((to, file)) = &rename.to {
            names.insert(to.clone(), *file);
        }
    }

    fn rename(&mut self, rename: Rename) {
        Self::apply_name(&mut self.names, &rename);
        self.pending_names.push(rename);
    }

    fn used(&self) -> u64 {
        self.names.values().map(|&file| self.files[file].current.len() as u64).sum()
    }

    /// Counts a changing call; it fails if it was chosen to.
    fn call(&mut self, operation: &'static str, path: &Path) -> io::Result<()> {
        self.calls += 1;
        self.down |= self.down_at == Some(self.calls);
        self.alive()?;
        match self.fail_at {
            Some((call, injected)) if call == self.calls => {
                self.failure = Some(Failure { operation, path: path.into() });
                Err(match injected {
                    Injected::Broken => io::Error::other("injected EIO"),
                    Injected::Full => io::ErrorKind::StorageFull.into(),
                })
            }
            _ => Ok(()),
        }
    }

    fn alive(&self) -> io::Result<()> {
        if self.down { Err(io::Error::other("the machine is down")) } else { Ok(()) }
    }

    /// Fails when a file cannot grow to `len`.
    fn reserve(&self, file: usize, len: u64) -> io::Result<()> {
        let grown = len.saturating_sub(self.files[file].current.len() as u64);
        match self.capacity {
            Some(capacity) if grown > 0 && self.used() + grown > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl SimDisk {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk after a crash. From now on every call on this one fails.
    pub fn crash(&self, how: Crash, rng: &dyn Rng) -> Self {
        let mut world = {
            let mut world = self.world();
            let copy = world.clone();
            world.down = true;
            copy
        };
        world.fail_at = None;
        world.failure = None;
        world.down_at = None;
        world.down = false;
        world.files.iter_mut().for_each(|file| file.locked = false);
        if how == Crash::PowerCut {
            // Some cuts lose all, some nearly nothing.
            let lost_in_8 = rng.below(9);
            let names_kept = rng.below(world.pending_names.len() as u64 + 1) as usize;
            for rename in &world.pending_names[..names_kept] {
                World::apply_name(&mut world.durable_names, rename);
            }
            world.pending_names.clear();
            world.names = world.durable_names.clone();
            for file in &mut world.files {
                for part in file.pending.drain(..).flat_map(Change::sectors) {
                    if rng.below(8) >= lost_in_8 {
                        part.apply(&mut file.durable);
                    }
                }
                file.current = file.durable.clone();
            }
        }
        Self(Arc::new(Mutex::new(world)))
    }

    /// The machine goes down at the `call`-th changing call from the beginning, before that call does
    /// anything: everything fails from there. [`SimDisk::crash`] then gives the disk that is left.
    pub fn down_at(&self, call: u64) {
        self.world().down_at = Some(call);
    }

    /// An independent copy as it stands, nobody holding a lock.
    pub fn fork(&self) -> Self {
        let mut world = self.world().clone();
        world.files.iter_mut().for_each(|file| file.locked = false);
        Self(Arc::new(Mutex::new(world)))
    }

    /// Makes the `call`-th changing call from the beginning fail, once.
    pub fn fail_at(&self, call: u64, injected: Injected) {
        self.world().fail_at = Some((call, injected));
    }

    /// The call that was made to fail, if it has come.
    pub fn failure(&self) -> Option<Failure> {
        self.world().failure.clone()
    }

    /// Changing calls so far.
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// Limits the sum of all file lengths, bytes; `None` lifts the limit.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.world().capacity = capacity;
    }

    /// Sum of all file lengths, bytes.
    pub fn used(&self) -> u64 {
        self.world().used()
    }

    /// Flips one bit of a file, durably.
    pub fn flip(&self, path: &Path, bit: usize) {
        let mut world = self.world();
        if let Some(&file) = world.names.get(path) {
            let file = &mut world.files[file];
            for content in [&mut file.current, &mut file.durable] {
                if let Some(byte) = content.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        world.alive()?;
        let file = match (world.names.get(path).copied(), mode) {
            (Some(_), OpenMode::New) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(file), _) => file,
            (None, OpenMode::Existing) => return Err(io::ErrorKind::NotFound.into()),
            (None, _) => {
                world.call("create", path)?;
                world.files.push(File::default());
                let file = world.files.len() - 1;
                world.rename(Rename { from: None, to: Some((path.into(), file)) });
                file
            }
        };
        Ok(Arc::new(SimFile { disk: self.clone(), path: path.into(), file, locked: Mutex::new(false) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call("rename", from)?;
        let file = *world.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        world.rename(Rename { from: Some(from.into()), to: Some((to.into(), file)) });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call("remove", path)?;
        if !world.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        world.rename(Rename { from: Some(path.into()), to: None });
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let world = self.world();
        world.alive()?;
        let inside = |path: &PathBuf| path.strip_prefix(dir).ok().map(Path::to_path_buf);
        Ok(world.names.keys().filter_map(inside).filter(|name| name.components().count() == 1).collect())
    }

    /// Folders exist as soon as a file is in them.
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.world().alive()
    }

    /// Syncs the whole name space, as a journal would.
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call("sync_dir", dir)?;
        world.pending_names.clear();
        world.durable_names = world.names.clone();
        Ok(())
    }

    fn free_space(&self, _path: &Path) -> io::Result<u64> {
        let world = self.world();
        Ok(world.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(world.used())))
    }
}

struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    file: usize,
    locked: Mutex<bool>,
}

impl SimFile {
    fn change(&self, operation: &'static str, len: Option<u64>, change: Change) -> io::Result<()> {
        let mut world = self.disk.world();
        world.call(operation, &self.path)?;
        if let Some(len) = len {
            world.reserve(self.file, len)?;
        }
        world.files[self.file].change(change);
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let world = self.disk.world();
        world.alive()?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let content = &world.files[self.file].current;
        let bytes =
            content.get(from..from.saturating_add(buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>();
        let end = offset + bytes.len() as u64;
        let mut world = self.disk.world();
        let written = world.call("write", &self.path).and_then(|()| world.reserve(self.file, end));
        if !world.down {
            // A write that fails may have got half-way, but not past the end of the space.
            let room = world.files[self.file].current.len().saturating_sub(offset as usize);
            let done = if written.is_ok() { bytes.len() } else { room.min(bytes.len() / 2) };
            world.files[self.file].change(Change::Write(offset as usize, bytes[..done].to_vec()));
        }
        written
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        let called = world.call("sync", &self.path);
        match called {
            Ok(()) => world.files[self.file].sync(),
            Err(_) if world.down => {}
            // As page caches do: marked clean, yet never written.
            Err(_) => world.files[self.file].pending.clear(),
        }
        called
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change("set_len", Some(len), Change::Len(len as usize))
    }

    fn len(&self) -> io::Result<u64> {
        let world = self.disk.world();
        world.alive()?;
        Ok(world.files[self.file].current.len() as u64)
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        let longer = (len as usize).max(self.disk.world().files[self.file].current.len());
        self.change("preallocate", Some(len), Change::Len(longer))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.change("punch", None, Change::Zero(offset as usize, len as usize))
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut world = self.disk.world();
        world.alive()?;
        let file = &mut world.files[self.file];
        let mut mine = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        if !*mine && !file.locked {
            file.locked = true;
            *mine = true;
        }
        Ok(*mine)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if *self.locked.lock().unwrap_or_else(PoisonError::into_inner) {
            self.disk.world().files[self.file].locked = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    fn read(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
        let file = disk.open(Path::new(path), OpenMode::Existing).ok()?;
        let mut content = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut content, 0).unwrap();
        Some(content)
    }

    #[test]
    fn only_synced_changes_are_sure_to_survive() {
        let mut torn = 0;
        for seed in 0..50 {
            let disk = SimDisk::default();
            let file = disk.open(Path::new("d/f"), OpenMode::New).unwrap();
            file.write_all_at(&[IoSlice::new(&[1; 2000])], 0).unwrap();
            file.sync_data().unwrap();
            disk.sync_dir(Path::new("d")).unwrap();
            file.write_all_at(&[IoSlice::new(&[2; 2000])], 0).unwrap();
            disk.open(Path::new("d/g"), OpenMode::New).unwrap();
            assert_eq!(read(&disk.fork(), "d/f").unwrap(), [2; 2000]);
            let after = disk.crash(Crash::PowerCut, &SeededRng::new(seed));
            let content = read(&after, "d/f").unwrap();
            assert!(content.chunks(SECTOR).all(|sector| sector.iter().all(|b| *b == sector[0])));
            torn += usize::from(content.contains(&1) && content.contains(&2));
            assert!(file.sync_data().is_err());
        }
        assert!(torn > 10);
    }

    #[test]
    fn a_failed_sync_saves_nothing_and_never_will() {
        let disk = SimDisk::default();
        let file = disk.open(Path::new("f"), OpenMode::New).unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        disk.fail_at(4, Injected::Broken);
        file.write_all_at(&[IoSlice::new(b"abc")], 0).unwrap();
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(disk.failure().unwrap().operation, "sync");
        let after = disk.crash(Crash::PowerCut, &SeededRng::new(1));
        assert_eq!(read(&after, "f").unwrap(), b"");
    }
}
