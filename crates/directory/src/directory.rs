//! The open directory: a view to read, one writer that checks and persists, and what is applied made visible.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use base::{Fault, FaultKind, Rng, clock::SharedClock};
use engine::{Database, EngineError, Followed, Txn};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    codec::{self, Containers},
    draft::Draft,
    error::DirectoryError,
    view::View,
};

/// Most transactions made durable together.
const BATCH_MAX: usize = 256;
/// Most transactions waiting for the writer; more wait before they are queued.
const QUEUE_MAX: usize = 1024;
/// While nobody decides about changes (the server that did so is lost), they are tried again this often, and so
/// many times.
const UNDECIDED: (Duration, u32) = (Duration::from_millis(200), 50);

/// How a directory is opened.
#[derive(Clone)]
pub struct Options {
    /// Where its records are.
    pub engine: engine::Options,
    /// Where its GUIDs come from.
    pub rng: Arc<dyn Rng>,
}

/// An open directory; clones share it.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Box<dyn Job>>,
}

struct Shared {
    view: ArcSwap<View>,
    changes: watch::Sender<u64>,
    database: Database,
    followed: Followed,
    /// Other copies may know more.
    behind: AtomicBool,
    /// Held by whoever brings the view up to what was applied.
    publishing: Mutex<Containers>,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
}

/// A transaction that waits for the writer.
trait Job: Send {
    /// Runs; answers at once where it fails, else hands back what to call once it is durable.
    fn run(self: Box<Self>, draft: &mut Draft<'_>) -> Option<Answer>;
    /// It was not run, and will not be.
    fn refuse(self: Box<Self>, fault: Fault);
}

type Answer = Box<dyn FnOnce(Result<(), Fault>) + Send>;

struct Transaction<F, R> {
    run: F,
    answer: oneshot::Sender<Result<R, Fault>>,
}

impl<F, R> Job for Transaction<F, R>
where
    R: Send + 'static,
    F: FnOnce(&mut Draft<'_>) -> Result<R, DirectoryError> + Send + 'static,
{
    fn run(self: Box<Self>, draft: &mut Draft<'_>) -> Option<Answer> {
        let Self { run, answer } = *self;
        // Whoever asked may be gone.
        match catch_unwind(AssertUnwindSafe(|| run(draft))) {
            Ok(Ok(result)) => Some(Box::new(move |durable| _ = answer.send(durable.map(|()| result)))),
            Ok(Err(error)) => {
                let _ = answer.send(Err(error.into()));
                None
            }
            Err(_) => {
                tracing::error!("a directory transaction panicked; it left no trace");
                let _ = answer.send(Err(Fault::new(
                    FaultKind::Internal,
                    "InternalError",
                    "An internal error occurred; the server's log says more.",
                )));
                None
            }
        }
    }

    fn refuse(self: Box<Self>, fault: Fault) {
        let _ = self.answer.send(Err(fault));
    }
}

impl Directory {
    /// Opens or makes the directory in the engine's folder and reads it into memory.
    pub fn open(options: Options) -> Result<Self, DirectoryError> {
        let clock = options.engine.clock.clone();
        Self::over(Database::open(options.engine)?, clock, options.rng)
    }

    /// The directory in a database, which may be one of several copies. Nothing may be committed before this
    /// returns.
    pub fn over(database: Database, clock: SharedClock, rng: Arc<dyn Rng>) -> Result<Self, DirectoryError> {
        let view = codec::load(&database)?;
        let followed = database.follow();
        tracing::info!(objects = view.len(), change = view.change(), "directory opened");
        let (changes, _) = watch::channel(view.change());
        let (view, publishing) = (ArcSwap::from_pointee(view), Mutex::default());
        let behind = AtomicBool::default();
        let shared = Arc::new(Shared { view, changes, database, followed, behind, publishing, clock, rng });
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        let writer = shared.clone();
        std::thread::Builder::new()
            .name("directory".into())
            .spawn(move || writer.run(queue))
            .map_err(|error| EngineError::Io { context: "starting a thread".into(), source: error })?;
        Ok(Directory { shared, jobs })
    }

    /// The directory as it is now. Cheap; hold it as long as one answer needs to be consistent.
    pub fn snapshot(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    /// Whether this copy is known to be as far as the others were when it started. Until then what it lacks may exist.
    pub fn is_current(&self) -> bool {
        !self.shared.behind.load(Ordering::Acquire)
    }

    /// Says whether other copies may know more.
    pub fn set_behind(&self, behind: bool) {
        self.shared.behind.store(behind, Ordering::Release);
    }

    /// Runs `f` in the writer, one transaction after the other; resolves when its changes are durable and
    /// visible. An error from `f` leaves no trace. Work goes on even if the future is dropped.
    pub async fn commit<R, F>(&self, f: F) -> Result<R, Fault>
    where
        R: Send + 'static,
        F: FnOnce(&mut Draft<'_>) -> Result<R, DirectoryError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let closed = || Fault::from(DirectoryError::Closed);
        self.jobs.send(Box::new(Transaction { run: f, answer })).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Wakes at every change; holds the newest change number.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Makes visible what other servers change, for as long as this is awaited.
    pub async fn follow(&self) {
        loop {
            self.shared.followed.more().await;
            self.shared.publish();
        }
    }

    /// Finishes what is queued and releases the folder; later commits fail.
    pub fn close(&self) -> Result<(), DirectoryError> {
        Ok(self.shared.database.close()?)
    }
}

impl Shared {
    /// The writer: takes what waits, makes it durable together, publishes, answers.
    fn run(self: &Arc<Self>, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = queue.blocking_recv() {
            let more = std::iter::from_fn(|| queue.try_recv().ok());
            let jobs: Vec<_> = std::iter::once(first).chain(more.take(BATCH_MAX - 1)).collect();
            self.settle(jobs);
        }
    }

    /// Runs jobs in one transaction of the database and answers them. They are run once: what the database did
    /// not take up is given to it again for a while.
    fn settle(self: &Arc<Self>, jobs: Vec<Box<dyn Job>>) {
        let waiting = Arc::new(Mutex::new(jobs));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let mut tried = 0;
        let outcome = loop {
            let (shared, jobs, done) = (self.clone(), waiting.clone(), answers.clone());
            let commit = self.database.commit(move |txn| {
                let jobs = std::mem::take(&mut *jobs.lock());
                shared.transact(txn, jobs, &mut done.lock())
            });
            match commit.wait() {
                Err(EngineError::Passive(_)) if tried < UNDECIDED.1 && !waiting.lock().is_empty() => {
                    tried += 1;
                    std::thread::sleep(UNDECIDED.0);
                }
                Err(error) => break Err(DirectoryError::from(error)),
                Ok(done) => break done,
            }
        };
        self.publish();
        let outcome: Result<(), Fault> = outcome.map_err(Fault::from);
        if let Err(fault) = &outcome {
            std::mem::take(&mut *waiting.lock()).into_iter().for_each(|job| job.refuse(fault.clone()));
        }
        std::mem::take(&mut *answers.lock()).into_iter().for_each(|answer: Answer| answer(outcome.clone()));
    }

    fn transact(
        &self,
        txn: &mut Txn<'_>,
        jobs: Vec<Box<dyn Job>>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), DirectoryError> {
        // The state stands still while a transaction runs: this is all of it.
        let mut view = View::clone(&self.publish());
        let mut records = Vec::new();
        for job in jobs {
            let mut draft = Draft::new(view.clone(), self.clock.now(), &*self.rng);
            if let Some(answer) = job.run(&mut draft) {
                let (next, changed) = draft.finish();
                view = next;
                records.extend(changed);
                answers.push(answer);
            }
        }
        if records.is_empty() { Ok(()) } else { codec::write(txn, &records, view.change()) }
    }

    /// Brings the view up to what was applied, and gives it.
    fn publish(&self) -> Arc<View> {
        let mut containers = self.publishing.lock();
        let changes = self.followed.take();
        if !changes.is_empty() {
            let mut view = View::clone(&self.view.load());
            codec::follow(&mut view, changes, &mut containers);
            let change = view.change();
            self.view.store(Arc::new(view));
            self.changes.send_replace(change);
        }
        self.view.load_full()
    }
}
