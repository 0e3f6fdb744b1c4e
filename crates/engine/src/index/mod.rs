//! The checkpointed index: a B-tree that persists atomically together with the log position it has applied.

mod backend;

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{
    disk::{DiskFile, OpenMode, SharedDisk},
    rng::{Rng, SystemRng},
};
use bytes::Bytes;
use redb::{
    Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    TableError, WriteTransaction,
};

use crate::{
    EngineError, EntryId,
    overlay::{Note, Overlay},
};

const MAIN: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("main");
/// Dead bodies: position → length. Kept until their segment goes, so that no body is counted dead twice.
const RELEASED: TableDefinition<'_, u64, u32> = TableDefinition::new("released");
/// Segment base → (live bytes, dead bytes, bytes punched).
const SEGMENTS: TableDefinition<'_, u64, (u64, u64, u64)> = TableDefinition::new("segments");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The latest note: term, index, bytes.
const NOTE: TableDefinition<'_, (), (u64, u64, &[u8])> = TableDefinition::new("note");

/// Cache while a draft is made, bytes.
const DRAFT_CACHE: usize = 16 << 20;

/// How log and index are laid out. Another layout is refused, never guessed at.
const FORMAT: u64 = 2;

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
    /// The log's own random number, given when the database was made.
    pub(crate) log: u64,
    /// The last entry below the position; entry 0 is the making of the database.
    pub(crate) entry: EntryId,
    /// Up to where the log may be given back although other copies may ask for it.
    pub(crate) cut: Cut,
}

/// Where the log that other copies can still be given begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The last entry that is cut off.
    pub(crate) entry: EntryId,
    /// Where the next one lies.
    pub(crate) position: u64,
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
    db: Database,
}

/// A consistent reader of one checkpoint.
pub(crate) struct Snapshot {
    main: ReadOnlyTable<&'static [u8], &'static [u8]>,
    released: ReadOnlyTable<u64, u32>,
    path: PathBuf,
    tx: ReadTransaction,
}

impl Index {
    /// Opens or makes the index file. A new one gets a new log's number, whose log must be empty.
    pub(crate) fn open(disk: SharedDisk, dir: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        let path = dir.join(NAME);
        let db = match disk.open(&path, OpenMode::Existing) {
            Ok(file) => open_file(file, &path, cache_bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let draft = Self::draft(&disk, dir)?;
                draft.publish(&disk, dir)?;
                draft.db
            }
            Err(error) => return Err(EngineError::io("opening", &path, error)),
        };
        Ok(Self { disk, path, cache_bytes, db })
    }

    /// Opens the file anew, after a write failed for want of space. Snapshots taken before are dead.
    pub(crate) fn reopen(&mut self) -> Result<(), EngineError> {
        // The old handle must let go of the file before the new one reads it.
        let scratch = Database::builder().create_with_backend(redb::backends::InMemoryBackend::new())?;
        drop(std::mem::replace(&mut self.db, scratch));
        let file = self
            .disk
            .open(&self.path, OpenMode::Existing)
            .map_err(|e| EngineError::io("opening", &self.path, e))?;
        self.db = open_file(file, &self.path, self.cache_bytes)?;
        Ok(())
    }

    fn read(&self) -> Result<ReadTransaction, EngineError> {
        Ok(self.db.begin_read()?)
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
        let tx = write(&self.db)?;
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
            meta.insert("term", mark.entry.term)?;
            meta.insert("index", mark.entry.index)?;
            meta.insert("cut term", mark.cut.entry.term)?;
            meta.insert("cut index", mark.cut.entry.index)?;
            meta.insert("cut position", mark.cut.position)?;
            if let Some(Note { entry, bytes }) = &overlay.note {
                tx.open_table(NOTE)?.insert((), (entry.term, entry.index, &bytes[..]))?;
            }
        }
        tx.commit()?;
        Ok(())
    }

    /// A reader of the state as of now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, EngineError> {
        let tx = self.read()?;
        let (main, released) = (tx.open_table(MAIN)?, tx.open_table(RELEASED)?);
        Ok(Snapshot { main, released, path: self.path.clone(), tx })
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

    /// Where the index stands.
    pub(crate) fn mark(&self) -> Result<Mark, EngineError> {
        let meta = self.tx.open_table(META)?;
        let value = |name| Ok::<_, EngineError>(meta.get(name)?.map_or(0, |v| v.value()));
        if value("format")? != FORMAT {
            return Err(EngineError::Corrupt(format!(
                "{} has layout {}, this version reads layout {FORMAT}: move its mail with the version that wrote it",
                self.path.display(),
                value("format")?
            )));
        }
        Ok(Mark {
            position: value("position")?,
            epoch: value("epoch")?,
            log: value("log")?,
            entry: EntryId { term: value("term")?, index: value("index")? },
            cut: Cut {
                entry: EntryId { term: value("cut term")?, index: value("cut index")? },
                position: value("cut position")?,
            },
        })
    }

    /// The latest note.
    pub(crate) fn note(&self) -> Result<Option<Note>, EngineError> {
        let table = self.tx.open_table(NOTE)?;
        Ok(table.get(())?.map(|row| {
            let (term, index, bytes) = row.value();
            Note { entry: EntryId { term, index }, bytes: Bytes::copy_from_slice(bytes) }
        }))
    }

    /// The figures of all segments.
    pub(crate) fn usage(&self) -> Result<BTreeMap<u64, Usage>, EngineError> {
        let table = self.tx.open_table(SEGMENTS)?;
        let mut usage = BTreeMap::new();
        for row in table.iter()? {
            let (base, value) = row?;
            let (live, dead, punched) = value.value();
            usage.insert(base.value(), Usage { live, dead, punched });
        }
        Ok(usage)
    }

    /// All dead bodies: position → length.
    pub(crate) fn all_released(&self) -> Result<redb::Range<'static, u64, u32>, EngineError> {
        Ok(self.released.range::<u64>(..)?)
    }

    pub(crate) fn is_released(&self, position: u64) -> Result<bool, EngineError> {
        Ok(self.released.get(position)?.is_some())
    }
}

fn open_file(file: Arc<dyn DiskFile>, path: &Path, cache_bytes: usize) -> Result<Database, EngineError> {
    let backend = backend::Backend::open(file, path).map_err(redb::Error::Io)?;
    Ok(Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?)
}

/// The name of an index file that is being made.
const DRAFT: &str = "index.new";
/// The name of a whole one.
pub(crate) const NAME: &str = "index.redb";

impl Index {
    /// Makes the file under another name: under its own it is always whole.
    pub(crate) fn draft(disk: &SharedDisk, dir: &Path) -> Result<Self, EngineError> {
        let (draft, path) = (dir.join(DRAFT), dir.join(NAME));
        let failed = |error| EngineError::io("making", &path, error);
        match disk.remove(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = disk.open(&draft, OpenMode::New).map_err(failed)?;
        let db = open_file(file, &path, DRAFT_CACHE)?;
        let mut number = [0; 8];
        SystemRng.fill(&mut number);
        let tx = write(&db)?;
        tx.open_table(MAIN)?;
        tx.open_table(RELEASED)?;
        tx.open_table(SEGMENTS)?;
        tx.open_table(NOTE)?;
        let mut meta = tx.open_table(META)?;
        meta.insert("log", u64::from_le_bytes(number))?;
        meta.insert("format", FORMAT)?;
        drop(meta);
        tx.commit()?;
        Ok(Self { disk: disk.clone(), path, cache_bytes: DRAFT_CACHE, db })
    }

    /// Gives a draft its name.
    pub(crate) fn publish(&self, disk: &SharedDisk, dir: &Path) -> Result<(), EngineError> {
        let failed = |error| EngineError::io("making", &self.path, error);
        disk.rename(&dir.join(DRAFT), &self.path).map_err(failed)?;
        disk.sync_dir(dir).map_err(failed)
    }
}

fn write(db: &Database) -> Result<WriteTransaction, EngineError> {
    let mut tx = db.begin_write()?;
    tx.set_durability(Durability::Immediate).map_err(|e| EngineError::Index(e.to_string()))?;
    tx.set_quick_repair(true);
    Ok(tx)
}

/// The index engine's errors: a full disk and damage are told apart, all else dismounts.
impl From<redb::Error> for EngineError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
                Self::Corrupt(source.to_string())
            }
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
from_index!(redb::DatabaseError, redb::TransactionError, TableError, redb::StorageError, redb::CommitError);
