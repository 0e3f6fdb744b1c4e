//! The durable part of the queue. Every change is one transaction; none is reported before it is durable.

use std::{
    ops::{Bound, ControlFlow},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base::Timestamp;
use bytes::Bytes;
use engine::{BodyRef, Database, EngineError, Options, Read, Txn};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::record::{
    self, Hop, Message, Recipient, decode, encode, held_key, id_of, index_of, message_key, recipient_key,
};
use crate::TransportError;

/// Where the number of starts is kept: the upper half of every message number.
const STARTS: &[u8] = b"starts";
/// Rows read in one view while the schedule is rebuilt.
const PAGE: usize = 1000;
/// Where it is shown that the queue can be written to.
const FENCE: &[u8] = b"fence";
/// What another transaction came before is tried again so often, and so is what may have been done.
const AGAIN_MAX: u32 = 20;
/// Before what may have been done is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A message to be queued.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its number, from [`Spool::next_id`].
    pub id: u64,
    /// The message; the place of its body is filled in.
    pub message: Message,
    /// Its recipients; at least one.
    pub recipients: Vec<Recipient>,
    /// The body, in parts.
    pub parts: Vec<Bytes>,
}

/// A message of the queue as it is read back.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Its number.
    pub id: u64,
    /// The message.
    pub message: Message,
    /// The recipients still on their way, with their indexes.
    pub recipients: Vec<(u32, Recipient)>,
}

/// A change of one message's recipients, and what is written with it in the same transaction.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Rows to be replaced.
    pub update: Vec<(u32, Recipient)>,
    /// Recipients that are done. With the last one the message goes.
    pub remove: Vec<u32>,
    /// Recipients that come instead.
    pub add: Vec<Recipient>,
    /// The message's own row, where it changes.
    pub message: Option<Message>,
    /// Notifications that the change gives rise to.
    pub spawn: Vec<NewMessage>,
}

impl Change {
    /// True where nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.update.is_empty()
            && self.remove.is_empty()
            && self.add.is_empty()
            && self.message.is_none()
            && self.spawn.is_empty()
    }
}

/// Where the queue is.
struct Place {
    database: Database,
    /// It has copies on other servers, or may have.
    shared: bool,
}

/// The queue's database: one that was opened here, or one that is lent by whoever keeps its copies, and may be taken
/// away at any moment.
#[derive(Default)]
pub struct Spool {
    place: RwLock<Option<Place>>,
    next_id: AtomicU64,
    /// It was opened here.
    own: bool,
    /// The database was given up: whoever waits for it need not wait longer.
    withdrawn: Notify,
    /// Messages that were refused when it was not known whether they had been written.
    doubtful: Mutex<Vec<u64>>,
}

impl Spool {
    /// Opens or makes the queue's database.
    pub fn open(options: Options) -> Result<Self, TransportError> {
        let database = Database::open(options)?;
        let starts = database.commit(count_start).wait()??;
        let spool = Self { own: true, ..Self::default() };
        spool.begin(Place { database, shared: false }, starts);
        Ok(spool)
    }

    /// Keeps the queue in a database that is open, from now on: this shows that it can be written to. One that is
    /// `shared` has copies elsewhere: this server may lose it to another one at any moment.
    pub async fn lend(&self, database: Database, shared: bool) -> Result<(), TransportError> {
        let starts = database.commit(count_start).await??;
        self.begin(Place { database, shared }, starts);
        Ok(())
    }

    /// Gives the database up: until there is one again, everything fails.
    pub fn withdraw(&self) {
        *self.place.write() = None;
        self.withdrawn.notify_waiters();
    }

    fn begin(&self, place: Place, starts: u32) {
        self.next_id.store(u64::from(starts) << 32 | 1, Ordering::Relaxed);
        *self.place.write() = Some(place);
    }

    pub(super) fn database(&self) -> Result<Database, TransportError> {
        self.place.read().as_ref().map(|place| place.database.clone()).ok_or(TransportError::NoQueue)
    }

    /// Whether there is a database.
    pub fn is_open(&self) -> bool {
        self.place.read().is_some()
    }

    fn is_shared(&self) -> bool {
        self.place.read().as_ref().is_none_or(|place| place.shared)
    }

    /// A number no message of this server has ever had: the count of starts, then a count.
    pub fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// True where the database was opened here, and is to be closed here.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// Makes a message durable: after this it is ours. After an error it is not, whatever has been written.
    pub async fn accept(&self, new: NewMessage) -> Result<(), TransportError> {
        let (id, new) = (new.id, Arc::new(new));
        let accepted = self.commit(move |txn| write_new(txn, &new)).await;
        if let Err(TransportError::Engine(EngineError::Unknown)) = accepted {
            self.doubtful.lock().push(id);
        }
        accepted
    }

    /// Removes what was written of messages that were refused; before any message is worked on.
    pub async fn disown(&self) -> Result<(), TransportError> {
        let ids: Arc<[u64]> = self.doubtful.lock().clone().into();
        if ids.is_empty() {
            return Ok(());
        }
        let gone = ids.clone();
        self.commit(move |txn| gone.iter().try_for_each(|id| discard(txn, *id))).await?;
        self.doubtful.lock().retain(|id| !ids.contains(id));
        Ok(())
    }

    /// Applies a change; true when the message is gone from the queue. What was applied already is not applied
    /// again.
    pub async fn apply(&self, id: u64, change: Change) -> Result<bool, TransportError> {
        let change = Arc::new(change);
        self.commit(move |txn| apply(txn, id, &change)).await
    }

    /// As [`Spool::apply`], on a thread that may block.
    pub fn apply_now(&self, id: u64, change: Change) -> Result<bool, TransportError> {
        self.database()?.commit(move |txn| apply(txn, id, &change)).wait()?
    }

    /// Shows that the queue is still this server's: what it holds may be sent to where nobody would recognise it
    /// when it came from another server again.
    pub async fn fence(&self) -> Result<(), TransportError> {
        if !self.is_shared() {
            return Ok(());
        }
        let turn = self.next_id();
        self.commit(move |txn| {
            txn.put(FENCE, &turn.to_le_bytes());
            Ok(())
        })
        .await
    }

    /// Runs `f` in the writer: again where another transaction came first, and where a failover leaves it open
    /// whether it was done. So `f` must see for itself that it was.
    pub(super) async fn commit<R: Send + 'static>(
        &self,
        f: impl Fn(&mut Txn<'_>) -> Result<R, TransportError> + Clone + Send + 'static,
    ) -> Result<R, TransportError> {
        let mut withdrawn = std::pin::pin!(self.withdrawn.notified());
        withdrawn.as_mut().enable();
        let database = self.database()?;
        tokio::select! {
            done = insist(&database, f) => done,
            // It may have been done, or may yet be.
            () = withdrawn => Err(EngineError::Unknown.into()),
        }
    }

    /// Reads a message with its recipients.
    pub fn load(&self, id: u64) -> Result<Queued, TransportError> {
        self.database()?.view(|view| load(view, id))
    }

    /// Reads a message's body.
    pub fn body(&self, message: &Message) -> Result<Bytes, TransportError> {
        let body = BodyRef::decode(&message.body)
            .ok_or_else(|| TransportError::Row("the place of a body".into()))?;
        Ok(self.database()?.read_body(&body)?)
    }

    /// When the oldest message of the queue was taken in.
    pub fn oldest(&self) -> Result<Option<Timestamp>, TransportError> {
        let mut first = None;
        self.database()?.view(|view| {
            view.scan_prefix(record::MESSAGES, &mut |key, row| {
                first = Some((id_of(key), decode::<Message>(row).map(|message| message.received)));
                ControlFlow::Break(())
            })
        })?;
        let Some((id, received)) = first else { return Ok(None) };
        let adopted = self.oldest_adopted(id.unwrap_or(0))?;
        let received = received?;
        Ok(Some(adopted.map_or(received, |adopted| adopted.min(received))))
    }

    /// Visits every message, oldest first. A row that can't be read is handed over as its error.
    pub fn visit(&self, mut visit: impl FnMut(Result<Queued, TransportError>)) -> Result<(), TransportError> {
        let mut last: Option<u64> = None;
        loop {
            let page = self.database()?.view(|view| page(view, last))?;
            for &id in &page {
                visit(self.load(id));
            }
            match page.last() {
                Some(&id) if page.len() == PAGE => last = Some(id),
                _ => return Ok(()),
            }
        }
    }

    /// Notes that an administrator holds the queue of a hop, or no longer does.
    pub async fn hold(&self, hop: &Hop, held: bool) -> Result<(), TransportError> {
        let (key, row) = (held_key(hop)?, encode(hop)?);
        let change = move |txn: &mut Txn<'_>| -> Result<(), TransportError> {
            if held {
                txn.put(&key, &row);
            } else {
                txn.delete(&key);
            }
            Ok(())
        };
        self.database()?.commit(change).await?
    }

    /// The hops whose queues an administrator holds.
    pub fn held(&self) -> Result<Vec<Hop>, TransportError> {
        let (mut hops, mut outcome) = (Vec::new(), Ok(()));
        self.database()?.view(|view| {
            view.scan_prefix(record::HELD_QUEUES, &mut |_, row| match decode(row) {
                Ok(hop) => {
                    hops.push(hop);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            })
        })?;
        outcome.map(|()| hops)
    }

    /// Closes the database; later changes fail.
    pub fn close(&self) -> Result<(), TransportError> {
        Ok(self.database()?.close()?)
    }
}

/// Counts how often a queue was opened.
fn count_start(txn: &mut Txn<'_>) -> Result<u32, TransportError> {
    let before = txn.get(STARTS)?.and_then(|row| row[..].try_into().ok().map(u32::from_le_bytes));
    let starts = before.unwrap_or(0) + 1;
    txn.put(STARTS, &starts.to_le_bytes());
    Ok(starts)
}

/// As [`Spool::commit`], for any queue's database.
pub(super) async fn insist<R: Send + 'static>(
    database: &Database,
    f: impl Fn(&mut Txn<'_>) -> Result<R, TransportError> + Clone + Send + 'static,
) -> Result<R, TransportError> {
    let mut unknown = false;
    for _ in 0..AGAIN_MAX {
        match database.commit(f.clone()).await {
            Ok(done) => return done,
            Err(EngineError::Conflict) => {}
            Err(EngineError::Unknown) => {
                unknown = true;
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            // The first attempt may yet take effect, wherever the queue is now.
            Err(EngineError::Passive(_)) if unknown => return Err(EngineError::Unknown.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(if unknown { EngineError::Unknown } else { EngineError::Conflict }.into())
}

/// The numbers of the messages after `last`, at most a page of them.
pub(super) fn page(view: &impl Read, last: Option<u64>) -> Result<Vec<u64>, TransportError> {
    let from = last.map(message_key);
    let from = from.as_ref().map_or(Bound::Included(record::MESSAGES), |key| Bound::Excluded(&key[..]));
    let mut ids = Vec::new();
    view.scan(from, Bound::Unbounded, false, &mut |key, _| match id_of(key) {
        Some(id) if key.starts_with(record::MESSAGES) && ids.len() < PAGE => {
            ids.push(id);
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Break(()),
    })?;
    Ok(ids)
}

pub(super) fn load(view: &impl Read, id: u64) -> Result<Queued, TransportError> {
    let row = view.get(&message_key(id))?.ok_or(TransportError::NoMessage(id))?;
    let message = decode(&row)?;
    let mut recipients = Vec::new();
    let mut failed = None;
    view.scan_prefix(&recipient_key(id, None), &mut |key, value| {
        match (index_of(key), decode::<Recipient>(value)) {
            (Some(index), Ok(recipient)) => recipients.push((index, recipient)),
            (_, Err(error)) => failed = Some(error),
            (None, _) => failed = Some(TransportError::Row(format!("a recipient key of message {id}"))),
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(Queued { id, message, recipients }), Err)
}

/// Writes a message, unless it is there already.
pub(super) fn write_new(txn: &mut Txn<'_>, new: &NewMessage) -> Result<(), TransportError> {
    let NewMessage { id, message, recipients, parts } = new;
    let key = message_key(*id);
    if txn.get(&key)?.is_some() {
        return Ok(());
    }
    let body = txn.append_body(parts).encode();
    txn.put(&key, &encode(&Message { body, ..message.clone() })?);
    for (index, recipient) in (0..).zip(recipients) {
        txn.put(&recipient_key(*id, Some(index)), &encode(recipient)?);
    }
    Ok(())
}

fn apply(txn: &mut Txn<'_>, id: u64, change: &Change) -> Result<bool, TransportError> {
    let key = message_key(id);
    let Change { update, remove, add, message, spawn } = change;
    let row = txn.get(&key)?;
    if was_applied(txn, id, change)? {
        return Ok(row.is_none());
    }
    let row = row.ok_or(TransportError::NoMessage(id))?;
    for (index, recipient) in update {
        txn.put(&recipient_key(id, Some(*index)), &encode(recipient)?);
    }
    let after_last = last_index(txn, id)?.map_or(0, |last| last + 1);
    for (index, recipient) in (after_last..).zip(add) {
        txn.put(&recipient_key(id, Some(index)), &encode(recipient)?);
    }
    for index in remove {
        txn.delete(&recipient_key(id, Some(*index)));
    }
    for new in spawn {
        write_new(txn, new)?;
    }
    let gone = last_index(txn, id)?.is_none();
    if gone {
        remove_message(txn, id, &row)?;
    } else if let Some(message) = message {
        txn.put(&key, &encode(message)?);
    }
    Ok(gone)
}

/// Whether a change has been applied before, when nobody was told. One that neither removes nor spawns anything
/// comes to the same when it is applied again.
fn was_applied(txn: &Txn<'_>, id: u64, change: &Change) -> Result<bool, TransportError> {
    if let Some(new) = change.spawn.first() {
        return Ok(txn.get(&message_key(new.id))?.is_some());
    }
    match change.remove.first() {
        Some(index) => Ok(txn.get(&recipient_key(id, Some(*index)))?.is_none()),
        None => Ok(false),
    }
}

/// Removes a message with all its rows, where there is one.
pub(super) fn discard(txn: &mut Txn<'_>, id: u64) -> Result<(), TransportError> {
    let Some(row) = txn.get(&message_key(id))? else { return Ok(()) };
    let (first, last) = (recipient_key(id, None), recipient_key(id, Some(u32::MAX)));
    let mut keys = Vec::new();
    txn.scan(Bound::Included(&first), Bound::Included(&last), false, &mut |key, _| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    keys.iter().for_each(|key| txn.delete(key));
    remove_message(txn, id, &row)
}

/// Removes a message's row and lets its body go.
fn remove_message(txn: &mut Txn<'_>, id: u64, row: &[u8]) -> Result<(), TransportError> {
    txn.delete(&message_key(id));
    let message: Message = decode(row)?;
    if let Some(body) = BodyRef::decode(&message.body) {
        txn.release_body(&body);
    }
    Ok(())
}

/// The highest index among a message's recipients.
fn last_index(txn: &Txn<'_>, id: u64) -> Result<Option<u32>, TransportError> {
    let (first, last) = (recipient_key(id, None), recipient_key(id, Some(u32::MAX)));
    let mut found = None;
    txn.scan(Bound::Included(&first), Bound::Included(&last), true, &mut |key, _| {
        found = index_of(key);
        ControlFlow::Break(())
    })?;
    Ok(found)
}

impl Queued {
    /// The recipients that wait for a hop.
    pub fn at<'a>(&'a self, hop: &'a Hop) -> impl Iterator<Item = &'a (u32, Recipient)> {
        self.recipients.iter().filter(move |(_, recipient)| recipient.hop == *hop)
    }
}
