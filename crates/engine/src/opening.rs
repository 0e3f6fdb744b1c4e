//! Opening a database: the folder's lock, the index, the log from where the index stands.

use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
};

use base::disk::{DiskFile, OpenMode, SharedDisk};
use parking_lot::Mutex;

use crate::{
    EngineError, EntryId, Options,
    checkpoint::{Checkpointer, Request},
    core::{Core, Desk, Figures},
    index::{Index, Mark, SpaceChanges},
    log::{recovery, recycle::Filling, writer::Writer},
    overlay::Overlay,
    replica, space,
    state::{Shared, State},
};

/// Segment files are at least and at most this long, bytes.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=1 << 30;

/// As what a database is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The only copy: all its log holds is committed, and is applied.
    Alone,
    /// One of several: what lies beyond the checkpoint waits for the others' word.
    Copy {
        /// Nothing is done on another thread.
        in_line: bool,
    },
}

/// A database that was opened, its threads not yet started.
pub(crate) struct Opened {
    pub(crate) core: Arc<Core>,
    pub(crate) writer: Writer,
    pub(crate) lock: Arc<dyn DiskFile>,
    /// What the checkpoint thread is to run, if there is to be one.
    pub(crate) requests: Option<(Checkpointer, Receiver<Request>)>,
    pub(crate) replayed: u64,
    /// Where a torn tail was cut off.
    pub(crate) cut: Option<u64>,
    /// The records beyond the checkpoint: entry and position.
    pub(crate) beyond: Vec<(EntryId, u64)>,
}

/// Opens or makes the database in `options.dir`.
pub(crate) fn open(options: Options, kind: Kind) -> Result<Opened, EngineError> {
    let Options { dir, name, segment_bytes, cache_bytes, checkpoint_bytes, disk, clock } = options;
    let began = clock.monotonic();
    let lock = lock(&disk, &dir)?;
    let index = Index::open(disk.clone(), &dir, cache_bytes)?;
    let base = index.snapshot()?;
    let (mark, mut usage, note) = (base.mark()?, base.usage()?, base.note()?);
    let segment_bytes = segment_bytes.clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
    let (mut active, mut beyond) = (Overlay::default(), Vec::new());
    let retracted = replica::retracted(&disk, &dir)?;
    let filling = if matches!(kind, Kind::Copy { in_line: true }) { Filling::InLine } else { Filling::Ahead };
    let recovered = recovery::open(&disk, &dir, segment_bytes, mark, retracted, filling, &mut |found| {
        match kind {
            Kind::Alone => active.apply(found.entry(), &found.bodies, found.writes.clone())?,
            Kind::Copy { .. } => beyond.push((found.entry(), found.position())),
        }
        Ok(())
    })?;
    let log = recovered.writer;
    let mut space = SpaceChanges::default();
    space::settle(&log.segments, &mut usage, &mut space)?;
    let took = clock.monotonic().saturating_sub(began);
    tracing::info!(database = %name, end = log.end, records = recovered.records, ?took, "database opened");
    if let Some(cut) = recovered.cut {
        tracing::warn!(database = %name, position = cut, "the log's torn tail was cut off");
    }
    let alone = matches!(kind, Kind::Alone);
    let state = State {
        note: active.note.clone().or(note),
        active,
        frozen: None,
        base: Some(Arc::new(base)),
        applied: if alone { log.end } else { mark.position },
        entry: if alone { log.last } else { mark.entry },
        checkpoint: mark.position,
        dismounted: None,
        followers: Vec::new(),
    };
    // No record beyond the mark may be of an earlier epoch than it says.
    let epoch = if beyond.is_empty() { log.epoch } else { mark.epoch };
    let checkpointer = Checkpointer { index, usage, space, mark: Mark { epoch, ..mark } };
    let (desk, requests) = match filling {
        Filling::InLine => (Desk::InLine(Mutex::new(checkpointer)), None),
        Filling::Ahead => {
            let (requests, queue) = mpsc::channel();
            (Desk::Thread(requests), Some((checkpointer, queue)))
        }
    };
    let core = Arc::new(Core {
        name,
        dir,
        state: Shared::new(state),
        segments: log.segments.clone(),
        spares: log.spares.clone(),
        segment_bytes,
        checkpoint_bytes,
        figures: Mutex::new(Figures::default()),
        desk,
        cut: Mutex::new((!alone).then_some(mark.cut)),
        requested: false.into(),
        pressure: Mutex::default(),
        relieved: parking_lot::Condvar::new(),
        seeds: Mutex::default(),
    });
    let (replayed, cut) = (recovered.records, recovered.cut);
    Ok(Opened { core, writer: log, lock, requests, replayed, cut, beyond })
}

/// Takes the folder for this process.
fn lock(disk: &SharedDisk, dir: &Path) -> Result<Arc<dyn DiskFile>, EngineError> {
    disk.create_dir_all(dir).map_err(|e| EngineError::io("making", dir, e))?;
    let path = dir.join("lock");
    let lock = disk.open(&path, OpenMode::OpenOrCreate).map_err(|e| EngineError::io("opening", &path, e))?;
    match lock.try_lock() {
        Ok(true) => Ok(lock),
        Ok(false) => Err(EngineError::Locked(dir.into())),
        Err(error) => Err(EngineError::io("locking", &path, error)),
    }
}
