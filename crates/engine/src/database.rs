//! The engine's surface: open, commit, view, close.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use base::{
    clock::SharedClock,
    disk::{DiskFile, SharedDisk},
};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::{
    BodyRef, Commit, EngineError, Txn, View,
    checkpoint::{Checkpointer, Request},
    commit::{self, Committer, Job},
    core::{Core, Desk},
    follow::Followed,
    opening::{self, Kind, Opened},
    state::State,
};

const COMMIT_THREAD: &str = "commit";

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// The database's own folder; made when missing.
    pub dir: PathBuf,
    /// The name for logs and error texts.
    pub name: String,
    /// Length of a log segment, bytes (64 KiB to 1 GiB); also bounds the largest record.
    pub segment_bytes: u64,
    /// Memory the index may use for its cache, bytes.
    pub cache_bytes: usize,
    /// A checkpoint is taken when this much log has been applied since the last one, bytes.
    pub checkpoint_bytes: u64,
    /// The disk seam.
    pub disk: SharedDisk,
    /// The clock seam.
    pub clock: SharedClock,
}

/// How a database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// End of the durable log, bytes since the log began.
    pub durable: u64,
    /// The position the index has persisted.
    pub checkpoint: u64,
    /// Segments on disk, spares included.
    pub segments: u64,
    /// Bytes of segment files in use, holes not subtracted.
    pub log_bytes: u64,
    /// Bytes of bodies that something refers to, as of the last checkpoint.
    pub live_bytes: u64,
    /// Bytes of released bodies in segments still kept, as of the last checkpoint.
    pub dead_bytes: u64,
    /// Of the dead, bytes given back to the file system.
    pub punched_bytes: u64,
    /// Records replayed when the database was opened.
    pub replayed: u64,
    /// Where the torn tail of a crash was cut off at the opening, if there was one.
    pub cut: Option<u64>,
    /// Records written since the opening.
    pub commits: u64,
    /// Device flushes of the log since the opening.
    pub flushes: u64,
    /// Bytes of records written since the opening.
    pub written_bytes: u64,
    /// Checkpoints taken since the opening.
    pub checkpoints: u64,
    /// Why the database is not mounted, if it is not.
    pub dismounted: Option<String>,
}

/// An open database; clones share it. Closed when the last clone is dropped, or by [`Database::close`].
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    queue: RwLock<Option<Sender<Box<dyn Job>>>>,
    /// Rung for every job, where no thread waits on the queue itself.
    bell: Option<Arc<Notify>>,
    threads: Mutex<Option<Threads>>,
    replayed: u64,
    cut: Option<u64>,
}

/// What callers meet: the queue of commits and what serves it.
pub(crate) struct Front {
    pub(crate) queue: Sender<Box<dyn Job>>,
    /// The thread that serves the queue; a copy's is served by its replica.
    pub(crate) committer: Option<JoinHandle<()>>,
    pub(crate) bell: Option<Arc<Notify>>,
    pub(crate) replayed: u64,
    pub(crate) cut: Option<u64>,
}

/// What an open database runs and holds.
struct Threads {
    committer: Option<JoinHandle<()>>,
    /// The checkpointer and whoever fills segments ahead.
    helpers: Vec<JoinHandle<()>>,
    _lock: Arc<dyn DiskFile>,
}

impl Database {
    /// Opens or makes the database in `options.dir`, recovering what the log holds beyond the checkpoint.
    pub fn open(options: Options) -> Result<Self, EngineError> {
        let (queue, jobs) = mpsc::channel();
        let Opened { core, writer: log, lock, requests, replayed, cut, .. } =
            opening::open(options, Kind::Alone)?;
        let committer = Committer { core: core.clone(), log, queue: jobs };
        let committer = Some(spawn(COMMIT_THREAD, move || committer.run())?);
        Self::start(core, lock, requests, Front { queue, committer, bell: None, replayed, cut })
    }

    /// Starts the threads that an open database needs beside what its front brings.
    pub(crate) fn start(
        core: Arc<Core>,
        lock: Arc<dyn DiskFile>,
        requests: Option<(Checkpointer, Receiver<Request>)>,
        front: Front,
    ) -> Result<Self, EngineError> {
        let Front { queue, committer, bell, replayed, cut } = front;
        let mut helpers = Vec::new();
        if let Some((checkpointer, requests)) = requests {
            let (core, spares) = (core.clone(), core.spares.clone());
            helpers.push(spawn("checkpoint", move || checkpointer.run(&core, &requests))?);
            helpers.push(spawn("segments", move || spares.run())?);
        }
        let threads = Threads { committer, helpers, _lock: lock };
        let (queue, threads) = (RwLock::new(Some(queue)), Mutex::new(Some(threads)));
        Ok(Self { inner: Arc::new(Inner { core, queue, bell, threads, replayed, cut }) })
    }

    /// Runs `f` in the writer, in order with all other commits; its writes are atomic. An `Err` from `f`
    /// undoes them. Work goes on even if the returned future is dropped. `f` must be quick and must not
    /// wait for another commit.
    pub fn commit<R, E>(&self, f: impl FnOnce(&mut Txn<'_>) -> Result<R, E> + Send + 'static) -> Commit<R, E>
    where
        R: Send + 'static,
        E: Send + 'static,
    {
        let (job, commit) = commit::job(f);
        if let Some(queue) = &*self.inner.queue.read() {
            // A job that finds nobody is dropped, which answers "closed".
            let _ = queue.send(job);
        }
        if let Some(bell) = &self.inner.bell {
            bell.notify_one();
        }
        commit
    }

    /// Runs `f` on a consistent view of durable state. Keep it short; page through long scans.
    pub fn view<R>(&self, f: impl FnOnce(&View<'_>) -> R) -> R {
        self.inner.core.state.read(|state| f(&View { state }))
    }

    /// Follows what is applied from now on.
    pub fn follow(&self) -> Followed {
        let queue = Arc::default();
        self.inner.core.state.write().followers.push(Arc::downgrade(&queue));
        Followed::of(queue)
    }

    /// Reads a whole body and checks it.
    pub fn read_body(&self, body: &BodyRef) -> Result<Bytes, EngineError> {
        let core = &self.inner.core;
        core.state.read(State::check)?;
        // The segment an empty body was written to may be gone: nothing live was in it.
        if body.len == 0 {
            return Ok(Bytes::new());
        }
        let found =
            core.segments.span(body.position).filter(|s| body.position + u64::from(body.len) <= s.end);
        let read = found.map(|span| {
            let mut buffer = vec![0; body.len as usize];
            core.segments.read(body.position, &mut buffer)?;
            let intact = crc32c::crc32c(&buffer) == body.crc;
            intact.then(|| Bytes::from(buffer)).ok_or_else(|| damaged(&core.segments.path(span.base), body))
        });
        match read {
            Some(Ok(bytes)) => Ok(bytes),
            _ if core.state.read(|state| state.layers(None)?.is_released(body.position))? => {
                Err(EngineError::Gone(body.position))
            }
            Some(Err(error)) => Err(error),
            None => Err(EngineError::Gone(body.position)),
        }
    }

    /// Makes the index durable at the position it has applied, so that recovery starts there.
    pub fn checkpoint(&self) -> Result<(), EngineError> {
        self.inner.core.checkpoint()
    }

    /// How the database stands.
    pub fn status(&self) -> Status {
        let core = &self.inner.core;
        let figures = *core.figures.lock();
        let (durable, checkpoint, dismounted) =
            core.state.read(|state| (state.applied, state.checkpoint, state.dismounted.clone()));
        Status {
            durable,
            checkpoint,
            segments: core.segments.count() + core.spares.count(),
            log_bytes: core.segments.bytes(),
            live_bytes: figures.usage.live,
            dead_bytes: figures.usage.dead,
            punched_bytes: figures.usage.punched,
            replayed: self.inner.replayed,
            cut: self.inner.cut,
            commits: figures.commits,
            flushes: figures.written.flushes,
            written_bytes: figures.written.bytes,
            checkpoints: figures.checkpoints,
            dismounted,
        }
    }

    /// Finishes what is queued, takes a checkpoint and releases the folder. Later commits fail.
    pub fn close(&self) -> Result<(), EngineError> {
        self.inner.close()
    }
}

impl Inner {
    fn close(&self) -> Result<(), EngineError> {
        drop(self.queue.write().take());
        match self.threads.lock().take() {
            Some(threads) => threads.close(&self.core),
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.queue.write().take());
        let Some(threads) = self.threads.lock().take() else { return };
        let core = self.core.clone();
        let close = move || {
            if let Err(error) = threads.close(&core) {
                tracing::warn!(database = %core.name, %error, "the last checkpoint at closing failed");
            }
        };
        // A closure may hold the last handle; the thread that runs it cannot wait for itself.
        if thread::current().name() == Some(COMMIT_THREAD) {
            _ = thread::spawn(close);
        } else {
            close();
        }
    }
}

impl Threads {
    fn close(self, core: &Core) -> Result<(), EngineError> {
        self.committer.into_iter().for_each(join);
        let result = core.checkpoint();
        if let Desk::Thread(requests) = &core.desk {
            // The thread is gone only if it panicked, which the join tells.
            let _ = requests.send(Request::Stop);
        }
        core.spares.stop();
        self.helpers.into_iter().for_each(join);
        let mut state = core.state.write();
        state.base = None;
        state.dismounted.get_or_insert_with(|| "closed".into());
        result
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a database thread panicked");
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, EngineError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|source| EngineError::Io { context: format!("starting the {name} thread"), source })
}

fn damaged(path: &Path, body: &BodyRef) -> EngineError {
    EngineError::Corrupt(format!(
        "the body at log position {} ({} bytes) in {} does not match its checksum; restore it from a backup \
         or another copy",
        body.position,
        body.len,
        path.display()
    ))
}
