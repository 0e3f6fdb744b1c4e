//! What happened in a folder since a change number: for CONDSTORE, IDLE and synchronisation.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, ControlFlow},
};

use engine::Read;

use super::items::{figures, into_items};
use crate::{
    Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    rows::{ItemRow, Uids},
    types::{Changes, FolderId, MailboxId},
};

/// Changes read in one view, so that no view holds the writer off for long.
const PAGE: usize = 2048;

impl Mailbox {
    /// What changed after `modseq`.
    ///
    /// An item that came and went in between may be among the vanished. Where the folder no longer
    /// remembers that far back, every UID it has given and no longer holds is named.
    pub fn changes_since(&self, folder: FolderId, modseq: u64) -> Result<Changes, StoreError> {
        let number = folder.number()?;
        let mut changed: BTreeMap<u32, ItemRow> = BTreeMap::new();
        let mut reached = modseq;
        loop {
            let done = self.database.view(|view| {
                let figures = figures(view, self.id, number)?;
                let last = changed_page(view, self.id, number, reached, &mut changed)?;
                if let Some(last) = last {
                    reached = last;
                    return Ok(None);
                }
                let forgotten = modseq < figures.vanished_floor;
                let vanished = if forgotten { None } else { Some(vanished(view, self.id, number, modseq)?) };
                if let Some(vanished) = &vanished {
                    changed.retain(|uid, _| !vanished.contains(uid));
                }
                let rows = std::mem::take(&mut changed).into_iter().collect();
                let changed = into_items(view, self.id, rows)?;
                Ok::<_, StoreError>(Some((changed, vanished, figures)))
            })?;
            let Some((changed, vanished, figures)) = done else { continue };
            let vanished = match vanished {
                Some(vanished) => vanished.into_iter().collect(),
                None => absent(&self.uids(folder)?, figures.uid_next),
            };
            return Ok(Changes { changed, vanished, modseq: figures.modseq.max(modseq) });
        }
    }
}

/// Adds one page of changed items; the change number to go on from, or `None` when this was the last page.
fn changed_page(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    after: u64,
    changed: &mut BTreeMap<u32, ItemRow>,
) -> Result<Option<u64>, StoreError> {
    let mut uids = Vec::new();
    let mut last = after;
    let (from, to) = after_change(table::CHANGE, mailbox, folder, after);
    let mut outcome = Ok(());
    read.scan(Bound::Excluded(&from), Bound::Included(&to), false, &mut |key, value| {
        outcome = keys::number_of(key).and_then(|change| {
            last = change;
            uids.push(keys::uid_of(value)?);
            Ok(())
        });
        if outcome.is_ok() && uids.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome?;
    let full = uids.len() == PAGE;
    for uid in uids {
        if let Some(row) = keys::get(read, &keys::item(mailbox, folder, uid))? {
            changed.insert(uid, row);
        }
    }
    Ok(full.then_some(last))
}

/// UIDs that left the folder after a change number.
pub(super) fn vanished(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    after: u64,
) -> Result<BTreeSet<u32>, StoreError> {
    let (from, to) = after_change(table::VANISHED, mailbox, folder, after);
    let mut uids = BTreeSet::new();
    let mut outcome = Ok(());
    read.scan(Bound::Excluded(&from), Bound::Included(&to), false, &mut |_, value| {
        outcome = Uids::from_bytes(value).map(|row| uids.extend(row.0));
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| uids)
}

/// The keys of a table by change number after the given one: excluded and included bound.
pub(crate) fn after_change(table: u8, mailbox: MailboxId, folder: u32, after: u64) -> ([u8; 17], [u8; 17]) {
    (keys::in_folder(table, mailbox, folder, after), keys::in_folder(table, mailbox, folder, u64::MAX))
}

/// The UIDs below `next` that are not in the ascending list.
fn absent(present: &[u32], next: u32) -> Vec<u32> {
    let mut present = present.iter().copied().peekable();
    (1..next)
        .filter(|uid| {
            while present.peek().is_some_and(|p| p < uid) {
                present.next();
            }
            present.peek() != Some(uid)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_uids_are_the_gaps() {
        assert_eq!(absent(&[2, 3, 6], 8), [1, 4, 5, 7]);
        assert_eq!(absent(&[], 3), [1, 2]);
        assert_eq!(absent(&[1, 2], 3), [0u32; 0]);
        assert_eq!(absent(&[], 1), [0u32; 0]);
    }
}
