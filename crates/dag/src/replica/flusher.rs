//! Makes what was added to a log durable, for many who wait at a time.

use std::{io, sync::Arc, time::Duration};

use engine::EngineError;
use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{log::failed, types::Types};

/// How often an idle log's thread looks whether it is still wanted.
const IDLE: Duration = Duration::from_secs(1);
/// How long a full disk is given.
const FULL: Duration = Duration::from_millis(500);

/// Where blocking work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// On threads of their own.
    Threads,
    /// Where it comes up: a simulation has one thread.
    InLine,
}

type Flush = Box<dyn Fn() -> Result<(), EngineError> + Send + Sync>;

/// Flushes a log.
pub(crate) struct Flusher {
    work: Work,
    flush: Flush,
    waiting: Mutex<Vec<IOFlushed<Types>>>,
    bell: Notify,
}

impl Flusher {
    /// A flusher of one log. With [`Work::Threads`] a thread works until it is dropped.
    pub(crate) fn new(
        work: Work,
        flush: impl Fn() -> Result<(), EngineError> + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let (waiting, bell) = Default::default();
        let flusher = Arc::new(Self { work, flush: Box::new(flush), waiting, bell });
        if work == Work::Threads {
            let (flusher, runtime) = (Arc::downgrade(&flusher), tokio::runtime::Handle::current());
            std::thread::Builder::new().name("copy log".into()).spawn(move || {
                let _context = runtime.enter();
                while let Some(flusher) = flusher.upgrade() {
                    // An idle copy looks now and then whether it is still wanted.
                    let rung = tokio::time::timeout(IDLE, flusher.bell.notified());
                    let _ = runtime.block_on(rung);
                    flusher.flush();
                }
            })?;
        }
        Ok(flusher)
    }

    /// Has all that was added up to now made durable; the callback hears of it.
    pub(crate) fn ask(self: &Arc<Self>, callback: IOFlushed<Types>) {
        self.waiting.lock().push(callback);
        match self.work {
            Work::InLine => self.flush(),
            Work::Threads => self.bell.notify_one(),
        }
    }

    /// Does other work that waits for the disk.
    pub(crate) async fn blocking(
        &self,
        work: impl FnOnce() -> Result<(), EngineError> + Send + 'static,
    ) -> io::Result<()> {
        let done = match self.work {
            Work::InLine => work(),
            Work::Threads => tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?,
        };
        done.map_err(failed)
    }

    /// Flushes for all who wait. A full disk is tried again later: what was accepted is not given up.
    fn flush(self: &Arc<Self>) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return;
        }
        match (self.flush)() {
            Ok(()) => waiting.into_iter().for_each(|callback| callback.io_completed(Ok(()))),
            Err(EngineError::Full(dir)) => {
                tracing::error!(dir = %dir.display(), "the volume is full: this copy takes nothing more");
                self.waiting.lock().splice(0..0, waiting);
                let flusher = Arc::downgrade(self);
                tokio::spawn(async move {
                    tokio::time::sleep(FULL).await;
                    match flusher.upgrade() {
                        Some(flusher) if flusher.work == Work::InLine => flusher.flush(),
                        Some(flusher) => flusher.bell.notify_one(),
                        None => {}
                    }
                });
            }
            Err(error) => {
                let error = error.to_string();
                waiting
                    .into_iter()
                    .for_each(|callback| callback.io_completed(Err(io::Error::other(error.clone()))));
            }
        }
    }
}
