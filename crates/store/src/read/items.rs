//! Items, their summaries and their bodies.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use bytes::{Bytes, BytesMut};
use engine::Read;

use crate::{
    Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    rows::{Detail, Figures, ItemRow, Keywords, Moved, Place},
    types::{FolderId, Item, ItemId, MailboxId, UidRanges},
};

impl Mailbox {
    /// Items in the ranges, ascending, at most `limit`; go on after the last UID returned.
    pub fn items(&self, folder: FolderId, ranges: &UidRanges, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.database.view(|view| {
            let rows = item_rows(view, self.id, folder.number()?, ranges, limit)?;
            into_items(view, self.id, rows)
        })
    }

    /// Items and their summaries, from one view: what [`Mailbox::items`] and [`Mailbox::summaries`] give.
    pub fn items_with_summaries(
        &self,
        folder: FolderId,
        ranges: &UidRanges,
        limit: usize,
    ) -> Result<Vec<(Item, Bytes)>, StoreError> {
        self.database.view(|view| {
            let rows = item_rows(view, self.id, folder.number()?, ranges, limit)?;
            let ids: Vec<ItemId> = rows.iter().map(|(_, row)| row.id).collect();
            let summaries = summaries(view, self.id, &ids)?;
            Ok(into_items(view, self.id, rows)?.into_iter().zip(summaries).collect())
        })
    }

    /// The summaries given when the items were made, one per item asked for; empty where it is gone.
    pub fn summaries(&self, items: &[ItemId]) -> Result<Vec<Bytes>, StoreError> {
        self.database.view(|view| summaries(view, self.id, items))
    }

    /// The bytes as they were received, to the byte.
    pub fn body(&self, item: ItemId) -> Result<Bytes, StoreError> {
        let body = self.detail(item, |detail| detail.body)?;
        Ok(self.database.engine().read_body(&body)?)
    }

    /// The item's message class.
    pub fn class(&self, item: ItemId) -> Result<String, StoreError> {
        self.detail(item, |detail| detail.class.to_owned())
    }

    /// The folder an item is in, and its UID there.
    pub fn locate(&self, item: ItemId) -> Result<(FolderId, u32), StoreError> {
        let place = self.database.view(|view| place(view, self.id, item))?;
        Ok((FolderId(place.folder.into()), place.uid))
    }

    fn detail<R>(&self, item: ItemId, pick: impl FnOnce(Detail<'_>) -> R) -> Result<R, StoreError> {
        let key = keys::by_id(table::DETAIL, self.id, item);
        let bytes = self.database.view(|view| view.get(&key))?.ok_or(StoreError::NoItem(item))?;
        Ok(pick(Detail::decode(&bytes)?))
    }
}

/// Where an item is now.
pub(crate) fn place(read: &impl Read, mailbox: MailboxId, item: ItemId) -> Result<Place, StoreError> {
    if let Some(moved) = keys::get::<Moved>(read, &keys::by_id(table::PLACE, mailbox, item))? {
        return Ok(moved.place);
    }
    let key = keys::by_id(table::DETAIL, mailbox, item);
    let bytes = read.get(&key)?.ok_or(StoreError::NoItem(item))?;
    Ok(Detail::decode(&bytes)?.place)
}

/// A folder's counters.
pub(crate) fn figures(read: &impl Read, mailbox: MailboxId, folder: u32) -> Result<Figures, StoreError> {
    let missing = || StoreError::NoFolder(FolderId(folder.into()));
    keys::get(read, &keys::folder(table::FIGURES, mailbox, folder))?.ok_or_else(missing)
}

/// Up to `limit` rows in the ranges; `NoFolder` where there is none.
fn item_rows(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    ranges: &[RangeInclusive<u32>],
    limit: usize,
) -> Result<Vec<(u32, ItemRow)>, StoreError> {
    let figures = figures(read, mailbox, folder)?;
    let mut rows = Vec::with_capacity(limit.min(figures.items as usize));
    if limit == 0 {
        return Ok(rows);
    }
    scan_items(read, mailbox, folder, ranges, &mut |uid, row| {
        rows.push((uid, row));
        if rows.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}

/// Rows as callers see them; the names of keywords are read only where an item has one.
pub(crate) fn into_items(
    read: &impl Read,
    mailbox: MailboxId,
    rows: Vec<(u32, ItemRow)>,
) -> Result<Vec<Item>, StoreError> {
    let mut names = Keywords::default();
    if rows.iter().any(|(_, row)| !row.keywords.is_empty()) {
        names = keys::get(read, &keys::mailbox(table::KEYWORDS, mailbox))?.unwrap_or_default();
    }
    Ok(rows.into_iter().map(|(uid, row)| row.into_item(uid, &names)).collect())
}

/// Visits the items in the ranges, ascending, until the visitor breaks.
pub(crate) fn scan_items(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    ranges: &[RangeInclusive<u32>],
    visit: &mut dyn FnMut(u32, ItemRow) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for range in ranges {
        if range.start() == range.end() {
            let row = keys::get(read, &keys::item(mailbox, folder, *range.start()))?;
            if row.is_some_and(|row| visit(*range.start(), row).is_break()) {
                return Ok(());
            }
            continue;
        }
        let flow = scan_rows(read, mailbox, folder, range, &mut |uid, bytes| {
            Ok(visit(uid, ItemRow::from_bytes(bytes)?))
        })?;
        if flow.is_break() {
            return Ok(());
        }
    }
    Ok(())
}

/// The keys with a prefix, of tables that have few.
pub(crate) fn scan_prefix_keys(read: &impl Read, prefix: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut found = Vec::new();
    read.scan_prefix(prefix, &mut |key, _| {
        found.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Takes a uid and its undecoded row.
type VisitRow<'a> = dyn FnMut(u32, &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// Visits the undecoded rows of one range; tells whether the visitor broke.
fn scan_rows(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    range: &RangeInclusive<u32>,
    visit: &mut VisitRow<'_>,
) -> Result<ControlFlow<()>, StoreError> {
    let (from, to) = (keys::item(mailbox, folder, *range.start()), keys::item(mailbox, folder, *range.end()));
    if from > to {
        return Ok(ControlFlow::Continue(()));
    }
    let mut outcome = Ok(ControlFlow::Continue(()));
    read.scan(Bound::Included(&from), Bound::Included(&to), false, &mut |key, bytes| {
        outcome = keys::uid_of(key).and_then(|uid| visit(uid, bytes));
        if matches!(outcome, Ok(ControlFlow::Continue(()))) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    outcome
}

/// How many times more rows than wanted a scan may pass before single look-ups are cheaper.
const SCAN_DENSITY: u64 = 4;

/// One summary an item, all in one buffer. Ascending ids that lie close together are one range scan.
fn summaries(read: &impl Read, mailbox: MailboxId, ids: &[ItemId]) -> Result<Vec<Bytes>, StoreError> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let mut buffer = BytesMut::with_capacity(ids.len() * 512);
    let mut ends = Vec::with_capacity(ids.len());
    let ascending = ids.is_sorted_by(|a, b| a < b);
    if ascending && last.0 - first.0 < ids.len() as u64 * SCAN_DENSITY {
        let (from, to) =
            (keys::by_id(table::DETAIL, mailbox, *first), keys::by_id(table::DETAIL, mailbox, *last));
        let mut outcome = Ok(());
        read.scan(Bound::Included(&from), Bound::Included(&to), false, &mut |key, bytes| {
            outcome = keys::number_of(key).and_then(|id| {
                while ids.get(ends.len()).is_some_and(|wanted| wanted.0 < id) {
                    ends.push(buffer.len());
                }
                if ids.get(ends.len()).is_some_and(|wanted| wanted.0 == id) {
                    buffer.extend_from_slice(Detail::decode(bytes)?.summary);
                    ends.push(buffer.len());
                }
                Ok(())
            });
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome?;
        ends.resize(ids.len(), buffer.len());
    } else {
        for id in ids {
            if let Some(bytes) = read.get(&keys::by_id(table::DETAIL, mailbox, *id))? {
                buffer.extend_from_slice(Detail::decode(&bytes)?.summary);
            }
            ends.push(buffer.len());
        }
    }
    let all = buffer.freeze();
    let mut start = 0;
    Ok(ends.into_iter().map(|end| all.slice(std::mem::replace(&mut start, end)..end)).collect())
}
