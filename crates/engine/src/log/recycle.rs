//! The next segment, made ready before the writer needs it: zero-filled by a background thread, or a
//! former segment that nothing needs any more.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};
use parking_lot::{Condvar, Mutex};

use crate::EngineError;

/// Former segments kept for reuse; more are removed.
const KEEP: usize = 2;
/// Bytes filled between two syncs: so few that commits do not wait long behind one.
const FILL_CHUNK: usize = 1 << 20;

/// A file ready to become a segment.
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) len: u64,
}

#[derive(Default)]
struct Stock {
    ready: VecDeque<Spare>,
    /// The length somebody waits for, bytes.
    wanted: Option<u64>,
    /// Why the last attempt failed.
    failed: Option<io::Error>,
    stop: bool,
    next_name: u64,
}

/// The spare segments of one log.
pub(crate) struct Spares {
    disk: SharedDisk,
    dir: PathBuf,
    stock: Mutex<Stock>,
    changed: Condvar,
}

impl Spares {
    /// Starts with none; spares left by a former run are removed.
    pub(crate) fn open(disk: SharedDisk, dir: &Path) -> Result<Self, EngineError> {
        for name in disk.list(dir).map_err(|e| EngineError::io("listing", dir, e))? {
            if name.to_str().is_some_and(|name| name.starts_with("spare-")) {
                let path = dir.join(name);
                disk.remove(&path).map_err(|e| EngineError::io("removing", &path, e))?;
            }
        }
        Ok(Self { disk, dir: dir.into(), stock: Mutex::default(), changed: Condvar::new() })
    }

    /// Asks for a spare of at least this length, without waiting.
    pub(crate) fn want(&self, len: u64) {
        let mut stock = self.stock.lock();
        if stock.ready.is_empty() && stock.wanted.is_none() {
            stock.wanted = Some(len);
            self.changed.notify_all();
        }
    }

    /// Takes a spare of at least this length; waits for one in the making. Every call is a new attempt, so
    /// that writing goes on when space has returned.
    pub(crate) fn take(&self, len: u64) -> io::Result<Spare> {
        let mut stock = self.stock.lock();
        stock.failed = None;
        loop {
            let long_enough = stock.ready.iter().position(|spare| spare.len >= len);
            if let Some(spare) = long_enough.and_then(|at| stock.ready.remove(at)) {
                return Ok(spare);
            }
            if let Some(error) = stock.failed.take() {
                return Err(error);
            }
            if stock.stop {
                return Err(io::Error::other("the database is closing"));
            }
            stock.wanted = Some(stock.wanted.map_or(len, |wanted| wanted.max(len)));
            self.changed.notify_all();
            self.changed.wait(&mut stock);
        }
    }

    /// A path for a segment that may be reused, or `None` when there are enough.
    pub(crate) fn room(&self) -> Option<PathBuf> {
        let mut stock = self.stock.lock();
        (stock.ready.len() < KEEP).then(|| self.name(&mut stock))
    }

    /// Takes in a former segment.
    pub(crate) fn give(&self, spare: Spare) {
        self.stock.lock().ready.push_back(spare);
        self.changed.notify_all();
    }

    /// Spares on disk.
    pub(crate) fn count(&self) -> u64 {
        self.stock.lock().ready.len() as u64
    }

    /// Ends [`Spares::run`].
    pub(crate) fn stop(&self) {
        self.stock.lock().stop = true;
        self.changed.notify_all();
    }

    /// The background thread: fills what is wanted until told to stop.
    pub(crate) fn run(&self) {
        let mut stock = self.stock.lock();
        while !stock.stop {
            let Some(len) = stock.wanted else {
                self.changed.wait(&mut stock);
                continue;
            };
            let path = self.name(&mut stock);
            let made = parking_lot::MutexGuard::unlocked(&mut stock, || self.fill(path, len));
            stock.wanted = stock.wanted.filter(|wanted| *wanted > len);
            match made {
                Ok(spare) => stock.ready.push_back(spare),
                Err(error) => {
                    tracing::warn!(%error, "no space could be prepared for the log");
                    stock.wanted = None;
                    stock.failed = Some(error);
                }
            }
            self.changed.notify_all();
        }
    }

    fn name(&self, stock: &mut Stock) -> PathBuf {
        stock.next_name += 1;
        self.dir.join(format!("spare-{}.log", stock.next_name))
    }

    fn fill(&self, path: PathBuf, len: u64) -> io::Result<Spare> {
        match fill(&self.disk, &path, len) {
            Ok(file) => Ok(Spare { path, file, len }),
            Err(error) => {
                // What was reserved so far must not stay behind; it may not even exist.
                let _ = self.disk.remove(&path);
                Err(error)
            }
        }
    }
}

/// Makes a file of zeros whose blocks are all allocated and written, so that later writes change no
/// metadata and need no space.
pub(crate) fn fill(disk: &SharedDisk, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.open(path, OpenMode::New)?;
    file.preallocate(len)?;
    let zeros = vec![0; FILL_CHUNK];
    let mut at = 0;
    while at < len {
        let chunk = (len - at).min(FILL_CHUNK as u64);
        file.write_all_at(&[IoSlice::new(&zeros[..chunk as usize])], at)?;
        at += chunk;
        file.sync_data()?;
    }
    Ok(file)
}
