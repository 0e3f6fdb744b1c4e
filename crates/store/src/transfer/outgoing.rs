//! What a move reads of the source: the changes of a folder after a change number, page by page, and items
//! by their identity. Rows leave as they are stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, ControlFlow},
};

use bytes::Bytes;
use engine::Read;
use serde::{Deserialize, Serialize};

use super::{
    PageLimits,
    rows::{BadRow, Cursor},
};
use crate::{
    StoreError,
    codec::Row,
    keys::{self, table},
    read::{after_change, place},
    rows::{Detail, Figures, HAS_BAG, ItemRow, Place, Uids},
    types::{ItemId, MailboxId},
    write::Owner,
};

/// One item as the source holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) id: ItemId,
    pub(super) place: Place,
    pub(super) modseq: u64,
    pub(super) row: Vec<u8>,
    /// The large row, for [`Detail::decode`].
    pub(super) detail: Vec<u8>,
    /// Where the source has the body; what has the same position is the same body.
    pub(super) position: u64,
    /// Length of the body, bytes.
    pub(super) len: u32,
    /// Other items share the body.
    pub(super) shared: bool,
    pub(super) moved: Option<Vec<u8>>,
    pub(super) bag: Option<Vec<u8>>,
}

/// Changes of one folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) folder: u32,
    pub(super) items: Vec<Outgoing>,
    /// What could not be read, and what it is filed under.
    pub(super) bad: Vec<(u64, BadRow)>,
    /// UIDs that left the folder.
    pub(super) vanished: BTreeSet<u32>,
    /// The source does not remember all that left the folder: UIDs are to be compared now.
    pub(super) compare: bool,
    /// Where to go on; nothing where the folder itself is gone.
    pub(super) cursor: Option<Cursor>,
    /// The folder had more than went into the page.
    pub(super) more: bool,
}

/// The next page of changes; nothing where all were taken over. Folders take turns, the one that had the last page
/// comes after all others: mail that keeps coming into one does not hold up the rest.
pub(super) fn next_page(
    read: &impl Read,
    mailbox: MailboxId,
    cursors: &BTreeMap<u64, Cursor>,
    last: u32,
    limits: PageLimits,
) -> Result<Option<Page>, StoreError> {
    let mut folders = BTreeMap::new();
    let mut outcome = Ok(());
    read.scan_prefix(&keys::mailbox(table::FIGURES, mailbox), &mut |key, bytes| {
        match keys::uid_of(key).and_then(|number| Ok((number, Figures::from_bytes(bytes)?))) {
            Ok((number, figures)) => _ = folders.insert(number, figures),
            Err(error) => outcome = Err(error),
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome?;
    let gone = |number: &u64| u32::try_from(*number).ok().filter(|number| !folders.contains_key(number));
    if let Some(folder) = cursors.keys().find_map(gone) {
        return Ok(Some(Page {
            folder,
            items: Vec::new(),
            bad: Vec::new(),
            vanished: BTreeSet::new(),
            compare: true,
            cursor: None,
            more: false,
        }));
    }
    let in_turn = folders.range((Bound::Excluded(last), Bound::Unbounded)).chain(folders.range(..=last));
    for (folder, figures) in in_turn {
        let cursor = cursors.get(&u64::from(*folder)).copied().unwrap_or_default();
        if figures.modseq > cursor.change || cursor.compare {
            return page(read, mailbox, *folder, figures, cursor, limits).map(Some);
        }
    }
    Ok(None)
}

fn page(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    figures: &Figures,
    cursor: Cursor,
    limits: PageLimits,
) -> Result<Page, StoreError> {
    let mut changes = Vec::new();
    let mut outcome = Ok(());
    let (from, to) = after_change(table::CHANGE, mailbox, folder, cursor.change);
    read.scan(Bound::Excluded(&from), Bound::Included(&to), false, &mut |key, value| {
        outcome = keys::number_of(key).and_then(|change| {
            changes.push((change, keys::uid_of(value)?));
            Ok(())
        });
        if outcome.is_ok() && changes.len() < limits.items {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    outcome?;
    let mut is_last = changes.len() < limits.items;
    let (mut items, mut bad, mut bytes, mut upto) = (Vec::new(), Vec::new(), 0, cursor.change);
    for (change, uid) in changes {
        if bytes >= limits.bytes {
            is_last = false;
            break;
        }
        upto = change;
        match item(read, mailbox, Place { folder, uid }) {
            Ok(found) => {
                bytes += u64::from(found.len);
                items.push(found);
            }
            Err(Unreadable { item, error: error @ (StoreError::Row(_) | StoreError::NoItem(_)) }) => {
                let row = BadRow::new(folder, uid, &error);
                bad.push((row.number(item), row));
            }
            Err(Unreadable { error, .. }) => return Err(error),
        }
    }
    if is_last {
        upto = upto.max(figures.modseq);
    }
    // Also before the first page: an item may have come here from a folder that was taken over before.
    let forgot = figures.vanished_floor > cursor.change;
    let compare = cursor.compare || forgot;
    let left = left(read, mailbox, folder, cursor, upto)?;
    Ok(Page {
        folder,
        items,
        bad,
        vanished: left,
        compare: compare && is_last,
        cursor: Some(Cursor { change: upto, compare: compare && !is_last }),
        more: !is_last,
    })
}

/// The UIDs that left a folder after the cursor, up to a change number.
fn left(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    cursor: Cursor,
    upto: u64,
) -> Result<BTreeSet<u32>, StoreError> {
    let (from, to) = (
        keys::in_folder(table::VANISHED, mailbox, folder, cursor.change),
        keys::in_folder(table::VANISHED, mailbox, folder, upto),
    );
    let (mut uids, mut outcome) = (BTreeSet::new(), Ok(()));
    if from >= to {
        return Ok(uids);
    }
    read.scan(Bound::Excluded(&from), Bound::Included(&to), false, &mut |_, value| {
        outcome = Uids::from_bytes(value).map(|row| uids.extend(row.0));
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| uids)
}

/// Why an item could not be read, and which it is, as far as that could be.
struct Unreadable {
    item: Option<ItemId>,
    error: StoreError,
}

/// The item at a place.
fn item(read: &impl Read, mailbox: MailboxId, place: Place) -> Result<Outgoing, Unreadable> {
    let unknown = |error| Unreadable { item: None, error };
    let key = keys::item(mailbox, place.folder, place.uid);
    let bytes = read.get(&key).map_err(|error| unknown(error.into()))?;
    let bytes = bytes.ok_or_else(|| unknown(StoreError::Row(ItemRow::NAME)))?;
    let row = ItemRow::from_bytes(&bytes).map_err(unknown)?;
    let known = |error| Unreadable { item: Some(row.id), error };
    read_rest(read, mailbox, place, &row, bytes).map_err(known)
}

fn read_rest(
    read: &impl Read,
    mailbox: MailboxId,
    place: Place,
    row: &ItemRow,
    bytes: Bytes,
) -> Result<Outgoing, StoreError> {
    let get = |table| read.get(&keys::by_id(table, mailbox, row.id));
    let detail = get(table::DETAIL)?.ok_or(StoreError::NoItem(row.id))?;
    let body = Detail::decode(&detail)?.body;
    let bag = if row.flags & HAS_BAG == 0 { None } else { read.get(&Owner::Item(row.id).key(mailbox))? };
    Ok(Outgoing {
        id: row.id,
        place,
        modseq: row.modseq,
        row: bytes.to_vec(),
        position: body.position,
        len: body.len,
        shared: read.get(&keys::shared(body.position))?.is_some(),
        detail: detail.to_vec(),
        moved: get(table::PLACE)?.map(Vec::from),
        bag: bag.map(Vec::from),
    })
}

/// The item of an identity as it is now; nothing where it is gone.
pub(super) fn by_id(
    read: &impl Read,
    mailbox: MailboxId,
    id: ItemId,
) -> Result<Option<Outgoing>, StoreError> {
    match place(read, mailbox, id) {
        Ok(at) => item(read, mailbox, at).map(Some).map_err(|unreadable| unreadable.error),
        Err(StoreError::NoItem(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
