//! The open directory: a view to read, one writer that checks, persists and publishes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arc_swap::ArcSwap;
use base::{Fault, FaultKind, Rng, clock::SharedClock};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{codec, draft::Draft, error::DirectoryError, view::View};

/// Most transactions made durable together.
const BATCH_MAX: usize = 256;
/// Most transactions waiting for the writer; more wait before they are queued.
const QUEUE_MAX: usize = 1024;

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
    jobs: mpsc::Sender<Job>,
}

struct Shared {
    view: ArcSwap<View>,
    changes: watch::Sender<u64>,
    database: engine::Database,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
}

/// Runs in the writer; answers at once where it fails, else hands back what to call once it is durable.
type Job = Box<dyn FnOnce(&mut Draft<'_>) -> Option<Answer> + Send>;
type Answer = Box<dyn FnOnce(Result<(), Fault>) + Send>;

impl Directory {
    /// Opens or makes the directory in the engine's folder and reads it into memory.
    pub fn open(options: Options) -> Result<Self, DirectoryError> {
        let clock = options.engine.clock.clone();
        let database = engine::Database::open(options.engine)?;
        let view = codec::load(&database)?;
        tracing::info!(objects = view.len(), change = view.change(), "directory opened");
        let (changes, _) = watch::channel(view.change());
        let shared = Arc::new(Shared {
            view: ArcSwap::from_pointee(view),
            changes,
            database,
            clock,
            rng: options.rng,
        });
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        let writer = shared.clone();
        std::thread::Builder::new().name("directory".into()).spawn(move || writer.run(queue)).map_err(
            |error| engine::EngineError::Io { context: "starting a thread".into(), source: error },
        )?;
        Ok(Directory { shared, jobs })
    }

    /// The directory as it is now. Cheap; hold it as long as one answer needs to be consistent.
    pub fn snapshot(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    /// Runs `f` in the writer, one transaction after the other; resolves when its changes are durable and
    /// visible. An error from `f` leaves no trace. Work goes on even if the future is dropped.
    pub async fn commit<R, F>(&self, f: F) -> Result<R, Fault>
    where
        R: Send + 'static,
        F: FnOnce(&mut Draft<'_>) -> Result<R, DirectoryError> + Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let job: Job = Box::new(move |draft| match catch_unwind(AssertUnwindSafe(|| f(draft))) {
            Ok(Ok(result)) => Some(Box::new(move |durable| _ = send.send(durable.map(|()| result)))),
            Ok(Err(error)) => {
                let _ = send.send(Err(error.into()));
                None
            }
            Err(_) => {
                tracing::error!("a directory transaction panicked; it left no trace");
                let _ = send.send(Err(Fault::new(
                    FaultKind::Internal,
                    "InternalError",
                    "An internal error occurred; the server's log says more.",
                )));
                None
            }
        });
        let closed = || Fault::from(DirectoryError::Closed);
        self.jobs.send(job).await.map_err(|_| closed())?;
        receive.await.map_err(|_| closed())?
    }

    /// Wakes at every change; holds the newest change number.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    pub(crate) fn database(&self) -> &engine::Database {
        &self.shared.database
    }

    /// Finishes what is queued and releases the folder; later commits fail.
    pub fn close(&self) -> Result<(), DirectoryError> {
        Ok(self.shared.database.close()?)
    }
}

impl Shared {
    /// The writer: takes what waits, makes it durable together, publishes, answers.
    fn run(&self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut view = View::clone(&self.view.load());
            let (mut records, mut answers) = (Vec::new(), Vec::new());
            let more = std::iter::from_fn(|| queue.try_recv().ok());
            for job in std::iter::once(first).chain(more.take(BATCH_MAX - 1)) {
                let mut draft = Draft::new(view.clone(), self.clock.now(), &*self.rng);
                if let Some(answer) = job(&mut draft) {
                    let (next, changed) = draft.finish();
                    view = next;
                    records.extend(changed);
                    answers.push(answer);
                }
            }
            let outcome = self.persist(view, records);
            for answer in answers {
                answer(outcome.clone());
            }
        }
    }

    fn persist(&self, view: View, records: Vec<codec::Record>) -> Result<(), Fault> {
        if records.is_empty() {
            return Ok(());
        }
        let change = view.change();
        let commit = self.database.commit(move |txn| codec::write(txn, &records, change));
        commit.wait().map_err(DirectoryError::from)??;
        self.view.store(Arc::new(view));
        self.changes.send_replace(change);
        Ok(())
    }
}
