//! The commit path: run → append → durable → applied → acknowledged.
//!
//! One thread per database runs the closures in order, gathers them into batches, and takes each batch
//! through those steps. What is appended is plain bytes (bodies and a write set) and what is applied is
//! exactly that, so that "durable" can come to mean "on a majority of copies" without touching the rest.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, mpsc::Receiver},
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use crate::{
    EngineError, Txn,
    core::Core,
    log::{record::Sealed, writer::Writer},
    overlay::Overlay,
    state::State,
};

/// A batch ends when it has this many bytes of records or jobs, whichever comes first.
const BATCH_BYTES: u64 = 8 << 20;
const BATCH_JOBS: usize = 1024;

/// The answer to a commit: resolves when the transaction is durable and visible.
///
/// The outer error is the engine's; the inner one the closure's own, in which case nothing was written.
pub struct Commit<R, E>(oneshot::Receiver<Answer<R, E>>);

type Answer<R, E> = Result<Result<R, E>, EngineError>;

fn closed() -> EngineError {
    EngineError::Dismounted("closed".into())
}

impl<R, E> Commit<R, E> {
    /// Waits on a thread that may block (never inside a commit or a view).
    pub fn wait(self) -> Result<Result<R, E>, EngineError> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(closed()))
    }
}

impl<R, E> Future for Commit<R, E> {
    type Output = Result<Result<R, E>, EngineError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or_else(|_| Err(closed())))
    }
}

/// A queued closure and whoever waits for its answer.
pub(crate) trait Job: Send {
    /// Runs the closure; true when its writes are to be kept.
    fn run(&mut self, txn: &mut Txn<'_>) -> bool;
    /// Answers with what the closure returned, or with the engine's error.
    fn answer(self: Box<Self>, outcome: Result<(), EngineError>);
}

struct Call<F, R, E> {
    closure: Option<F>,
    result: Option<Result<R, E>>,
    sender: oneshot::Sender<Answer<R, E>>,
}

/// Makes a job of a closure.
pub(crate) fn job<R, E, F>(closure: F) -> (Box<dyn Job>, Commit<R, E>)
where
    F: FnOnce(&mut Txn<'_>) -> Result<R, E> + Send + 'static,
    R: Send + 'static,
    E: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    (Box::new(Call { closure: Some(closure), result: None, sender }), Commit(receiver))
}

impl<F, R, E> Job for Call<F, R, E>
where
    F: FnOnce(&mut Txn<'_>) -> Result<R, E> + Send,
    R: Send,
    E: Send,
{
    fn run(&mut self, txn: &mut Txn<'_>) -> bool {
        self.result = self.closure.take().map(|closure| closure(txn));
        matches!(self.result, Some(Ok(_)))
    }
    fn answer(self: Box<Self>, outcome: Result<(), EngineError>) {
        let answer = match (outcome, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => Err(EngineError::Panicked),
            (Err(error), _) => Err(error),
        };
        // Nobody may be waiting any more.
        let _ = self.sender.send(answer);
    }
}

/// Jobs that share one append.
#[derive(Default)]
struct Batch {
    records: Vec<Sealed>,
    jobs: Vec<Ran>,
}

struct Ran {
    job: Box<dyn Job>,
    /// The log must be durable up to here before the answer: the closure may have seen all of it.
    needs: u64,
    refused: Option<EngineError>,
}

/// The writer thread.
pub(crate) struct Committer {
    pub(crate) core: Arc<Core>,
    pub(crate) log: Writer,
    pub(crate) queue: Receiver<Box<dyn Job>>,
}

impl Committer {
    /// Serves the queue until its senders are gone.
    pub(crate) fn run(mut self) {
        let mut pending = Overlay::default();
        while let Ok(first) = self.queue.recv() {
            if let Err(error) = self.core.admit() {
                first.answer(Err(error));
                continue;
            }
            let core = self.core.clone();
            let batch = core.state.read(|state| self.gather(state, first, &mut pending));
            pending.clear();
            let outcome = self.log.append(&batch.records);
            self.finish(batch, outcome);
        }
    }

    fn gather(&self, state: &State, first: Box<dyn Job>, pending: &mut Overlay) -> Batch {
        let mut batch = Batch::default();
        let mut end = self.log.end;
        let mut next = Some(first);
        while let Some(job) = next.take() {
            end = self.execute(state, job, pending, end, &mut batch);
            if batch.jobs.len() < BATCH_JOBS && end - self.log.end < BATCH_BYTES {
                next = self.queue.try_recv().ok();
            }
        }
        batch
    }

    /// Runs one job against everything before it and returns where the log then ends.
    fn execute(
        &self,
        state: &State,
        mut job: Box<dyn Job>,
        pending: &mut Overlay,
        end: u64,
        batch: &mut Batch,
    ) -> u64 {
        let mut txn = Txn::new(state, pending, end);
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut txn)));
        let len = txn.record_len();
        let refused = match ran {
            Ok(_) if len > self.log.segment_bytes => Some(EngineError::TooLarge(len)),
            Ok(_) => None,
            Err(_) => Some(EngineError::Panicked),
        };
        let mut needs = end;
        if refused.is_none() && matches!(ran, Ok(true)) {
            let draft = txn.keep();
            if !draft.is_empty() {
                let record = draft.seal();
                needs = record.end();
                batch.records.push(record);
            }
        } else {
            txn.undo();
        }
        batch.jobs.push(Ran { job, needs, refused });
        needs
    }

    fn finish(&mut self, batch: Batch, outcome: Result<(), EngineError>) {
        let durable = self.log.end;
        let outcome = match outcome {
            Err(error) if !matches!(error, EngineError::Full(_)) => {
                self.core.dismount(&error);
                Err(error)
            }
            other => self.core.apply(&batch.records, durable, self.log.written).and(other),
        };
        let fatal = outcome.as_ref().is_err_and(|error| !matches!(error, EngineError::Full(_)));
        for Ran { job, needs, refused } in batch.jobs {
            job.answer(match (&outcome, refused) {
                (Err(error), _) if fatal || needs > durable => Err(error.again()),
                (_, Some(error)) => Err(error),
                _ => Ok(()),
            });
        }
    }
}
