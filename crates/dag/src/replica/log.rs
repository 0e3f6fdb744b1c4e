//! The engine's log as openraft's log store.

use std::{
    io,
    ops::{Bound, RangeBounds},
    sync::Arc,
    time::Duration,
};

use engine::{EngineError, Record, Replica};
use openraft::{
    OptionalSend, RaftLogReader,
    impls::{Vote, leader_id_std::LeaderId},
    storage::{IOFlushed, LogState, RaftLogStorage},
    vote::RaftLeaderId,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::types::{Entry, LogId, ServerId, Types, log_id};

/// Records read for one request at most, bytes.
const READ_BYTES: u64 = 4 << 20;

/// How often an idle copy's log thread looks whether it is still wanted.
const IDLE: Duration = Duration::from_secs(1);
/// How long a full disk is given.
const FULL: Duration = Duration::from_millis(500);

/// Where a copy's blocking work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// On threads of their own.
    Threads,
    /// Where it comes up: a simulation has one thread.
    InLine,
}

/// A copy's log, shared by openraft's tasks.
#[derive(Clone)]
pub(crate) struct Log {
    replica: Arc<Replica>,
    flusher: Arc<Flusher>,
    /// The last turn of which a proposal found the log elsewhere: term and number.
    void: Option<(u64, u64)>,
}

/// Makes accepted records durable, many requests at a time.
struct Flusher {
    work: Work,
    waiting: Mutex<Vec<IOFlushed<Types>>>,
    bell: Notify,
}

impl Log {
    /// The log of a copy. With [`Work::Threads`] a thread flushes until the log is dropped.
    pub(crate) fn new(replica: Arc<Replica>, work: Work) -> io::Result<Self> {
        let flusher = Arc::new(Flusher { work, waiting: Mutex::default(), bell: Notify::new() });
        if work == Work::Threads {
            let (replica, flusher, runtime) =
                (replica.clone(), Arc::downgrade(&flusher), tokio::runtime::Handle::current());
            std::thread::Builder::new().name("copy log".into()).spawn(move || {
                let _context = runtime.enter();
                while let Some(flusher) = flusher.upgrade() {
                    // An idle copy looks now and then whether it is still wanted.
                    let rung = tokio::time::timeout(IDLE, flusher.bell.notified());
                    let _ = runtime.block_on(rung);
                    flusher.flush(&replica);
                }
            })?;
        }
        Ok(Self { replica, flusher, void: None })
    }
}

impl Flusher {
    /// Flushes for all who wait. A full disk is tried again later: what was accepted is not given up.
    fn flush(self: &Arc<Self>, replica: &Arc<Replica>) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return;
        }
        match replica.flush() {
            Ok(_) => waiting.into_iter().for_each(|callback| callback.io_completed(Ok(()))),
            Err(EngineError::Full(dir)) => {
                tracing::error!(dir = %dir.display(), "the volume is full: this copy takes nothing more");
                self.waiting.lock().splice(0..0, waiting);
                let (flusher, replica) = (Arc::downgrade(self), replica.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(FULL).await;
                    match flusher.upgrade() {
                        Some(flusher) if flusher.work == Work::InLine => flusher.flush(&replica),
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

fn failed(error: EngineError) -> io::Error {
    io::Error::other(error)
}

/// A vote as the ballot keeps it.
fn encode_vote(vote: &Vote<LeaderId<u64, ServerId>>) -> Vec<u8> {
    // Plain numbers always encode.
    postcard::to_stdvec(&(vote.leader_id.term, vote.leader_id.voted_for, vote.committed)).unwrap_or_default()
}

fn decode_vote(bytes: &[u8]) -> io::Result<Option<Vote<LeaderId<u64, ServerId>>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (term, voted_for, committed): (u64, ServerId, bool) =
        postcard::from_bytes(bytes).map_err(io::Error::other)?;
    Ok(Some(Vote { leader_id: LeaderId::new(term, voted_for), committed }))
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + std::fmt::Debug + OptionalSend,
    {
        let mut next = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(from) => from + 1,
            Bound::Unbounded => 1,
        };
        let end = match range.end_bound() {
            Bound::Included(to) => to + 1,
            Bound::Excluded(to) => *to,
            Bound::Unbounded => u64::MAX,
        };
        let mut entries = Vec::new();
        while next < end {
            let records = self.replica.entries(next..end, READ_BYTES).map_err(failed)?;
            if records.is_empty() {
                break;
            }
            next += records.len() as u64;
            entries.extend(records.into_iter().map(Entry::stored));
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let records = self.replica.entries(start..end, READ_BYTES).map_err(failed)?;
        Ok(records.into_iter().map(Entry::stored).collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote<LeaderId<u64, ServerId>>>> {
        decode_vote(&self.replica.vote())
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.replica.log_state();
        Ok(LogState { last_purged_log_id: Some(log_id(state.cut)), last_log_id: Some(log_id(state.last)) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<LeaderId<u64, ServerId>>) -> io::Result<()> {
        let (replica, vote) = (self.replica.clone(), encode_vote(vote));
        match self.flusher.work {
            Work::InLine => replica.save_vote(&vote).map_err(failed),
            Work::Threads => tokio::task::spawn_blocking(move || replica.save_vote(&vote))
                .await
                .map_err(io::Error::other)?
                .map_err(failed),
        }
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut end = self.replica.log_state().end;
        let records: Vec<Record> = entries
            .into_iter()
            .map(|entry| {
                let record = entry.into_record(end, &mut self.void);
                end = record.end();
                record
            })
            .collect();
        self.replica.accept(records).map_err(failed)?;
        self.flusher.waiting.lock().push(callback);
        match self.flusher.work {
            Work::InLine => self.flusher.flush(&self.replica),
            Work::Threads => self.flusher.bell.notify_one(),
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let index = last.map_or(0, |id| id.index);
        self.replica.truncate_after(index).map_err(failed)
    }

    async fn purge(&mut self, id: LogId) -> io::Result<()> {
        self.replica.purge(id.index).map_err(failed)
    }
}
