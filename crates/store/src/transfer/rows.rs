//! What a target database remembers of a move that fills one of its mailboxes: which move, how far it came,
//! what it had to leave behind. All of it goes when the move is over.

use std::{collections::BTreeMap, ops::ControlFlow};

use base::Guid;
use engine::Read;
use serde::{Deserialize, Serialize};

use super::Progress;
use crate::{
    StoreError,
    codec::{Reader, Row, Writer},
    keys::{self, table},
    types::{ItemId, MailboxId},
};

/// Kinds of rows in the table of arrivals.
pub(super) mod kind {
    /// The one row that says which move this is.
    pub(crate) const MOVE: u8 = 0;
    /// By folder: how far its changes were taken over.
    pub(crate) const CURSOR: u8 = 1;
    /// By the position of a body in the source: the item that brought it here, for bodies that items share.
    pub(crate) const SHARED: u8 = 2;
    /// By item: what could not be read.
    pub(crate) const BAD: u8 = 3;
    /// In the source: the one row that says who may lock and unlock it.
    pub(crate) const HOLD: u8 = 4;
}

/// Which move fills a mailbox, from where, and what it has brought so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MoveRow {
    pub(super) id: Guid,
    pub(super) source_database: Guid,
    pub(super) source: MailboxId,
    /// Items brought, those that have left again included.
    pub(super) items: u64,
    /// Their sizes, bytes.
    pub(super) bytes: u64,
    /// How often it was taken up.
    pub(super) turn: u64,
}

impl MoveRow {
    pub(super) fn progress(&self) -> Progress {
        Progress { items: self.items, bytes: self.bytes }
    }
}

impl Row for MoveRow {
    const NAME: &'static str = "move";
    fn encode(&self, out: &mut Writer) {
        out.byte(2);
        out.bytes(&self.id.0);
        out.bytes(&self.source_database.0);
        out.number(self.source.0);
        out.number(self.items);
        out.number(self.bytes);
        out.number(self.turn);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let version = from.version(2)?;
        Some(Self {
            id: Guid(from.array()?),
            source_database: Guid(from.array()?),
            source: MailboxId(from.u32()?),
            items: from.number()?,
            bytes: from.number()?,
            turn: if version < 2 { 0 } else { from.number()? },
        })
    }
}

/// Who may lock a source and unlock it: the latest of those that took the move up. What one that was superseded
/// has still said, unheard for a while, changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) id: Guid,
    pub(super) turn: u64,
}

impl Row for Hold {
    const NAME: &'static str = "move hold";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.bytes(&self.id.0);
        out.number(self.turn);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        Some(Self { id: Guid(from.array()?), turn: from.number()? })
    }
}

/// How far the changes of a folder were taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Everything up to this change number was.
    pub(super) change: u64,
    /// Except that the source forgot what left the folder before it was asked: UIDs must be compared.
    pub(super) compare: bool,
}

impl Row for Cursor {
    const NAME: &'static str = "move cursor";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.number(self.change);
        out.byte(self.compare.into());
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        Some(Self { change: from.number()?, compare: from.byte()? != 0 })
    }
}

/// An item that the source could not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BadRow {
    pub(super) folder: u32,
    pub(super) uid: u32,
    /// Why.
    pub(super) text: String,
}

/// Length of the reason kept, bytes.
const TEXT_LEN_MAX: usize = 1024;

impl BadRow {
    pub(super) fn new(folder: u32, uid: u32, error: &StoreError) -> Self {
        Self::told(folder, uid, error.to_string())
    }

    pub(super) fn told(folder: u32, uid: u32, mut text: String) -> Self {
        text.truncate(text.floor_char_boundary(TEXT_LEN_MAX));
        Self { folder, uid, text }
    }

    /// What it is filed under: the item, or its place where not even that can be read.
    pub(super) fn number(&self, item: Option<ItemId>) -> u64 {
        item.map_or(1 << 63 | u64::from(self.folder) << 32 | u64::from(self.uid), |item| item.0)
    }
}

impl Row for BadRow {
    const NAME: &'static str = "bad item";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.number(self.folder);
        out.number(self.uid);
        out.text(&self.text);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        Some(Self { folder: from.u32()?, uid: from.u32()?, text: from.text()?.to_owned() })
    }
}

/// The rows of one kind, by number.
pub(super) fn arrivals<T: Row>(
    read: &impl Read,
    mailbox: MailboxId,
    kind: u8,
) -> Result<BTreeMap<u64, T>, StoreError> {
    let (mut rows, mut outcome) = (BTreeMap::new(), Ok(()));
    let prefix = &keys::arrival(mailbox, kind, 0)[..6];
    read.scan_prefix(prefix, &mut |key, bytes| {
        match keys::number_of(key).and_then(|number| Ok((number, T::from_bytes(bytes)?))) {
            Ok((number, row)) => _ = rows.insert(number, row),
            Err(error) => outcome = Err(error),
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| rows)
}

/// The mailbox that a move fills.
pub(super) fn filled_by(read: &impl Read, id: Guid) -> Result<Option<MailboxId>, StoreError> {
    let number = keys::get::<u64>(read, &keys::by_guid(table::TRANSFER, &id.0))?;
    Ok(number.and_then(|number| number.try_into().ok()).map(MailboxId))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_round_trip(id: [u8; 16], source: u32, n: u64, m: u64, compare: bool, uid: u32, text: String) {
            let row = MoveRow {
                id: Guid(id), source_database: Guid([7; 16]), source: MailboxId(source), items: n, bytes: m,
                turn: n ^ m,
            };
            let hold = Hold { id: Guid(id), turn: m };
            prop_assert_eq!(Hold::from_bytes(&hold.to_bytes()).unwrap(), hold);
            prop_assert_eq!(MoveRow::from_bytes(&row.to_bytes()).unwrap(), row);
            let cursor = Cursor { change: n, compare };
            prop_assert_eq!(Cursor::from_bytes(&cursor.to_bytes()).unwrap(), cursor);
            let bad = BadRow { folder: source, uid, text };
            prop_assert_eq!(BadRow::from_bytes(&bad.to_bytes()).unwrap(), bad);
        }

        #[test]
        fn damaged_rows_never_panic(bytes: Vec<u8>) {
            let _ = MoveRow::from_bytes(&bytes);
            let _ = Hold::from_bytes(&bytes);
            let _ = Cursor::from_bytes(&bytes);
            let _ = BadRow::from_bytes(&bytes);
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let long = StoreError::FolderName("é".repeat(2000));
        assert!(BadRow::new(1, 2, &long).text.len() <= TEXT_LEN_MAX);
    }
}
