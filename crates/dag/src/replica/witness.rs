//! A witness of a group: it votes, and knows which entries there are, but not what they hold. It never becomes active;
//! with it, one of two copies can go on when the other is lost.
//!
//! All it knows is small and replaced as a whole (16 bytes of head in `engine::Slots`, then postcard): its vote, up to
//! which entry all is committed, the members named there, and the places of the entries behind.

use std::{
    collections::VecDeque,
    io,
    ops::{Bound, RangeBounds},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use base::disk::SharedDisk;
use bytes::Bytes;
use engine::{EngineError, EntryId, Slots};
use futures_util::{Stream, StreamExt};
use openraft::{
    Config, OptionalSend, Raft, RaftLogReader, RaftSnapshotBuilder,
    async_runtime::WatchReceiver,
    impls::{Vote, leader_id_std::LeaderId},
    storage::{
        EntryResponder, IOFlushed, LogState, RaftLogStorage, RaftStateMachine, Snapshot, SnapshotMeta,
    },
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    answering::{answer_append, answer_vote},
    flusher::{Flusher, Work},
    group::{GroupError, config, raft},
    log::{decode_vote, encode_vote},
    message::{Answer, Place, Request, decode, encode, id, records},
    network::{Answered, Member, Network, Peers},
    types::{Entry, LogId, ServerId, Types, decode_members, encode_members, entry_id, log_id},
};

/// Bytes for all that a witness knows.
const SLOT: usize = 64 << 10;

type StoredMembers = openraft::alias::StoredMembershipOf<Types>;
type SnapshotMetaOf = openraft::alias::SnapshotMetaOf<Types>;
type SnapshotOf = openraft::alias::SnapshotOf<Types, ()>;

/// What a witness knows.
#[derive(Default)]
struct Known {
    vote: Vec<u8>,
    /// All up to here is committed, and forgotten.
    cut: EntryId,
    /// The members, and the entry that named them.
    members: Option<(EntryId, Vec<u8>)>,
    /// The entries behind, one after the other.
    tail: VecDeque<(EntryId, Option<Vec<u8>>)>,
}

/// [`Known`] as it is kept: entries of one term that follow one another are one run.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    vote: Vec<u8>,
    cut: Place,
    members: Option<(Place, Vec<u8>)>,
    /// Term and number of entries.
    runs: Vec<(u64, u64)>,
    notes: Vec<(u64, Vec<u8>)>,
}

impl Known {
    fn last(&self) -> EntryId {
        self.tail.back().map_or(self.cut, |(entry, _)| *entry)
    }

    fn truncate_after(&mut self, index: u64) {
        while self.tail.back().is_some_and(|(entry, _)| entry.index > index) {
            self.tail.pop_back();
        }
    }

    /// Forgets the entries that are committed.
    fn commit(&mut self, up_to: EntryId) {
        self.cut = up_to;
        while self.tail.front().is_some_and(|(entry, _)| entry.index <= up_to.index) {
            self.tail.pop_front();
        }
    }

    fn members(&self) -> StoredMembers {
        let members = self
            .members
            .as_ref()
            .and_then(|(entry, note)| Some(StoredMembers::new(Some(log_id(*entry)), decode_members(note)?)));
        members.unwrap_or_default()
    }

    fn encode(&self) -> Vec<u8> {
        let mut kept = Kept {
            vote: self.vote.clone(),
            cut: (self.cut.term, self.cut.index),
            members: self.members.clone().map(|(entry, note)| ((entry.term, entry.index), note)),
            ..Kept::default()
        };
        for (entry, note) in &self.tail {
            match kept.runs.last_mut() {
                Some((term, count)) if *term == entry.term => *count += 1,
                _ => kept.runs.push((entry.term, 1)),
            }
            kept.notes.extend(note.clone().map(|note| (entry.index, note)));
        }
        // Plain data always encodes.
        postcard::to_stdvec(&kept).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Result<Self, EngineError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let kept: Kept = postcard::from_bytes(bytes)
            .map_err(|_| EngineError::Corrupt("what the witness knew can't be read".into()))?;
        let entry = |(term, index)| EntryId { term, index };
        let terms = kept.runs.iter().flat_map(|(term, count)| (0..*count).map(|_| *term));
        let mut notes = kept.notes.into_iter().peekable();
        let tail = terms.zip(kept.cut.1 + 1..).map(|(term, index)| {
            let note = notes.next_if(|(at, _)| *at == index).map(|(_, note)| note);
            (EntryId { term, index }, note)
        });
        Ok(Self {
            tail: tail.collect(),
            vote: kept.vote,
            cut: entry(kept.cut),
            members: kept.members.map(|(at, note)| (entry(at), note)),
        })
    }
}

/// What the witness knows, as openraft's log and state; both share it.
#[derive(Clone)]
struct Memory {
    known: Arc<Mutex<Known>>,
    slots: Arc<Mutex<Slots>>,
    flusher: Arc<Flusher>,
}

impl Memory {
    fn open(disk: &SharedDisk, path: PathBuf, work: Work) -> Result<Self, GroupError> {
        let slots = Slots::open(disk, path, SLOT)?;
        let known = Arc::new(Mutex::new(Known::decode(slots.content())?));
        let slots = Arc::new(Mutex::new(slots));
        let (flushed, into) = (known.clone(), slots.clone());
        let flusher = Flusher::new(work, move || save(&flushed, &into))?;
        Ok(Self { known, slots, flusher })
    }

    async fn save(&self) -> io::Result<()> {
        let (known, slots) = (self.known.clone(), self.slots.clone());
        self.flusher.blocking(move || save(&known, &slots)).await
    }

    fn snapshot(&self) -> SnapshotOf {
        let known = self.known.lock();
        let meta = SnapshotMeta { last_log_id: Some(log_id(known.cut)), last_membership: known.members() };
        Snapshot { meta, snapshot: () }
    }
}

fn save(known: &Mutex<Known>, slots: &Mutex<Slots>) -> Result<(), EngineError> {
    let mut slots = slots.lock();
    let bytes = known.lock().encode();
    slots.save(bytes)
}

impl RaftLogReader<Types> for Memory {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + std::fmt::Debug + OptionalSend,
    {
        let is_before = |index: u64| match range.start_bound() {
            Bound::Included(from) => index < *from,
            Bound::Excluded(from) => index <= *from,
            Bound::Unbounded => false,
        };
        let known = self.known.lock();
        let entries = known.tail.iter().skip_while(|(entry, _)| is_before(entry.index));
        let entries = entries.take_while(|(entry, _)| range.contains(&entry.index));
        Ok(entries.map(|(entry, note)| Entry::head(log_id(*entry), note.as_deref())).collect())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.try_get_log_entries(start..end).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote<LeaderId<u64, ServerId>>>> {
        decode_vote(&self.known.lock().vote)
    }
}

impl RaftLogStorage<Types> for Memory {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let known = self.known.lock();
        Ok(LogState { last_purged_log_id: Some(log_id(known.cut)), last_log_id: Some(log_id(known.last())) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<LeaderId<u64, ServerId>>) -> io::Result<()> {
        self.known.lock().vote = encode_vote(vote);
        self.save().await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let heads = entries.into_iter().map(|entry| (entry_id(&entry.id), entry.note()));
        self.known.lock().tail.extend(heads);
        self.flusher.ask(callback);
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.known.lock().truncate_after(last.map_or(0, |id| id.index));
        self.save().await
    }

    /// What is committed is forgotten as it is applied.
    async fn purge(&mut self, _: LogId) -> io::Result<()> {
        Ok(())
    }
}

impl RaftStateMachine<Types> for Memory {
    type SnapshotData = ();
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembers)> {
        let known = self.known.lock();
        Ok((Some(log_id(known.cut)), known.members()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, _) = item?;
            let mut known = self.known.lock();
            let at = entry_id(&entry.id);
            if let Some(note) = entry.note() {
                known.members = Some((at, note));
            }
            known.commit(at);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf, (): ()) -> io::Result<()> {
        {
            let mut known = self.known.lock();
            let members = &meta.last_membership;
            let note = encode_members(members.membership()).to_vec();
            known.members = members.log_id().as_ref().map(|at| (entry_id(at), note));
            if let Some(last) = &meta.last_log_id {
                known.commit(entry_id(last));
            }
        }
        self.save().await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf>> {
        Ok(Some(self.snapshot()))
    }
}

impl RaftSnapshotBuilder<Types> for Memory {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf> {
        Ok(self.snapshot())
    }
}

/// A witness asks nobody.
struct Silent;

impl Peers for Silent {
    fn call(&self, _: ServerId, _: Vec<Bytes>, _: Duration) -> Answered<'_> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

/// A witness at work.
pub struct Witness {
    raft: Raft<Types, Memory>,
}

impl Witness {
    /// Takes up a witness's part in a group; what it knows is in the file at `path`.
    ///
    /// # Errors
    /// The file cannot be read or made.
    pub async fn start(
        name: &str,
        me: ServerId,
        (disk, path): (SharedDisk, PathBuf),
        work: Work,
    ) -> Result<Arc<Self>, GroupError> {
        let memory = Memory::open(&disk, path, work)?;
        let config = Config { enable_elect: false, ..config(name)? };
        let (stranded, witnesses, pace) = Default::default();
        let network = Network { peers: Arc::new(Silent), stranded, witnesses, pace };
        let raft = Raft::new(me, Arc::new(config), network, memory.clone(), memory).await.map_err(raft)?;
        Ok(Arc::new(Self { raft }))
    }

    /// The last entry it knows of, and up to which all is committed as far as it knows.
    pub fn reach(&self) -> (EntryId, EntryId) {
        let metrics = self.raft.metrics();
        let metrics = WatchReceiver::borrow_watched(&metrics);
        let last = metrics.last_log_index.unwrap_or(0);
        let applied = metrics.last_applied.as_ref().map(entry_id).unwrap_or_default();
        (EntryId { term: metrics.current_term, index: last }, applied)
    }

    /// Ends its work.
    ///
    /// # Errors
    /// It did not end cleanly.
    pub async fn stop(&self) -> Result<(), GroupError> {
        self.raft.shutdown().await.map_err(raft)
    }
}

impl Member for Witness {
    async fn answer(&self, request: Bytes) -> Result<Vec<Bytes>, GroupError> {
        let (request, rest) = decode::<Request>(request)?;
        let answer = match request {
            Request::Vote { vote, last, transfer, pre } => {
                answer_vote(&self.raft, vote, last, transfer, pre).await
            }
            // Whoever does not know yet that this is a witness sends it what the entries hold.
            Request::Append { vote, previous, committed, lengths } => {
                let entries = records(&lengths, rest)?.into_iter().map(Entry::stored).collect();
                answer_append(&self.raft, vote, (previous, committed), entries).await
            }
            Request::Heads { vote, previous, committed, entries } => {
                let entries =
                    entries.iter().map(|(at, note)| Entry::head(id(*at), note.as_deref())).collect();
                answer_append(&self.raft, vote, (previous, committed), entries).await
            }
            Request::Skip { vote, last, members: (at, note) } => {
                let members = decode_members(&note).unwrap_or_default();
                let last_membership = StoredMembers::new(at.map(id), members);
                let meta = SnapshotMeta { last_log_id: last.map(id), last_membership };
                let skipped =
                    self.raft.install_full_snapshot(vote.into(), Snapshot { meta, snapshot: () }).await;
                skipped.map_or_else(
                    |error| Answer::Failed(error.to_string()),
                    |skipped| Answer::Skipped((&skipped.vote).into()),
                )
            }
            Request::Transfer { .. } => Answer::Transfer(false),
            Request::Borrow | Request::Return { .. } => Answer::Failed("this is a witness".into()),
        };
        Ok(encode(&answer, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_knows_is_kept() {
        let entry = |term, index| EntryId { term, index };
        let mut known = Known { vote: vec![1, 2], cut: entry(2, 7), ..Known::default() };
        known.members = Some((entry(1, 3), vec![9]));
        known.tail = [(entry(2, 8), None), (entry(2, 9), Some(vec![5])), (entry(4, 10), None)].into();
        let again = Known::decode(&known.encode()).unwrap();
        assert_eq!((again.vote, again.cut, again.members), (vec![1, 2], entry(2, 7), known.members.clone()));
        assert_eq!(again.tail, known.tail);
        known.truncate_after(9);
        known.commit(entry(2, 8));
        assert_eq!((known.tail.len(), known.last()), (1, entry(2, 9)));
        assert!(Known::decode(b"\xff\xff\xff").is_err());
    }
}
