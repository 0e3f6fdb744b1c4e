//! One mailbox within a transaction: the only place where items come, go and change, so that every counter
//! is kept exact in one place.

use std::ops::ControlFlow;

use base::Timestamp;
use engine::{BodyRef, Read, Txn};

use crate::{
    StoreError,
    codec::Row,
    keys::{self, table},
    read::{listing, scan_items},
    roles::is_recoverable,
    rows::{Detail, Figures, ItemRow, Keywords, Moved, Place, Totals, Uids},
    types::{FolderId, ItemId, MailboxId, UidRanges},
};

/// The folders a transaction changed and the change numbers they reached.
pub(crate) type Touched = Vec<((MailboxId, u32), u64)>;

/// Rows of vanished items kept in a folder; beyond it the oldest are forgotten and clients that slept
/// longer compare UID lists instead.
const VANISHED_ROWS_MAX: u32 = 4096;
/// Changes after which a folder's listing is written anew: at least, and at most while it is small.
const LISTING_EVERY: std::ops::RangeInclusive<u32> = 8..=256;
/// Different keywords in one mailbox.
const KEYWORDS_MAX: usize = 1024;
/// Length of a keyword, bytes.
const KEYWORD_LEN_MAX: usize = 255;

/// A mailbox opened by the writer. Nothing of the counters is written before [`Ledger::finish`].
pub(crate) struct Ledger<'t, 'e> {
    pub(crate) txn: &'t mut Txn<'e>,
    pub(crate) mailbox: MailboxId,
    /// When the change was asked for.
    pub(crate) now: Timestamp,
    pub(crate) totals: Totals,
    folders: Vec<OpenFolder>,
}

/// A folder as far as this transaction has come.
pub(crate) struct OpenFolder {
    number: u32,
    pub(crate) figures: Figures,
    vanished: Vec<u32>,
    /// Changes to its items.
    changes: u32,
    changed: bool,
    /// The folder was deleted: nothing of it is written any more.
    deleted: bool,
}

impl OpenFolder {
    /// Notes a change number given for something in this folder.
    pub(crate) fn touch(&mut self, change: u64) {
        self.figures.modseq = change;
        self.changed = true;
    }
}

/// An item about to be made.
pub(crate) struct NewItem<'a> {
    pub(crate) flags: u8,
    pub(crate) keywords: Vec<u16>,
    pub(crate) received: Timestamp,
    pub(crate) body: BodyRef,
    pub(crate) class: &'a str,
    pub(crate) summary: &'a [u8],
}

impl<'t, 'e> Ledger<'t, 'e> {
    pub(crate) fn open(txn: &'t mut Txn<'e>, mailbox: MailboxId, now: Timestamp) -> Result<Self, StoreError> {
        let key = keys::mailbox(table::TOTALS, mailbox);
        let totals: Totals = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
        if totals.locked {
            return Err(StoreError::Moving);
        }
        Ok(Self { txn, mailbox, now, totals, folders: Vec::new() })
    }

    /// The folder's counters, read once.
    pub(crate) fn folder(&mut self, number: u32) -> Result<&mut OpenFolder, StoreError> {
        if let Some(at) = self.folders.iter().position(|open| open.number == number) {
            return Ok(&mut self.folders[at]);
        }
        let key = keys::folder(table::FIGURES, self.mailbox, number);
        let missing = || StoreError::NoFolder(FolderId(number.into()));
        let figures = keys::get(self.txn, &key)?.ok_or_else(missing)?;
        let at = self.folders.len();
        self.folders.push(OpenFolder {
            number,
            figures,
            vanished: Vec::new(),
            changes: 0,
            changed: false,
            deleted: false,
        });
        Ok(&mut self.folders[at])
    }

    /// Makes an item. The body's count of sharers is the caller's to keep.
    pub(crate) fn insert(&mut self, folder: u32, new: NewItem<'_>) -> Result<(Place, ItemId), StoreError> {
        self.insert_copy(folder, new, None)
    }

    /// Makes an item of the content of `origin`, the first item that had it.
    pub(crate) fn insert_copy(
        &mut self,
        folder: u32,
        new: NewItem<'_>,
        origin: Option<ItemId>,
    ) -> Result<(Place, ItemId), StoreError> {
        self.folder(folder)?;
        let id = ItemId(self.totals.change + 1);
        let row = ItemRow {
            id,
            flags: new.flags,
            modseq: id.0,
            received: new.received,
            size: new.body.len,
            keywords: new.keywords,
        };
        let place = self.place(folder, row)?;
        let NewItem { body, class, summary, .. } = new;
        let detail = Detail { body, place, origin, saved: Some(self.now), class, summary };
        self.txn.put(&keys::by_id(table::DETAIL, self.mailbox, id), &detail.encode());
        Ok((place, id))
    }

    /// Puts an item row into a folder under the next UID and change number.
    pub(crate) fn place(&mut self, folder: u32, mut row: ItemRow) -> Result<Place, StoreError> {
        let open = self.folder(folder)?;
        let uid = open.figures.uid_next;
        open.figures.uid_next = uid.checked_add(1).ok_or(StoreError::Limit("the folder is out of UIDs"))?;
        row.modseq = self.totals.next_change();
        self.count(folder, &row, true)?;
        self.write(folder, uid, &row)?;
        Ok(Place { folder, uid })
    }

    /// Moves an item with the given flags to another folder, or to the end of its own; it keeps its identity.
    pub(crate) fn relocate(
        &mut self,
        folder: u32,
        uid: u32,
        row: ItemRow,
        flags: u8,
        target: u32,
    ) -> Result<Place, StoreError> {
        let id = row.id;
        self.take_out(folder, uid, &row)?;
        let place = self.place(target, ItemRow { flags, ..row })?;
        let moved = Moved { place, at: self.now };
        self.txn.put(&keys::by_id(table::PLACE, self.mailbox, id), &moved.to_bytes());
        Ok(place)
    }

    /// Gives an item new flags, keywords or bag bit under the next change number.
    pub(crate) fn replace(
        &mut self,
        folder: u32,
        uid: u32,
        old: &ItemRow,
        mut new: ItemRow,
    ) -> Result<(), StoreError> {
        self.txn.delete(&keys::in_folder(table::CHANGE, self.mailbox, folder, old.modseq));
        self.count(folder, old, false)?;
        new.modseq = self.totals.next_change();
        self.count(folder, &new, true)?;
        self.write(folder, uid, &new)
    }

    /// Takes an item row out of a folder; its detail and body stay.
    pub(crate) fn take_out(&mut self, folder: u32, uid: u32, row: &ItemRow) -> Result<(), StoreError> {
        self.count(folder, row, false)?;
        self.txn.delete(&keys::item(self.mailbox, folder, uid));
        self.txn.delete(&keys::in_folder(table::CHANGE, self.mailbox, folder, row.modseq));
        let open = self.folder(folder)?;
        open.vanished.push(uid);
        open.changes += 1;
        Ok(())
    }

    fn write(&mut self, folder: u32, uid: u32, row: &ItemRow) -> Result<(), StoreError> {
        self.txn.put(&keys::item(self.mailbox, folder, uid), &row.to_bytes());
        self.txn.put(&keys::in_folder(table::CHANGE, self.mailbox, folder, row.modseq), &uid.to_be_bytes());
        let open = self.folder(folder)?;
        open.touch(row.modseq);
        open.changes += 1;
        Ok(())
    }

    /// Adds the row to, or takes it from, every counter.
    fn count(&mut self, folder: u32, row: &ItemRow, add: bool) -> Result<(), StoreError> {
        let open = self.folder(folder)?;
        let figures = &mut open.figures;
        step(&mut figures.items, 1, add);
        step(&mut figures.unread, row.is_unread().into(), add);
        step(&mut figures.deleted, row.is_deleted().into(), add);
        step_wide(&mut figures.size, row.size.into(), add);
        let totals = &mut self.totals;
        let (items, size) = if is_recoverable(folder) {
            (&mut totals.recoverable, &mut totals.recoverable_size)
        } else {
            (&mut totals.items, &mut totals.size)
        };
        step_wide(items, 1, add);
        step_wide(size, row.size.into(), add);
        Ok(())
    }

    /// Counts an associated item of `size` bytes in or out, under a change number.
    pub(crate) fn count_associated(
        &mut self,
        folder: u32,
        size: u64,
        add: bool,
        change: u64,
    ) -> Result<(), StoreError> {
        let open = self.folder(folder)?;
        step(&mut open.figures.associated, 1, add);
        step_wide(&mut open.figures.associated_size, size, add);
        open.touch(change);
        step_wide(&mut self.totals.associated, 1, add);
        step_wide(&mut self.totals.associated_size, size, add);
        Ok(())
    }

    /// The rows in the ranges, ascending.
    pub(crate) fn items(
        &self,
        folder: u32,
        ranges: &UidRanges,
        wanted: impl Fn(&ItemRow) -> bool,
    ) -> Result<Vec<(u32, ItemRow)>, StoreError> {
        let mut found = Vec::new();
        scan_items(self.txn, self.mailbox, folder, ranges, &mut |uid, row| {
            if wanted(&row) {
                found.push((uid, row));
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The item's large row, as bytes for [`Detail::decode`].
    pub(crate) fn detail(&self, item: ItemId) -> Result<bytes::Bytes, StoreError> {
        let key = keys::by_id(table::DETAIL, self.mailbox, item);
        self.txn.get(&key)?.ok_or(StoreError::NoItem(item))
    }

    /// Numbers of keywords, ascending; new ones are entered in the mailbox's list.
    pub(crate) fn keywords(&mut self, names: &[String]) -> Result<Vec<u16>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let key = keys::mailbox(table::KEYWORDS, self.mailbox);
        let mut known: Keywords = keys::get(self.txn, &key)?.unwrap_or_default();
        let before = known.0.len();
        let mut numbers = Vec::with_capacity(names.len());
        for name in names {
            if name.is_empty() || name.len() > KEYWORD_LEN_MAX {
                return Err(StoreError::Limit("a keyword has 1 to 255 bytes"));
            }
            if known.position(name).is_none() {
                known.0.push(name.clone());
            }
            numbers.extend(known.position(name));
        }
        if known.0.len() > KEYWORDS_MAX {
            return Err(StoreError::Limit("the mailbox has too many keywords"));
        }
        if known.0.len() > before {
            self.txn.put(&key, &known.to_bytes());
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// The folder is deleted: its counters are not written back, those who watch it wake a last time.
    pub(crate) fn forget(&mut self, folder: u32) -> Result<(), StoreError> {
        self.folder(folder)?.deleted = true;
        Ok(())
    }

    /// Writes what vanished and all counters.
    pub(crate) fn finish(mut self, touched: &mut Touched) -> Result<(), StoreError> {
        for mut open in std::mem::take(&mut self.folders) {
            if open.deleted {
                touched.push(((self.mailbox, open.number), u64::MAX));
                continue;
            }
            if !open.vanished.is_empty() {
                self.write_vanished(&mut open)?;
            }
            if open.changes > 0 {
                self.keep_listing(&mut open)?;
            }
            if open.changed {
                let key = keys::folder(table::FIGURES, self.mailbox, open.number);
                self.txn.put(&key, &open.figures.to_bytes());
                touched.push(((self.mailbox, open.number), open.figures.modseq));
            }
        }
        self.txn.put(&keys::mailbox(table::TOTALS, self.mailbox), &self.totals.to_bytes());
        Ok(())
    }

    /// Writes the folder's listing anew where that is due: as often as keeps it quick to bring up to date,
    /// as seldom as keeps a listing with many gaps from being most of what is written.
    fn keep_listing(&mut self, open: &mut OpenFolder) -> Result<(), StoreError> {
        let figures = &mut open.figures;
        figures.listing_due = figures.listing_due.saturating_sub(open.changes);
        if figures.listing_due > 0 {
            return Ok(());
        }
        let mut listing = listing(self.txn, self.mailbox, open.number, figures)?;
        // Every seen item was a change once: at this pace the look for the first unseen one keeps up.
        let pace = open.changes.max(*LISTING_EVERY.end()).saturating_mul(4);
        listing.skip_seen(self.txn, self.mailbox, open.number, pace)?;
        self.txn.put(&keys::folder(table::LISTING, self.mailbox, open.number), &listing.to_bytes());
        let small = (figures.items / 4).clamp(*LISTING_EVERY.start(), *LISTING_EVERY.end());
        let gaps = u32::try_from(listing.uids.len()).unwrap_or(u32::MAX);
        figures.listing_due = small.max(gaps / 16);
        Ok(())
    }

    /// One row for all that left the folder in this transaction; the oldest row goes when there are many.
    fn write_vanished(&mut self, open: &mut OpenFolder) -> Result<(), StoreError> {
        let mut uids = Uids(std::mem::take(&mut open.vanished));
        uids.0.sort_unstable();
        let change = self.totals.next_change();
        self.txn.put(&keys::in_folder(table::VANISHED, self.mailbox, open.number, change), &uids.to_bytes());
        open.touch(change);
        let figures = &mut open.figures;
        figures.vanished_rows += 1;
        if figures.vanished_rows > VANISHED_ROWS_MAX {
            let mut oldest = None;
            let prefix = keys::folder(table::VANISHED, self.mailbox, open.number);
            self.txn.scan_prefix(&prefix, &mut |key, _| {
                oldest = keys::tail(key).map(u64::from_be_bytes);
                ControlFlow::Break(())
            })?;
            if let Some(oldest) = oldest {
                self.txn.delete(&keys::in_folder(table::VANISHED, self.mailbox, open.number, oldest));
                figures.vanished_floor = oldest;
                figures.vanished_rows -= 1;
            }
        }
        Ok(())
    }
}

/// Counters never wrap: a count that would is a defect the checker reports, not a panic in the writer.
fn step(counter: &mut u32, by: u32, add: bool) {
    *counter = if add { counter.saturating_add(by) } else { counter.saturating_sub(by) };
}

fn step_wide(counter: &mut u64, by: u64, add: bool) {
    *counter = if add { counter.saturating_add(by) } else { counter.saturating_sub(by) };
}

/// One more item shares the body.
pub(crate) fn share_body(txn: &mut Txn<'_>, body: &BodyRef, more: u64) -> Result<(), StoreError> {
    if more == 0 {
        return Ok(());
    }
    let key = keys::shared(body.position);
    let sharers = keys::get::<u64>(txn, &key)?.unwrap_or(1) + more;
    txn.put(&key, &sharers.to_bytes());
    Ok(())
}

/// One item fewer shares the body; the last one gives its space back.
pub(crate) fn release_body(txn: &mut Txn<'_>, body: &BodyRef) -> Result<(), StoreError> {
    let key = keys::shared(body.position);
    match keys::get::<u64>(txn, &key)? {
        None => txn.release_body(body),
        Some(0..=2) => txn.delete(&key),
        Some(sharers) => txn.put(&key, &(sharers - 1).to_bytes()),
    }
    Ok(())
}
