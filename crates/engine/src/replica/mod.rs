//! One of several copies of a database: its log as the other copies see it, apart from its state.
//!
//! Records are accepted (they have their place and can be read), flushed (they are durable), and applied when
//! whoever keeps the copies says that they are committed. All calls block; none starts a thread where the
//! copy was opened in line.

mod ballot;
mod tail;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use ballot::Ballot;
pub use ballot::has_voted;
pub(crate) use ballot::retracted;
use bytes::Bytes;
use parking_lot::Mutex;
use tail::Tail;
use tokio::sync::Notify;

use crate::{
    Database, EngineError, EntryId, Note, Options, Record,
    commit::{Batch, Job},
    core::Core,
    database::Front,
    index::Cut,
    log::{
        record::{HEADER_LEN, Header},
        recovery::Retraction,
        writer::Writer,
    },
    opening::{self, Kind, Opened},
    overlay::Overlay,
};

/// A copy of a database.
pub struct Replica {
    database: Database,
    core: Arc<Core>,
    writer: Mutex<Writer>,
    /// The writer's end: all before is durable.
    durable: AtomicU64,
    tail: Mutex<Tail>,
    ballot: Mutex<Ballot>,
    jobs: Mutex<mpsc::Receiver<Box<dyn Job>>>,
    bell: Arc<Notify>,
}

/// How a copy's log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// The last entry that can no longer be read; entry 0 is the making of the database.
    pub cut: EntryId,
    /// Where the first record begins that can still be read.
    pub begin: u64,
    /// The last entry accepted.
    pub last: EntryId,
    /// Where the next record goes.
    pub end: u64,
}

/// Transactions that ran against one state and wait to be committed together.
pub struct Turn(Batch);

impl Turn {
    /// What they are to write, in order; not yet entries of the log.
    pub fn records(&self) -> &[Record] {
        &self.0.records
    }
}

impl Replica {
    /// Opens the copy in `options.dir`. `in_line` has checkpoints and log segments made by whoever needs
    /// them instead of by threads, so that under simulation nothing happens behind its back.
    pub fn open(options: Options, in_line: bool) -> Result<Self, EngineError> {
        let ballot = Ballot::open(&options.disk, &options.dir)?;
        let opened = opening::open(options, Kind::Copy { in_line })?;
        let Opened { core, writer, lock, requests, replayed, cut, beyond } = opened;
        let known = known(&core, &writer, beyond)?;
        let tail = Tail::new(writer.end, writer.last, known);
        let (queue, jobs) = mpsc::channel();
        let bell = Arc::new(Notify::new());
        let front = Front { queue, committer: None, bell: Some(bell.clone()), replayed, cut };
        let database = Database::start(core.clone(), lock, requests, front)?;
        Ok(Self {
            database,
            core,
            durable: writer.end.into(),
            writer: Mutex::new(writer),
            tail: Mutex::new(tail),
            ballot: Mutex::new(ballot),
            jobs: Mutex::new(jobs),
            bell,
        })
    }

    /// The database as its readers and writers see it. Commits wait for [`Replica::gather`].
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// How the log stands.
    pub fn log_state(&self) -> LogState {
        let cut = self.cut();
        let tail = self.tail.lock();
        LogState { cut: cut.entry, begin: cut.position, last: tail.last, end: tail.end }
    }

    /// The last entry applied, and the latest note applied.
    pub fn applied(&self) -> (EntryId, Option<Note>) {
        self.core.state.read(|state| (state.entry, state.note.clone()))
    }

    /// Whether a new copy is being made from this one.
    pub fn is_seeding(&self) -> bool {
        self.core.is_seeding()
    }

    /// Up to where the log is durable here, bytes.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn cut(&self) -> Cut {
        self.core.cut.lock().unwrap_or_default()
    }

    /// The vote last saved, empty before the first.
    pub fn vote(&self) -> Vec<u8> {
        self.ballot.lock().vote().to_vec()
    }

    /// Makes a vote durable.
    pub fn save_vote(&self, vote: &[u8]) -> Result<(), EngineError> {
        self.ballot.lock().save_vote(vote)
    }

    /// Accepts records that continue the log: they can be read, but are not durable before [`Replica::flush`].
    pub fn accept(&self, records: impl IntoIterator<Item = Record>) -> Result<(), EngineError> {
        let mut tail = self.tail.lock();
        for record in records {
            if !tail.is_next(&record) {
                let (entry, at) = (record.entry().index, record.position());
                let (last, end) = (tail.last.index, tail.end);
                return Err(EngineError::Corrupt(format!(
                    "entry {entry} at log position {at} does not follow entry {last}, which ends at {end}: this \
                     copy is not like the active one; seed it anew"
                )));
            }
            tail.push(record);
        }
        Ok(())
    }

    /// Makes all accepted records durable and says up to which entry they are. After [`EngineError::Full`]
    /// it can be called again; after any other failure the copy is dismounted.
    pub fn flush(&self) -> Result<EntryId, EngineError> {
        let mut writer = self.writer.lock();
        self.core.state.read(|state| state.check())?;
        let records = self.tail.lock().since(writer.end);
        let outcome = writer.append(&records);
        self.durable.store(writer.end, Ordering::Release);
        self.core.figures.lock().written = writer.written;
        match outcome {
            Ok(()) => Ok(writer.last),
            Err(error) => {
                if error.dismounts() {
                    self.core.dismount(&error);
                }
                Err(error)
            }
        }
    }

    /// Takes back all entries after this one, durably: the group decided otherwise.
    pub fn truncate_after(&self, index: u64) -> Result<(), EngineError> {
        let mut writer = self.writer.lock();
        let mut tail = self.tail.lock();
        if index >= tail.last.index {
            return Ok(());
        }
        let applied = self.core.state.read(|state| state.entry.index);
        if index < applied {
            return Err(EngineError::Corrupt(format!(
                "entry {} was applied and is now to be taken back to entry {index}: the copies have parted; seed \
                 this one anew",
                applied
            )));
        }
        let end = self.position(&mut tail, index + 1)?;
        let last = self.entry_id(&mut tail, index)?;
        if end < writer.end {
            let retracted = Retraction { position: end, epoch: writer.epoch };
            self.ballot.lock().save_retraction(retracted)?;
            writer.retreat(end, last)?;
            self.durable.store(writer.end, Ordering::Release);
        }
        tail.retreat(end, last);
        Ok(())
    }

    /// The records of these entries as far as they exist and fit `max_bytes`, at least one if there is one.
    pub fn entries(&self, range: Range<u64>, max_bytes: u64) -> Result<Vec<Record>, EngineError> {
        let mut tail = self.tail.lock();
        let until = range.end.min(tail.last.index + 1);
        let mut records: Vec<Record> = Vec::new();
        let mut room = max_bytes;
        let mut fits = |record: &Record, first: bool| {
            let fits = first || record.len() <= room;
            room = room.saturating_sub(record.len());
            fits
        };
        for record in tail.recent(range.start).take_while(|record| record.entry().index < until) {
            if !fits(record, records.is_empty()) {
                return Ok(records);
            }
            records.push(record.clone());
        }
        if !records.is_empty() || range.start >= until {
            return Ok(records);
        }
        let mut position = self.position(&mut tail, range.start)?;
        let until = until.min(tail.first_recent());
        // What is not in memory does not change: reading it holds up nobody.
        drop(tail);
        for _ in range.start..until {
            let record = self.read(position)?;
            if !fits(&record, records.is_empty()) {
                break;
            }
            position = record.end();
            records.push(record);
        }
        self.tail.lock().remember(range.start + records.len() as u64, position);
        Ok(records)
    }

    /// The term of an entry that can still be read.
    pub fn entry(&self, index: u64) -> Result<EntryId, EngineError> {
        self.entry_id(&mut self.tail.lock(), index)
    }

    /// Applies committed records that continue the state.
    pub fn apply(&self, records: &[Record]) -> Result<(), EngineError> {
        let due = self.core.apply_committed(records).inspect_err(|error| self.core.dismount(error))?;
        if due {
            self.core.request_checkpoint();
        }
        let durable = self.durable();
        let applied = self.core.state.read(|state| state.applied);
        self.tail.lock().trim(durable, applied);
        Ok(())
    }

    /// Gives up the log up to and including this entry: no other copy will ask for it. What nobody else
    /// needs goes with the next checkpoint.
    pub fn purge(&self, index: u64) -> Result<(), EngineError> {
        let mut tail = self.tail.lock();
        let applied = self.core.state.read(|state| state.entry.index);
        let index = self.core.seeds.lock().iter().fold(index.min(applied), |index, seed| index.min(*seed));
        if index <= self.cut().entry.index {
            return Ok(());
        }
        let cut =
            Cut { position: self.position(&mut tail, index + 1)?, entry: self.entry_id(&mut tail, index)? };
        tail.cut(index + 1, cut.position);
        *self.core.cut.lock() = Some(cut);
        Ok(())
    }

    /// The last durable entry that ends at or before a log position.
    pub fn entry_before(&self, position: u64) -> Result<u64, EngineError> {
        let tail = self.tail.lock();
        let Some((mut next, mut at)) = tail.nearest_position(position) else {
            return Ok(self.cut().entry.index);
        };
        drop(tail);
        let limit = position.min(self.durable());
        while at < limit {
            at += self.header(at)?.record_len();
            if at > limit {
                break;
            }
            next += 1;
        }
        Ok(next - 1)
    }

    /// Waits for something to [`Replica::gather`]; may return early.
    pub async fn called(&self) {
        self.bell.notified().await;
    }

    /// Ends a wait for [`Replica::called`].
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Runs the transactions that wait, on the state as it was applied. Everything accepted must have been
    /// applied, or the records will not fit where they are made for.
    pub fn gather(&self) -> Option<Turn> {
        let queue = self.jobs.lock();
        let mut first = queue.try_recv().ok()?;
        while let Err(error) = self.core.admit() {
            first.answer(Err(error));
            first = queue.try_recv().ok()?;
        }
        let mut pending = Overlay::default();
        let (len, last) = (self.core.segment_bytes, EntryId::default());
        Some(Turn(self.core.state.read(|state| Batch::gather(state, len, last, first, &queue, &mut pending))))
    }

    /// Answers the turn's transactions: those whose records are among the first `committed` took effect, the
    /// others met the error.
    pub fn answer(&self, turn: Turn, committed: usize, outcome: Result<(), EngineError>) {
        let begin = turn.0.records.first().map_or(u64::MAX, Record::position);
        let last = committed.checked_sub(1).and_then(|last| turn.0.records.get(last));
        let durable = last.map_or(begin, Record::end);
        turn.0.answer(durable, &outcome);
    }

    /// Answers all transactions that wait with an error.
    pub fn refuse(&self, error: &EngineError) {
        let queue = self.jobs.lock();
        while let Ok(job) = queue.try_recv() {
            job.answer(Err(error.again()));
        }
    }

    /// Where an entry lies; the one after the last lies at the end.
    fn position(&self, tail: &mut Tail, index: u64) -> Result<u64, EngineError> {
        if index == tail.last.index + 1 {
            return Ok(tail.end);
        }
        if let Some(record) = tail.recent(index).next() {
            return Ok(record.position());
        }
        let (mut at, mut position) = tail.nearest(index).ok_or(EngineError::Gone(0))?;
        while at < index {
            position += self.header(position)?.record_len();
            at += 1;
        }
        tail.remember(index, position);
        Ok(position)
    }

    fn entry_id(&self, tail: &mut Tail, index: u64) -> Result<EntryId, EngineError> {
        let cut = self.cut().entry;
        if index == cut.index {
            return Ok(cut);
        }
        if let Some(record) = tail.recent(index).next() {
            return Ok(record.entry());
        }
        let position = self.position(tail, index)?;
        Ok(self.header(position)?.entry)
    }

    /// The header of the record at a position, whose tail is not checked.
    fn header(&self, position: u64) -> Result<Header, EngineError> {
        header(&self.core, position)
    }

    fn read(&self, position: u64) -> Result<Record, EngineError> {
        let len = self.header(position)?.record_len();
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| EngineError::TooLarge(len))?];
        self.core.segments.read(position, &mut bytes)?;
        Record::decode(Bytes::from(bytes)).ok_or_else(|| damaged(&self.core, position))
    }
}

fn header(core: &Core, position: u64) -> Result<Header, EngineError> {
    let mut bytes = [0; HEADER_LEN];
    core.segments.read(position, &mut bytes)?;
    let header = Header::decode(&bytes);
    if header.position == position { Ok(header) } else { Err(damaged(core, position)) }
}

fn damaged(core: &Core, position: u64) -> EngineError {
    let file = core.segments.span(position).map(|span| core.segments.path(span.base));
    EngineError::Corrupt(format!(
        "the record at log position {position} in {} is damaged; seed this copy anew",
        file.unwrap_or_default().display()
    ))
}

/// Positions from which all entries that can be read are found: the first, the first of each segment, and
/// those beyond the checkpoint.
fn known(
    core: &Core,
    writer: &Writer,
    beyond: Vec<(EntryId, u64)>,
) -> Result<BTreeMap<u64, u64>, EngineError> {
    let cut = core.cut.lock().unwrap_or_default();
    let mut known = BTreeMap::from([(cut.entry.index + 1, cut.position)]);
    let checkpoint = core.state.read(|state| state.checkpoint);
    for span in core.segments.spans() {
        if span.base > cut.position && span.base < checkpoint.min(writer.end) {
            known.insert(header(core, span.base)?.entry.index, span.base);
        }
    }
    known.extend(beyond.into_iter().map(|(entry, position)| (entry.index, position)));
    Ok(known)
}
