//! The rows by which a message goes from the queue of a lost server to this one's, each step one transaction:
//! 1. this queue takes a copy and a note of where it came from: it is not this server's to deliver yet;
//! 2. the message leaves the other queue, which keeps a mark of who has it;
//! 3. the note goes: from now on the message is like any other;
//! 4. the mark goes.
//!
//! After a crash a note says where to go on. Without the message and without a mark the lost server has come back
//! in between and seen to the message itself: then the copy goes.

use std::{
    collections::BTreeSet,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use base::{Guid, Timestamp};
use bytes::Bytes;
use engine::{BodyRef, Database, Read, Txn};
use serde::{Deserialize, Serialize};

use super::{
    Message, NewMessage, Queued, Spool,
    record::{decode, encode, message_key, recipient_key},
    spool::{discard, insist, load, page, write_new},
};
use crate::TransportError;

const NOTE: u8 = b'a';
const MARK: u8 = b't';
/// Up to which number messages may be adopted ones, and when the oldest of those was taken in.
const ADOPTED: &[u8] = b"oldest adopted";

/// Where an adopted message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The server whose queue it was in.
    pub(crate) owner: Guid,
    /// Its number there.
    pub(crate) theirs: u64,
    /// Its number here.
    pub(crate) ours: u64,
    /// What its rows there were: a message that has changed since is not the one that was copied.
    pub(crate) print: u64,
}

/// Who has taken a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    by: Guid,
    print: u64,
}

/// A message as it is read from another server's queue.
pub(crate) struct Foreign {
    pub(crate) queued: Queued,
    pub(crate) body: Bytes,
    pub(crate) print: u64,
}

fn note_key(owner: Guid, theirs: Option<u64>) -> Vec<u8> {
    let mut key = vec![NOTE];
    key.extend(owner.0);
    key.extend(theirs.into_iter().flat_map(u64::to_be_bytes));
    key
}

fn mark_key(theirs: u64) -> [u8; 9] {
    let mut key = [MARK; 9];
    key[1..].copy_from_slice(&theirs.to_be_bytes());
    key
}

/// FNV-1a of a message's rows, keys and lengths included.
fn fingerprint(read: &impl Read, id: u64) -> Result<Option<u64>, TransportError> {
    let Some(row) = read.get(&message_key(id))? else { return Ok(None) };
    let mut print = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            print = (print ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    add(&row);
    let (first, last) = (recipient_key(id, None), recipient_key(id, Some(u32::MAX)));
    read.scan(Bound::Included(&first), Bound::Included(&last), false, &mut |key, row| {
        add(key);
        add(row);
        ControlFlow::Continue(())
    })?;
    Ok(Some(print))
}

impl Spool {
    /// Takes copies of messages, with notes. Those that are noted already are left as they are.
    pub(crate) async fn adopt(&self, copies: Vec<(NewMessage, Note)>) -> Result<(), TransportError> {
        let copies = Arc::new(copies);
        self.commit(move |txn| {
            for (new, note) in &*copies {
                let key = note_key(note.owner, Some(note.theirs));
                if txn.get(&key)?.is_none() {
                    write_new(txn, new)?;
                    txn.put(&key, &encode(note)?);
                    note_age(txn, new)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// The notes of messages from a server's queue; without one, of all.
    pub(crate) fn notes(&self, owner: Option<Guid>) -> Result<Vec<Note>, TransportError> {
        let prefix = owner.map_or_else(|| vec![NOTE], |owner| note_key(owner, None));
        let (mut notes, mut outcome) = (Vec::new(), Ok(()));
        self.database()?.view(|view| {
            view.scan_prefix(&prefix, &mut |_, row| match decode(row) {
                Ok(note) => {
                    notes.push(note);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            })
        })?;
        outcome.map(|()| notes)
    }

    /// Makes copies this server's own, or lets go of those that are not.
    pub(crate) async fn confirm(&self, copies: Vec<(Note, bool)>) -> Result<(), TransportError> {
        let copies = Arc::new(copies);
        self.commit(move |txn| {
            for (note, is_ours) in &*copies {
                let key = note_key(note.owner, Some(note.theirs));
                // Done before, when nobody was told.
                if txn.get(&key)?.is_none() {
                    continue;
                }
                txn.delete(&key);
                if !is_ours {
                    discard(txn, note.ours)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// When the oldest of the adopted messages was taken in, where a message with this number may be one.
    pub(super) fn oldest_adopted(&self, first: u64) -> Result<Option<Timestamp>, TransportError> {
        let row = self.database()?.view(|view| view.get(ADOPTED))?;
        let adopted: Option<(u64, Timestamp)> = row.map(|row| decode(&row)).transpose()?;
        Ok(adopted.filter(|(until, _)| first <= *until).map(|(_, received)| received))
    }
}

/// Numbers tell the age of messages, but not of adopted ones.
fn note_age(txn: &mut Txn<'_>, new: &NewMessage) -> Result<(), TransportError> {
    let before: Option<(u64, Timestamp)> = txn.get(ADOPTED)?.map(|row| decode(&row)).transpose()?;
    let (until, received) = before.unwrap_or((0, new.message.received));
    let age = (until.max(new.id), received.min(new.message.received));
    txn.put(ADOPTED, &encode(&age)?);
    Ok(())
}

/// The numbers of the messages of another queue after `last`, at most a page of them.
pub(crate) fn foreign_page(foreign: &Database, last: Option<u64>) -> Result<Vec<u64>, TransportError> {
    foreign.view(|view| page(view, last))
}

/// Reads a message of another queue, whole.
pub(crate) fn foreign_message(foreign: &Database, id: u64) -> Result<Foreign, TransportError> {
    let (queued, print) = foreign.view(|view| -> Result<_, TransportError> {
        let print = fingerprint(view, id)?.ok_or(TransportError::NoMessage(id))?;
        Ok((load(view, id)?, print))
    })?;
    let place = BodyRef::decode(&queued.message.body);
    let place = place.ok_or_else(|| TransportError::Row("the place of a body".into()))?;
    Ok(Foreign { body: foreign.read_body(&place)?, queued, print })
}

/// Takes messages out of another queue, for the server `by`; says of each whether it is that server's now.
pub(crate) async fn leave(
    foreign: &Database,
    by: Guid,
    notes: Vec<Note>,
) -> Result<Vec<(Note, bool)>, TransportError> {
    let notes: Arc<[Note]> = notes.into();
    insist(foreign, move |txn| {
        let mut left = Vec::with_capacity(notes.len());
        for note in &*notes {
            let is_ours = if fingerprint(txn, note.theirs)? == Some(note.print) {
                discard(txn, note.theirs)?;
                txn.put(&mark_key(note.theirs), &encode(&Mark { by, print: note.print })?);
                true
            } else {
                has_taken(txn, by, note)?
            };
            left.push((*note, is_ours));
        }
        Ok(left)
    })
    .await
}

/// Whose the messages are that are noted, as far as reading the other queue shows: one that is still there, or was
/// there a moment ago, is nobody's yet.
pub(crate) fn whose(
    foreign: &Database,
    by: Guid,
    notes: &[Note],
) -> Result<Vec<(Note, bool)>, TransportError> {
    foreign.view(|view| {
        let mut known = Vec::new();
        for note in notes {
            if fingerprint(view, note.theirs)? != Some(note.print) {
                known.push((*note, has_taken(view, by, note)?));
            }
        }
        Ok(known)
    })
}

/// Whether a message left the other queue for the server `by`.
fn has_taken(read: &impl Read, by: Guid, note: &Note) -> Result<bool, TransportError> {
    let mark = read.get(&mark_key(note.theirs))?.map(|row| decode::<Mark>(&row)).transpose()?;
    Ok(mark == Some(Mark { by, print: note.print }))
}

/// Removes the marks of messages that have arrived where they were taken to.
pub(crate) async fn forget(foreign: &Database, notes: Vec<Note>) -> Result<(), TransportError> {
    insist(foreign, move |txn| {
        notes.iter().for_each(|note| txn.delete(&mark_key(note.theirs)));
        Ok(())
    })
    .await
}

/// The numbers here of messages that are not this server's to deliver yet.
pub(crate) fn unconfirmed(notes: &[Note]) -> BTreeSet<u64> {
    notes.iter().map(|note| note.ours).collect()
}

/// What a copy is written from.
pub(crate) fn copy(id: u64, foreign: &Foreign, recipients: Vec<super::Recipient>) -> NewMessage {
    let message: Message = foreign.queued.message.clone();
    NewMessage { id, message, recipients, parts: vec![foreign.body.clone()] }
}
