//! What is small in a mailbox (the folder tree, settings, associated items, what left folders, counters) is
//! made alike by comparing rows: what differs is written, whatever was there.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use engine::Read;

use super::{
    rows::{BadRow, kind},
    source::Source,
};
use crate::{
    Mailbox, StoreError, check,
    codec::Row,
    keys::{self, table},
    mailbox::MailboxState,
    rows::{Figures, MailboxRow, Place, Received, Totals, Uids},
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
pub(super) fn settle(source: &Source, target: &Mailbox) -> Result<(), StoreError> {
    for (table, kind) in WHOLE {
        mirror(source, target, table, kind)?;
    }
    let (theirs, ours) = (source.figures()?, all_figures(target)?);
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
pub(super) fn all_figures(mailbox: &Mailbox) -> Result<BTreeMap<u32, Vec<u8>>, StoreError> {
    let (mut rows, mut outcome) = (BTreeMap::new(), Ok(()));
    mailbox.database.view(|view| {
        view.scan_prefix(&keys::mailbox(table::FIGURES, mailbox.id), &mut |key, bytes| {
            outcome = keys::uid_of(key).map(|folder| _ = rows.insert(folder, bytes.to_vec()));
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    })?;
    outcome.map(|()| rows)
}

/// Who it belongs to, and its own counters; the target stays one that a move fills.
fn settle_mailbox(source: &Source, target: &Mailbox) -> Result<(), StoreError> {
    let (row, totals) = source.own()?;
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
fn mirror(source: &Source, target: &Mailbox, table: u8, begin: &[u8]) -> Result<(), StoreError> {
    let ours = prefix(target.id, table, begin);
    let mut from = Vec::new();
    loop {
        let (page, next) = source.rows(table, begin, &from)?;
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

pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the keys of a mailbox's rows in a table begin with.
fn prefix(mailbox: MailboxId, table: u8, begin: &[u8]) -> Vec<u8> {
    [&keys::mailbox(table, mailbox)[..], begin].concat()
}

/// Whether rows that begin so are compared: nothing else of a source is given away as it lies.
pub(super) fn is_mirrored(table: u8, begin: &[u8]) -> bool {
    WHOLE.contains(&(table, begin)) || BY_FOLDER.contains(&table) && begin.len() == 4
}

/// A page of rows of a source, from one key on, and where to go on; keys without what they begin with.
pub(super) fn page_of(
    source: &Mailbox,
    table: u8,
    begin: &[u8],
    from: &[u8],
) -> Result<(Rows, Option<Vec<u8>>), StoreError> {
    rows(source, &prefix(source.id, table, begin), from, None, true)
}

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
            rows.insert(suffix.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })
    })?;
    Ok((rows, next))
}

fn write(target: &Mailbox, writes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), StoreError> {
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

/// Pages of deliveries looked at for one answer.
const DELIVERY_PAGES: usize = 32;

/// Deliveries that a source has had among the next ones of its database, and where to go on: nobody else's are told.
pub(super) fn deliveries_of(source: &Mailbox, from: Vec<u8>) -> Result<(Rows, Option<Vec<u8>>), StoreError> {
    let (mut had, mut next) = (Rows::new(), Some(from));
    for _ in 0..DELIVERY_PAGES {
        let Some(from) = next.take() else { break };
        let page;
        (page, next) = rows(source, &[table::DELIVERED], &from, None, true)?;
        for (suffix, bytes) in page {
            // A damaged row protects nobody.
            if let Ok(row) = Received::from_bytes(&bytes)
                && let Some(uid) = row.mailboxes.get(&source.id)
            {
                let alone = Received { at: row.at, mailboxes: [(source.id, *uid)].into() };
                had.insert(suffix, alone.to_bytes());
            }
        }
        if had.len() >= PAGE_ROWS {
            break;
        }
    }
    Ok((had, next))
}

/// Deliveries that the mailbox has had: what comes again from a queue after the move is known here, too.
fn settle_deliveries(source: &Source, target: &Mailbox) -> Result<(), StoreError> {
    let mut from = Vec::new();
    loop {
        let (page, next) = source.deliveries(from)?;
        let mut had: Vec<(Vec<u8>, Received)> = Vec::new();
        for (suffix, bytes) in page {
            had.push(([&[table::DELIVERED], &suffix[..]].concat(), Received::from_bytes(&bytes)?));
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
            let (theirs, ours) = (source.id(), target.id);
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
pub(super) fn bad_items(source: &Source, target: &Mailbox) -> Result<Vec<BadRow>, StoreError> {
    let rows: BTreeMap<u64, BadRow> =
        target.database.view(|view| super::rows::arrivals(view, target.id, kind::BAD))?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let places = rows.values().map(|row| Place { folder: row.folder, uid: row.uid }).collect();
    let present = source.present(places)?;
    Ok(rows.into_values().zip(present).filter(|(_, is_there)| *is_there).map(|(row, _)| row).collect())
}
