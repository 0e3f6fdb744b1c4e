//! What is done to items: append, flags, copy, move, remove.

use std::borrow::Cow;

use base::Timestamp;
use bytes::Bytes;
use engine::Read;

use super::{
    ledger::{Ledger, NewItem, release_body, share_body},
    properties::Owner,
};
use crate::{
    Change, Mailbox, StoreError,
    keys::{self, table},
    roles::{FolderRole, is_recoverable},
    rows::{Detail, HAS_BAG, ItemRow},
    types::{FlagChange, Flags, FolderId, Limits, UidRanges},
};

/// A message to be stored by its owner.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The message, in parts that are stored one after the other.
    pub parts: Vec<Bytes>,
    /// `wire::mime::Summary` of it, encoded.
    pub summary: Bytes,
    /// Message class: `IPM.Note` …
    pub class: Cow<'static, str>,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE.
    pub received: Timestamp,
}

/// What becomes of removed items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// They go to Recoverable Items; from there they are destroyed.
    Recoverable,
    /// They are gone, and their bodies with the last item that shares them.
    Destroy,
}

impl Mailbox {
    /// Stores a message; resolves to its UID.
    pub fn append(&self, folder: FolderId, message: NewMessage, limits: Limits) -> Change<u32> {
        self.change(move |ledger| append(ledger, folder, &message, limits))
    }

    /// Changes flags. Items whose modseq is above `unchanged_since` are left alone; resolves to their UIDs.
    /// Items that have the flags already keep their modseq.
    pub fn change_flags(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        change: FlagChange,
        flags: Flags,
        unchanged_since: Option<u64>,
    ) -> Change<Vec<u32>> {
        self.change(move |ledger| {
            let number = folder.number()?;
            ledger.folder(number)?;
            let keywords = ledger.keywords(&flags.keywords)?;
            let mut refused = Vec::new();
            for (uid, old) in ledger.items(number, &ranges, |_| true)? {
                if unchanged_since.is_some_and(|modseq| old.modseq > modseq) {
                    refused.push(uid);
                    continue;
                }
                let new = with_flags(&old, change, flags.system & Flags::ALL, &keywords);
                if new != old {
                    ledger.replace(number, uid, &old, new)?;
                }
            }
            Ok(refused)
        })
    }

    /// Copies; bodies are shared. Resolves to pairs of old and new UID, ascending by old.
    pub fn copy(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        target: FolderId,
        limits: Limits,
    ) -> Change<Vec<(u32, u32)>> {
        self.change(move |ledger| {
            let (number, target) = (folder.number()?, target.number()?);
            ledger.folder(number)?;
            ledger.folder(target)?;
            let rows = ledger.items(number, &ranges, |_| true)?;
            let len = rows.iter().map(|(_, row)| u64::from(row.size)).sum();
            limits.admit(ledger.totals.size, len)?;
            rows.into_iter().map(|(uid, row)| Ok((uid, copy(ledger, target, row)?))).collect()
        })
    }

    /// Moves, all or none; items keep their identity. Resolves to pairs of old and new UID, ascending by old.
    pub fn move_items(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        target: FolderId,
    ) -> Change<Vec<(u32, u32)>> {
        self.change(move |ledger| {
            let (number, target) = (folder.number()?, target.number()?);
            ledger.folder(number)?;
            ledger.folder(target)?;
            let rows = ledger.items(number, &ranges, |_| true)?;
            let relocate = |(uid, row): (u32, ItemRow)| {
                let flags = row.flags;
                Ok((uid, ledger.relocate(number, uid, row, flags, target)?.uid))
            };
            rows.into_iter().map(relocate).collect()
        })
    }

    /// Removes the items in the ranges that are marked \Deleted; resolves to their UIDs.
    pub fn expunge(&self, folder: FolderId, ranges: UidRanges, removal: Removal) -> Change<Vec<u32>> {
        self.change(move |ledger| remove(ledger, folder, &ranges, removal, ItemRow::is_deleted))
    }

    /// Removes the items in the ranges; resolves to their UIDs.
    pub fn remove_items(&self, folder: FolderId, ranges: UidRanges, removal: Removal) -> Change<Vec<u32>> {
        self.change(move |ledger| remove(ledger, folder, &ranges, removal, |_| true))
    }
}

/// Stores a message in a folder; returns its UID.
pub(super) fn append(
    ledger: &mut Ledger<'_, '_>,
    folder: FolderId,
    message: &NewMessage,
    limits: Limits,
) -> Result<u32, StoreError> {
    let number = folder.number()?;
    ledger.folder(number)?;
    let len = message.parts.iter().map(|part| part.len() as u64).sum();
    limits.admit(ledger.totals.size, len)?;
    let keywords = ledger.keywords(&message.flags.keywords)?;
    let new = NewItem {
        flags: message.flags.system & Flags::ALL,
        keywords,
        received: message.received,
        body: ledger.txn.append_body(&message.parts),
        class: &message.class,
        summary: &message.summary,
    };
    ledger.insert(number, new).map(|(place, _)| place.uid)
}

fn with_flags(old: &ItemRow, change: FlagChange, system: u8, keywords: &[u16]) -> ItemRow {
    let mut new = old.clone();
    match change {
        FlagChange::Replace => {
            new.flags = old.flags & !Flags::ALL | system;
            new.keywords = keywords.to_vec();
        }
        FlagChange::Add => {
            new.flags |= system;
            new.keywords.extend(keywords);
            new.keywords.sort_unstable();
            new.keywords.dedup();
        }
        FlagChange::Remove => {
            new.flags &= !system;
            new.keywords.retain(|keyword| !keywords.contains(keyword));
        }
    }
    new
}

/// Makes a second item of the same body; resolves to its UID.
fn copy(ledger: &mut Ledger<'_, '_>, target: u32, row: ItemRow) -> Result<u32, StoreError> {
    let bytes = ledger.detail(row.id)?;
    let detail = Detail::decode(&bytes)?;
    share_body(ledger.txn, &detail.body, 1)?;
    let new = NewItem {
        flags: row.flags,
        keywords: row.keywords,
        received: row.received,
        body: detail.body,
        class: detail.class,
        summary: detail.summary,
    };
    let origin = detail.origin.unwrap_or(row.id);
    let (place, id) = ledger.insert_copy(target, new, Some(origin))?;
    if row.flags & HAS_BAG != 0
        && let Some(bag) = ledger.txn.get(&Owner::Item(row.id).key(ledger.mailbox))?
    {
        ledger.txn.put(&Owner::Item(id).key(ledger.mailbox), &bag);
    }
    Ok(place.uid)
}

pub(super) fn remove(
    ledger: &mut Ledger<'_, '_>,
    folder: FolderId,
    ranges: &UidRanges,
    removal: Removal,
    wanted: impl Fn(&ItemRow) -> bool,
) -> Result<Vec<u32>, StoreError> {
    let number = folder.number()?;
    ledger.folder(number)?;
    let rows = ledger.items(number, ranges, wanted)?;
    let mut uids = Vec::with_capacity(rows.len());
    for (uid, row) in rows {
        uids.push(uid);
        if removal == Removal::Destroy || is_recoverable(number) {
            destroy(ledger, number, uid, &row)?;
        } else {
            // No longer marked \Deleted: there it is an item like any other.
            let flags = row.flags & !Flags::DELETED;
            ledger.relocate(number, uid, row, flags, FolderRole::Deletions.number())?;
        }
    }
    Ok(uids)
}

/// Removes an item for good.
pub(super) fn destroy(
    ledger: &mut Ledger<'_, '_>,
    folder: u32,
    uid: u32,
    row: &ItemRow,
) -> Result<(), StoreError> {
    ledger.take_out(folder, uid, row)?;
    let bytes = ledger.detail(row.id)?;
    release_body(ledger.txn, &Detail::decode(&bytes)?.body)?;
    for table in [table::DETAIL, table::PLACE] {
        ledger.txn.delete(&keys::by_id(table, ledger.mailbox, row.id));
    }
    if row.flags & HAS_BAG != 0 {
        ledger.txn.delete(&Owner::Item(row.id).key(ledger.mailbox));
    }
    Ok(())
}
