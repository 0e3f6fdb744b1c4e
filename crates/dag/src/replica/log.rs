//! The engine's log as openraft's log store.

use std::{
    io,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

use super::{
    flusher::{Flusher, Work},
    types::{Entry, LogId, ServerId, Types, log_id},
};
use engine::{EngineError, Record, Replica};
use openraft::{
    OptionalSend, RaftLogReader,
    impls::{Vote, leader_id_std::LeaderId},
    storage::{IOFlushed, LogState, RaftLogStorage},
    vote::RaftLeaderId,
};

/// Records read for one request at most, bytes.
const READ_BYTES: u64 = 4 << 20;

/// A copy's log, shared by openraft's tasks.
#[derive(Clone)]
pub(crate) struct Log {
    replica: Arc<Replica>,
    flusher: Arc<Flusher>,
    /// The last turn of which a proposal found the log elsewhere: term and number.
    void: Option<(u64, u64)>,
}

impl Log {
    /// The log of a copy. With [`Work::Threads`] a thread flushes until the log is dropped.
    pub(crate) fn new(replica: Arc<Replica>, work: Work) -> io::Result<Self> {
        let flushed = replica.clone();
        let flusher = Flusher::new(work, move || flushed.flush().map(drop))?;
        Ok(Self { replica, flusher, void: None })
    }
}

pub(super) fn failed(error: EngineError) -> io::Error {
    io::Error::other(error)
}

/// A vote as the ballot keeps it.
pub(super) fn encode_vote(vote: &Vote<LeaderId<u64, ServerId>>) -> Vec<u8> {
    // Plain numbers always encode.
    postcard::to_stdvec(&(vote.leader_id.term, vote.leader_id.voted_for, vote.committed)).unwrap_or_default()
}

pub(super) fn decode_vote(bytes: &[u8]) -> io::Result<Option<Vote<LeaderId<u64, ServerId>>>> {
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
        self.flusher.blocking(move || replica.save_vote(&vote)).await
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
        self.flusher.ask(callback);
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
