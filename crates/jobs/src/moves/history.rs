//! What a mailbox remembers of its moves (`MoveHistory` of `Get-MailboxStatistics`). It is kept with the mailbox and
//! goes wherever that goes.

use base::{Guid, Timestamp};
use directory::{Object, View, verbs::MovePart};
use serde::{Deserialize, Serialize};
use store::{
    Mailbox, Owner, StoreError,
    property::{PropertyTag, PropertyValue},
};

use super::queue::moment;

/// A property of the mailbox itself, of the range that is the server's own.
const HISTORY: PropertyTag = PropertyTag(0x6750_0102);
/// How the property is written.
const VERSION: u8 = 1;
/// Moves that are remembered; the oldest are forgotten.
const ENTRIES_MAX: usize = 5;

/// A move that was completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The request.
    pub request: Guid,
    /// It was an archive.
    pub archive: bool,
    /// The database that it was in.
    pub source: String,
    /// The database that it came to.
    pub target: String,
    /// The server that moved it.
    pub server: String,
    /// When it was asked for, begun, locked, and in its new database.
    pub times: [Option<Timestamp>; 4],
    /// Items of the mailbox, and those of them that could not be read.
    pub items: [u64; 2],
    /// Its size, bytes.
    pub bytes: u64,
}

impl Moved {
    /// As a request says it of one of its parts.
    pub(super) fn of(view: &View, request: &Object, part: &MovePart, server: &str, now: Timestamp) -> Self {
        let name = |link: &str| {
            let database = request.link(link).and_then(|guid| view.get(guid));
            database.map(|database| database.name.to_string()).unwrap_or_default()
        };
        let time = |name: &str| moment(request, name);
        let count = |name: &str| request.int(name).and_then(|n| n.try_into().ok()).unwrap_or(0);
        Self {
            request: request.guid,
            archive: part.mailbox == "ArchiveGuid",
            source: name(part.source),
            target: name(part.target),
            server: server.to_owned(),
            times: [time("QueuedTimestamp"), time("StartTimestamp"), time("FinalSyncTimestamp"), Some(now)],
            items: [count("TotalMailboxItemCount"), count("BadItemsEncountered")],
            bytes: request.size("TotalMailboxSize").limit().map_or(0, |size| size.bytes()),
        }
    }
}

/// The moves of a mailbox, the last one first.
pub fn moves_of(mailbox: &Mailbox) -> Result<Vec<Moved>, StoreError> {
    let bag = mailbox.properties(Owner::Mailbox)?;
    let Some(PropertyValue::Binary(bytes)) = bag.get(HISTORY) else { return Ok(Vec::new()) };
    // What a later version has written is no reason to fail.
    match postcard::from_bytes(bytes) {
        Ok((VERSION, moves)) => Ok(moves),
        Ok((_, _)) | Err(_) => Ok(Vec::new()),
    }
}

/// Remembers a move, once. Waits for the disk.
pub(super) fn remember(mailbox: &Mailbox, moved: Moved) -> Result<(), StoreError> {
    let mut moves = moves_of(mailbox)?;
    moves.retain(|known| known.request != moved.request);
    moves.insert(0, moved);
    moves.truncate(ENTRIES_MAX);
    let bytes =
        postcard::to_stdvec(&(VERSION, moves)).map_err(|error| StoreError::Away(error.to_string()))?;
    mailbox
        .set_properties(Owner::Mailbox, vec![(HISTORY.id(), Some(PropertyValue::Binary(bytes.into())))])
        .wait()
}
