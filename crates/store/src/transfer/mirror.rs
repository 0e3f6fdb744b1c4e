//! What is small in a mailbox (the folder tree, settings, associated items, what left folders, counters) is
//! made alike by comparing rows: what differs is written, whatever was there.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use bytes::Bytes;
use engine::Read;

use super::rows::{BadRow, kind};
use crate::{
    Mailbox, StoreError, check,
    codec::Row,
    keys::{self, table},
    mailbox::MailboxState,
    rows::{Figures, MailboxRow, Received, Totals, Uids},
    types::MailboxId,
};

/// Rows compared in one view, and their length together, bytes.
const PAGE_ROWS: usize = 1000;
const PAGE_BYTES: usize = 256 << 10;

/// Tables that are compared as a whole, and how a mailbox's rows in them begin beside its number.
const WHOLE: [(u8, &[u8]); 8] = [
    (table::FOLDER, &[]),
    (table::NAME, &[]),
    (table::NAMED, &[]),
    (table::NAME_OF, &[]),
    (table::KEYWORDS, &[]),
    (table::MERGED, &[]),
    // The bags of the mailbox and of its folders; those of items travel with them.
    (table::PROPERTIES, &[0]),
    (table::PROPERTIES, &[1]),
];

/// Tables that are compared for folders whose counters differ.
const BY_FOLDER: [u8; 3] = [table::VANISHED, table::ASSOCIATED, table::LISTING];

/// Makes all that is small alike. Waits for the disk.
pub(super) fn settle(source: &Mailbox, target: &Mailbox) -> Result<(), StoreError> {
    for (table, kind) in WHOLE {
        mirror(source, target, table, kind)?;
    }
    let (theirs, ours) = (all_figures(source)?, all_figures(target)?);
    for (folder, figures) in &theirs {
        if ours.get(folder) != Some(figures) {
            for table in BY_FOLDER {
                mirror(source, target, table, &folder.to_be_bytes())?;
            }
            write(
                target,
                vec![(keys::folder(table::FIGURES, target.id, *folder).to_vec(), Some(figures.clone()))],
            )?;
        }
    }
    for folder in ours.keys().filter(|folder| !theirs.contains_key(folder)) {
        for table in BY_FOLDER {
            mirror(source, target, table, &folder.to_be_bytes())?;
        }
        write(target, vec![(keys::folder(table::FIGURES, target.id, *folder).to_vec(), None)])?;
    }
    settle_mailbox(source, target)?;
    settle_deliveries(source, target)
}

/// The counters of every folder, as stored.
fn all_figures(mailbox: &Mailbox) -> Result<BTreeMap<u32, Bytes>, StoreError> {
    let (mut rows, mut outcome) = (BTreeMap::new(), Ok(()));
    mailbox.database.view(|view| {
        view.scan_prefix(&keys::mailbox(table::FIGURES, mailbox.id), &mut |key, bytes| {
            outcome = keys::uid_of(key).map(|folder| _ = rows.insert(folder, Bytes::copy_from_slice(bytes)));
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    })?;
    outcome.map(|()| rows)
}

/// Who it belongs to, and its own counters; the target stays one that a move fills.
fn settle_mailbox(source: &Mailbox, target: &Mailbox) -> Result<(), StoreError> {
    let (row, totals) = source.database.view(|view| {
        let row: Option<MailboxRow> = keys::get(view, &keys::mailbox(table::MAILBOX, source.id))?;
        let totals: Option<Totals> = keys::get(view, &keys::mailbox(table::TOTALS, source.id))?;
        Ok::<_, StoreError>((row, totals))
    })?;
    let (Some(row), Some(totals)) = (row, totals) else { return Err(StoreError::NoMailbox) };
    let id = target.id;
    let change = target.database.change(move |txn, _| {
        let key = keys::mailbox(table::MAILBOX, id);
        let MailboxRow { state, .. } = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
        txn.put(&key, &MailboxRow { state, ..row }.to_bytes());
        let locked = state == MailboxState::Arriving;
        txn.put(&keys::mailbox(table::TOTALS, id), &Totals { locked, ..totals }.to_bytes());
        Ok(())
    });
    change.wait()
}

/// Makes the rows of a table that begin alike the same.
fn mirror(source: &Mailbox, target: &Mailbox, table: u8, begin: &[u8]) -> Result<(), StoreError> {
    let prefix = |mailbox: MailboxId| {
        let mut prefix = keys::mailbox(table, mailbox).to_vec();
        prefix.extend_from_slice(begin);
        prefix
    };
    let (theirs, ours) = (prefix(source.id), prefix(target.id));
    let mut from = Vec::new();
    loop {
        let (page, next) = rows(source, &theirs, &from, None, true)?;
        let (mut old, _) = rows(target, &ours, &from, next.as_deref(), false)?;
        let mut writes = Vec::new();
        for (suffix, value) in page {
            if old.remove(&suffix).as_ref() != Some(&value) {
                writes.push(([&ours[..], &suffix].concat(), Some(value)));
            }
        }
        writes.extend(old.into_keys().map(|suffix| ([&ours[..], &suffix].concat(), None)));
        write(target, writes)?;
        let Some(next) = next else { return Ok(()) };
        from = next;
    }
}

type Rows = BTreeMap<Vec<u8>, Bytes>;

/// Rows of a prefix from one key on, up to another (both without the prefix), or a page of them and where to
/// go on.
fn rows(
    mailbox: &Mailbox,
    prefix: &[u8],
    from: &[u8],
    to: Option<&[u8]>,
    paged: bool,
) -> Result<(Rows, Option<Vec<u8>>), StoreError> {
    let (mut rows, mut next, mut bytes) = (Rows::new(), None, 0);
    let begin = [prefix, from].concat();
    let end = to.map(|to| [prefix, to].concat());
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    mailbox.database.view(|view| {
        view.scan(Bound::Included(&begin), end, false, &mut |key, value| {
            let Some(suffix) = key.strip_prefix(prefix) else { return ControlFlow::Break(()) };
            if paged && (rows.len() == PAGE_ROWS || bytes >= PAGE_BYTES) {
                next = Some(suffix.to_vec());
                return ControlFlow::Break(());
            }
            bytes += value.len();
            rows.insert(suffix.to_vec(), Bytes::copy_from_slice(value));
            ControlFlow::Continue(())
        })
    })?;
    Ok((rows, next))
}

fn write(target: &Mailbox, writes: Vec<(Vec<u8>, Option<Bytes>)>) -> Result<(), StoreError> {
    if writes.is_empty() {
        return Ok(());
    }
    let change = target.database.change(move |txn, _| {
        for (key, value) in &writes {
            match value {
                Some(value) => txn.put(key, value),
                None => txn.delete(key),
            }
        }
        Ok(())
    });
    change.wait()
}

/// Deliveries that the mailbox has had: what comes again from a queue after the move is known here, too.
fn settle_deliveries(source: &Mailbox, target: &Mailbox) -> Result<(), StoreError> {
    let mut from = Vec::new();
    loop {
        let (page, next) = rows(source, &[table::DELIVERED], &from, None, true)?;
        let mut had: Vec<(Vec<u8>, Received)> = Vec::new();
        for (suffix, bytes) in page {
            // A damaged row protects nobody.
            if let Ok(row) = Received::from_bytes(&bytes)
                && row.mailboxes.contains_key(&source.id)
            {
                had.push(([&[table::DELIVERED], &suffix[..]].concat(), row));
            }
        }
        target.database.view(|view| {
            let mut outcome = Ok(());
            had.retain(|(key, _)| match keys::get::<Received>(view, key) {
                Ok(row) => row.is_none_or(|row| !row.mailboxes.contains_key(&target.id)),
                Err(error) => {
                    outcome = Err(error);
                    false
                }
            });
            outcome
        })?;
        if !had.is_empty() {
            let (theirs, ours) = (source.id, target.id);
            let change = target.database.change(move |txn, _| {
                for (key, row) in had {
                    let Some(uid) = row.mailboxes.get(&theirs) else { continue };
                    let empty = Received { at: row.at, ..Received::default() };
                    let mut merged: Received = keys::get(txn, &key)?.unwrap_or(empty);
                    merged.mailboxes.insert(ours, *uid);
                    txn.put(&key, &merged.to_bytes());
                }
                Ok(())
            });
            change.wait()?;
        }
        let Some(next) = next else { return Ok(()) };
        from = next;
    }
}

/// Leaves out what could not be read: its places are told as vanished, and the counters are counted again.
pub(super) fn leave_out(target: &Mailbox, bad: Vec<BadRow>) -> Result<(), StoreError> {
    let id = target.id;
    let mut folders: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in bad {
        folders.entry(row.folder).or_default().push(row.uid);
    }
    let change = target.database.change(move |txn, _| {
        let key = keys::mailbox(table::TOTALS, id);
        let mut totals: Totals = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
        for (folder, mut uids) in folders {
            let at = keys::folder(table::FIGURES, id, folder);
            let Some(mut figures) = keys::get::<Figures>(txn, &at)? else { continue };
            uids.sort_unstable();
            let change = totals.next_change();
            txn.put(&keys::in_folder(table::VANISHED, id, folder, change), &Uids(uids).to_bytes());
            (figures.modseq, figures.vanished_rows) = (change, figures.vanished_rows + 1);
            txn.put(&at, &figures.to_bytes());
            txn.delete(&keys::folder(table::LISTING, id, folder));
        }
        txn.put(&key, &totals.to_bytes());
        check::recount(txn, id).map(|_| ())
    });
    change.wait()
}

/// What could not be read and is still in the source.
pub(super) fn bad_items(source: &Mailbox, target: &Mailbox) -> Result<Vec<BadRow>, StoreError> {
    let rows: BTreeMap<u64, BadRow> =
        target.database.view(|view| super::rows::arrivals(view, target.id, kind::BAD))?;
    source.database.view(|view| {
        let mut still = Vec::new();
        for row in rows.into_values() {
            if view.get(&keys::item(source.id, row.folder, row.uid))?.is_some() {
                still.push(row);
            }
        }
        Ok(still)
    })
}
