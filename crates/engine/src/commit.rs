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
    EngineError, EntryId, Txn,
    core::Core,
    log::{record::Record, writer::Writer},
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
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    jobs: Vec<Ran>,
}

struct Ran {
    job: Box<dyn Job>,
    /// The log must be durable up to here before the answer: the closure may have seen all of it.
    needs: u64,
    refused: Option<EngineError>,
}

impl Batch {
    /// Runs the jobs of the queue, `first` first, against the state and one another. `last` is the entry
    /// before the first record.
    pub(crate) fn gather(
        state: &State,
        segment_bytes: u64,
        last: EntryId,
        first: Box<dyn Job>,
        queue: &Receiver<Box<dyn Job>>,
        pending: &mut Overlay,
    ) -> Self {
        let mut batch = Self::default();
        let begin = state.applied;
        let (mut end, mut next, mut entry) = (begin, Some(first), last);
        while let Some(job) = next.take() {
            end = batch.execute(state, segment_bytes, job, pending, end, &mut entry);
            if batch.jobs.len() < BATCH_JOBS && end - begin < BATCH_BYTES {
                next = queue.try_recv().ok();
            }
        }
        batch
    }

    /// Runs one job against everything before it and returns where the log then ends.
    fn execute(
        &mut self,
        state: &State,
        segment_bytes: u64,
        mut job: Box<dyn Job>,
        pending: &mut Overlay,
        end: u64,
        entry: &mut EntryId,
    ) -> u64 {
        let mut txn = Txn::new(state, pending, end);
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut txn)));
        let len = txn.record_len();
        let refused = match ran {
            Ok(_) if len > segment_bytes => Some(EngineError::TooLarge(len)),
            Ok(_) => None,
            Err(_) => Some(EngineError::Panicked),
        };
        let mut needs = end;
        if refused.is_none() && matches!(ran, Ok(true)) {
            let draft = txn.keep();
            if !draft.is_empty() {
                entry.index += 1;
                let record = draft.seal(*entry);
                needs = record.end();
                self.records.push(record);
            }
        } else {
            txn.undo();
        }
        self.jobs.push(Ran { job, needs, refused });
        needs
    }

    /// Answers everybody, the log being durable up to a position; an error that dismounts is everybody's.
    pub(crate) fn answer(self, durable: u64, outcome: &Result<(), EngineError>) {
        let fatal = outcome.as_ref().is_err_and(EngineError::dismounts);
        for Ran { job, needs, refused } in self.jobs {
            job.answer(match (outcome, refused) {
                (Err(error), _) if fatal || needs > durable => Err(error.again()),
                (_, Some(error)) => Err(error),
                _ => Ok(()),
            });
        }
    }
}

/// The writer thread of a database that has no other copy.
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
            let (len, last, queue) = (self.log.segment_bytes, self.log.last, &self.queue);
            let batch =
                self.core.state.read(|state| Batch::gather(state, len, last, first, queue, &mut pending));
            pending.clear();
            let outcome = self.log.append(&batch.records);
            self.finish(batch, outcome);
        }
    }

    fn finish(&mut self, batch: Batch, outcome: Result<(), EngineError>) {
        let durable = self.log.end;
        let outcome = match outcome {
            Err(error) if error.dismounts() => {
                self.core.dismount(&error);
                Err(error)
            }
            other => self.core.apply(&batch.records, durable, self.log.written).and(other),
        };
        batch.answer(durable, &outcome);
    }
}
