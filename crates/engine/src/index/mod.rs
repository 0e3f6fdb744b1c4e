//! The checkpointed index: a B-tree that persists atomically together with the log position it has applied.

mod backend;

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::{Path, PathBuf},
};

use base::disk::{OpenMode, SharedDisk};
use bytes::Bytes;
use redb::{
    Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};

use crate::{EngineError, overlay::Overlay};

const MAIN: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("main");
/// Dead bodies: position → length. Kept until their segment goes, so that no body is counted dead twice.
const RELEASED: TableDefinition<'_, u64, u32> = TableDefinition::new("released");
/// Segment base → (live bytes, dead bytes, bytes punched).
const SEGMENTS: TableDefinition<'_, u64, (u64, u64, u64)> = TableDefinition::new("segments");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// How much of a segment is used by bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes of bodies that something refers to.
    pub(crate) live: u64,
    /// Bytes of released bodies.
    pub(crate) dead: u64,
    /// Of the dead, bytes given back to the file system.
    pub(crate) punched: u64,
}

/// Where the index stands in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Every record below this log position is in the index.
    pub(crate) position: u64,
    /// The log's epoch when the checkpoint was taken.
    pub(crate) epoch: u64,
}

/// What a checkpoint changes beside the callers' keys.
#[derive(Default)]
pub(crate) struct SpaceChanges {
    /// New figures of segments.
    pub(crate) usage: BTreeMap<u64, Usage>,
    /// Segments that are gone: base and end.
    pub(crate) retired: Vec<(u64, u64)>,
}

impl SpaceChanges {
    pub(crate) fn is_empty(&self) -> bool {
        self.usage.is_empty() && self.retired.is_empty()
    }
}

/// The open index.
pub(crate) struct Index {
    disk: SharedDisk,
    path: PathBuf,
    cache_bytes: usize,
    db: redb::Database,
}

/// A consistent reader of one checkpoint.
pub(crate) struct Snapshot {
    main: ReadOnlyTable<&'static [u8], &'static [u8]>,
    released: ReadOnlyTable<u64, u32>,
}

impl Index {
    /// Opens or makes the index file.
    pub(crate) fn open(disk: SharedDisk, path: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        let db = open_file(&disk, path, cache_bytes)?;
        let index = Self { disk, path: path.into(), cache_bytes, db };
        if index.read()?.open_table(META).is_err() {
            let tx = index.write()?;
            create_tables(&tx)?;
            tx.commit()?;
        }
        Ok(index)
    }

    /// Opens the file anew, after a write failed for want of space. Snapshots taken before are dead.
    pub(crate) fn reopen(&mut self) -> Result<(), EngineError> {
        // The old handle must let go of the file before the new one reads it.
        let scratch = redb::Database::builder().create_with_backend(redb::backends::InMemoryBackend::new())?;
        drop(std::mem::replace(&mut self.db, scratch));
        self.db = open_file(&self.disk, &self.path, self.cache_bytes)?;
        Ok(())
    }

    fn read(&self) -> Result<ReadTransaction, EngineError> {
        Ok(self.db.begin_read()?)
    }

    fn write(&self) -> Result<WriteTransaction, EngineError> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate).map_err(|e| EngineError::Index(e.to_string()))?;
        tx.set_quick_repair(true);
        Ok(tx)
    }

    /// Where the index stands.
    pub(crate) fn mark(&self) -> Result<Mark, EngineError> {
        let meta = self.read()?.open_table(META)?;
        let value = |name| Ok::<_, EngineError>(meta.get(name)?.map_or(0, |v| v.value()));
        Ok(Mark { position: value("position")?, epoch: value("epoch")? })
    }

    /// The figures of all segments.
    pub(crate) fn usage(&self) -> Result<BTreeMap<u64, Usage>, EngineError> {
        let table = self.read()?.open_table(SEGMENTS)?;
        let mut usage = BTreeMap::new();
        for row in table.iter()? {
            let (base, value) = row?;
            let (live, dead, punched) = value.value();
            usage.insert(base.value(), Usage { live, dead, punched });
        }
        Ok(usage)
    }

    /// The dead bodies between two log positions.
    pub(crate) fn released(&self, from: u64, to: u64) -> Result<Vec<(u64, u32)>, EngineError> {
        let table = self.read()?.open_table(RELEASED)?;
        let mut bodies = Vec::new();
        for row in table.range(from..to)? {
            let (position, len) = row?;
            bodies.push((position.value(), len.value()));
        }
        Ok(bodies)
    }

    /// Writes an overlay and the position it reaches, durably, all or nothing.
    pub(crate) fn checkpoint(
        &self,
        overlay: &Overlay,
        mark: Mark,
        space: &SpaceChanges,
    ) -> Result<(), EngineError> {
        let tx = self.write()?;
        {
            let mut main = tx.open_table(MAIN)?;
            for (key, value) in &overlay.map {
                match value {
                    Some(value) => _ = main.insert(&key[..], &value[..])?,
                    None => _ = main.remove(&key[..])?,
                }
            }
            let mut released = tx.open_table(RELEASED)?;
            for (position, len) in &overlay.released {
                released.insert(position, len)?;
            }
            let mut segments = tx.open_table(SEGMENTS)?;
            for (base, usage) in &space.usage {
                segments.insert(base, (usage.live, usage.dead, usage.punched))?;
            }
            for (base, end) in &space.retired {
                segments.remove(base)?;
                released.retain_in(*base..*end, |_, _| false)?;
            }
            let mut meta = tx.open_table(META)?;
            meta.insert("position", mark.position)?;
            meta.insert("epoch", mark.epoch)?;
        }
        tx.commit()?;
        Ok(())
    }

    /// A reader of the state as of now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, EngineError> {
        let tx = self.read()?;
        Ok(Snapshot { main: tx.open_table(MAIN)?, released: tx.open_table(RELEASED)? })
    }
}

/// An entry of the index, held by the page it lies on.
pub(crate) type Entry =
    (redb::AccessGuard<'static, &'static [u8]>, redb::AccessGuard<'static, &'static [u8]>);

impl Snapshot {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.main.get(key)?.map(|value| Bytes::copy_from_slice(value.value())))
    }

    pub(crate) fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<redb::Range<'static, &'static [u8], &'static [u8]>, EngineError> {
        Ok(self.main.range::<&[u8]>((from, to))?)
    }

    pub(crate) fn is_released(&self, position: u64) -> Result<bool, EngineError> {
        Ok(self.released.get(position)?.is_some())
    }
}

fn open_file(disk: &SharedDisk, path: &Path, cache_bytes: usize) -> Result<redb::Database, EngineError> {
    let file =
        disk.open(path, OpenMode::OpenOrCreate).map_err(|e| EngineError::io("opening the index", path, e))?;
    Ok(redb::Database::builder().set_cache_size(cache_bytes).create_with_backend(backend::Backend(file))?)
}

fn create_tables(tx: &WriteTransaction) -> Result<(), EngineError> {
    tx.open_table(MAIN)?;
    tx.open_table(RELEASED)?;
    tx.open_table(SEGMENTS)?;
    tx.open_table(META)?;
    Ok(())
}

/// The index engine's errors: a full disk is told apart, all else dismounts.
impl From<redb::Error> for EngineError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(source) => Self::Io { context: "the index".into(), source },
            other => Self::Index(other.to_string()),
        }
    }
}

macro_rules! from_index {
    ($($error:ty),*) => {$(
        impl From<$error> for EngineError {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
from_index!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);
