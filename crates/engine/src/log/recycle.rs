//! The next segment, made ready before the writer needs it: zero-filled by a background thread, or a
//! former segment that nothing needs any more.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::EngineError;

/// Full-length spares kept, so that a burst of commits does not share the disk with filling.
const KEEP: usize = 4;
/// With this many at hand filling gives way to commits.
const ENOUGH: usize = 2;
/// Commits that follow one another within this time are a burst.
const LULL: Duration = Duration::from_millis(5);
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
    /// How many are to be ready, and how long, bytes.
    ahead: (usize, u64),
    /// The length somebody waits for, bytes.
    awaited: Option<u64>,
    /// Why the last attempt failed; the next one is made when somebody waits.
    failed: Option<io::Error>,
    stop: bool,
    next_name: u64,
}

impl Stock {
    /// The length of the spare to make next.
    fn next(&self) -> Option<u64> {
        let short = self.failed.is_none() && self.ready.len() < self.ahead.0;
        self.awaited.or(short.then_some(self.ahead.1))
    }
}

/// Who makes spares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    /// A thread in the background, ahead of need.
    Ahead,
    /// Whoever needs one, in line: nothing happens on another thread.
    InLine,
}

/// The spare segments of one log.
pub(crate) struct Spares {
    disk: SharedDisk,
    dir: PathBuf,
    /// Full length of a segment, bytes.
    full: u64,
    filling: Filling,
    stock: Mutex<Stock>,
    changed: Condvar,
    appends: AtomicU64,
}

impl Spares {
    /// Starts with the spares that a former run left; half-made ones are removed.
    pub(crate) fn open(
        disk: SharedDisk,
        dir: &Path,
        full: u64,
        filling: Filling,
    ) -> Result<Self, EngineError> {
        let mut stock = Stock::default();
        for name in disk.list(dir).map_err(|e| EngineError::io("listing", dir, e))? {
            let Some(stem) = name.to_str().and_then(|name| name.strip_prefix("spare-")) else { continue };
            let path = dir.join(&name);
            let number = stem.strip_suffix(".log").and_then(|number| number.parse::<u64>().ok());
            let failed = |error| EngineError::io("taking in", &path, error);
            let file = disk.open(&path, OpenMode::Existing).map_err(failed)?;
            let len = file.len().map_err(failed)?;
            stock.next_name = stock.next_name.max(number.unwrap_or(0));
            if number.is_some() && len == full && stock.ready.len() < KEEP {
                stock.ready.push_back(Spare { path, file, len });
            } else {
                disk.remove(&path).map_err(failed)?;
            }
        }
        Ok(Self {
            disk,
            dir: dir.into(),
            full,
            filling,
            stock: Mutex::new(stock),
            changed: Condvar::new(),
            appends: AtomicU64::new(0),
        })
    }

    /// Says that commits are under way in a segment of length `present`, and has spares of length `next`
    /// made ready without waiting: one while the log is young, then several.
    pub(crate) fn look_ahead(&self, present: u64, next: u64) {
        self.appends.fetch_add(1, Ordering::Relaxed);
        let ahead = (if present == self.full { KEEP } else { 1 }, next);
        let mut stock = self.stock.lock();
        if stock.ahead != ahead || stock.ready.len() < ahead.0 {
            stock.ahead = ahead;
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
            stock.awaited = Some(len);
            match self.filling {
                Filling::Ahead => {
                    self.changed.notify_all();
                    self.changed.wait(&mut stock);
                }
                Filling::InLine => {
                    let path = self.name(&mut stock);
                    let made = MutexGuard::unlocked(&mut stock, || self.make(path, len));
                    stock.awaited = None;
                    return made;
                }
            }
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

    /// The background thread: makes what is short until told to stop.
    pub(crate) fn run(&self) {
        let mut stock = self.stock.lock();
        while !stock.stop {
            let Some(len) = stock.next() else {
                self.changed.wait(&mut stock);
                continue;
            };
            let path = self.name(&mut stock);
            let made = MutexGuard::unlocked(&mut stock, || self.make(path, len));
            stock.awaited = None;
            match made {
                Ok(spare) => {
                    stock.failed = None;
                    stock.ready.push_back(spare);
                }
                Err(_) if stock.stop => {}
                Err(error) => {
                    tracing::warn!(%error, "no space could be prepared for the log");
                    stock.failed = Some(error);
                }
            }
            self.changed.notify_all();
        }
    }

    /// Lets a burst of commits pass if there is time; fails when the log is closing.
    fn give_way(&self) -> io::Result<()> {
        let mut stock = self.stock.lock();
        let mut seen = u64::MAX;
        loop {
            if stock.stop {
                return Err(io::Error::other("the database is closing"));
            }
            let appends = self.appends.load(Ordering::Relaxed);
            if stock.awaited.is_some() || stock.ready.len() < ENOUGH || seen == appends {
                return Ok(());
            }
            seen = appends;
            self.changed.wait_for(&mut stock, LULL);
        }
    }

    fn name(&self, stock: &mut Stock) -> PathBuf {
        stock.next_name += 1;
        self.dir.join(format!("spare-{}.log", stock.next_name))
    }

    fn make(&self, path: PathBuf, len: u64) -> io::Result<Spare> {
        let draft = path.with_extension("new");
        let made = fill(&self.disk, &draft, len, &|| self.give_way());
        match made.and_then(|file| self.disk.rename(&draft, &path).map(|()| file)) {
            Ok(file) => Ok(Spare { path, file, len }),
            Err(error) => {
                // What was reserved so far must not stay behind; it may not even exist.
                let _ = self.disk.remove(&draft);
                Err(error)
            }
        }
    }
}

/// Makes a file of zeros whose blocks are all allocated and written, so that later writes change no
/// metadata and need no space.
pub(crate) fn fill(
    disk: &SharedDisk,
    path: &Path,
    len: u64,
    between: &dyn Fn() -> io::Result<()>,
) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.open(path, OpenMode::New)?;
    match file.preallocate(len) {
        // Filling will find out.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        reserved => reserved?,
    }
    let zeros = vec![0; FILL_CHUNK];
    let mut at = 0;
    while at < len {
        between()?;
        let chunk = (len - at).min(FILL_CHUNK as u64);
        file.write_all_at(&[IoSlice::new(&zeros[..chunk as usize])], at)?;
        at += chunk;
        file.sync_data()?;
    }
    Ok(file)
}
