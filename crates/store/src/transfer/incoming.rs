//! What a move writes into the target: items as the source holds them, each exactly once, whatever is there
//! of them already.

use std::ops::ControlFlow;

use bytes::Bytes;
use engine::{BodyRef, Read, Txn};

use super::{
    outgoing::Outgoing,
    rows::{BadRow, Cursor, MoveRow, kind},
};
use crate::{
    StoreError,
    codec::Row,
    keys::{self, table},
    read::{place, scan_items},
    rows::{Detail, ItemRow},
    types::{ItemId, MailboxId},
    write::{Owner, release_body, share_body},
};

/// One commit of a move.
pub(super) struct Batch {
    pub(super) folder: u32,
    /// Items as they are now, with their bodies where the target does not have them yet.
    pub(super) items: Vec<(Outgoing, Option<Bytes>)>,
    /// Items that are no more.
    pub(super) gone: Vec<ItemId>,
    pub(super) bad: Vec<(u64, BadRow)>,
    pub(super) cursor: Option<Cursor>,
}

/// Writes a batch, and in the same commit how far the move has come with it.
pub(super) fn write(txn: &mut Txn<'_>, mailbox: MailboxId, batch: Batch) -> Result<(), StoreError> {
    let key = keys::arrival(mailbox, kind::MOVE, 0);
    let mut progress: MoveRow = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
    for id in batch.gone {
        remove(txn, mailbox, id)?;
    }
    for (item, body) in batch.items {
        let size = u64::from(item.len);
        if put(txn, mailbox, item, body)? {
            progress.items += 1;
            progress.bytes += size;
        }
    }
    for (number, row) in batch.bad {
        txn.put(&keys::arrival(mailbox, kind::BAD, number), &row.to_bytes());
    }
    let cursor = keys::arrival(mailbox, kind::CURSOR, batch.folder.into());
    match batch.cursor {
        Some(row) => txn.put(&cursor, &row.to_bytes()),
        None => txn.delete(&cursor),
    }
    txn.put(&key, &progress.to_bytes());
    Ok(())
}

/// Puts an item where the source has it; true where it was not here before.
fn put(
    txn: &mut Txn<'_>,
    mailbox: MailboxId,
    item: Outgoing,
    body: Option<Bytes>,
) -> Result<bool, StoreError> {
    let detail_key = keys::by_id(table::DETAIL, mailbox, item.id);
    let is_new = txn.get(&detail_key)?.is_none();
    if is_new {
        // Without a body it left the source before its body was read: the next page says so.
        let Some(body) = body else { return Ok(false) };
        let body = take_body(txn, mailbox, &item, body)?;
        txn.put(&detail_key, &Detail { body, ..Detail::decode(&item.detail)? }.encode());
        txn.delete(&keys::arrival(mailbox, kind::BAD, item.id.0));
    } else {
        leave(txn, mailbox, item.id)?;
    }
    let at = item.place;
    txn.put(&keys::item(mailbox, at.folder, at.uid), &item.row);
    txn.put(&keys::in_folder(table::CHANGE, mailbox, at.folder, item.modseq), &at.uid.to_be_bytes());
    put_or_delete(txn, &keys::by_id(table::PLACE, mailbox, item.id), item.moved.as_deref());
    put_or_delete(txn, &Owner::Item(item.id).key(mailbox), item.bag.as_deref());
    Ok(is_new)
}

/// Stores a body, or shares the one that another item of the same body has brought.
fn take_body(
    txn: &mut Txn<'_>,
    mailbox: MailboxId,
    item: &Outgoing,
    body: Bytes,
) -> Result<BodyRef, StoreError> {
    if !item.shared {
        return Ok(txn.append_body(&[body]));
    }
    let key = keys::arrival(mailbox, kind::SHARED, item.position);
    if let Some(first) = keys::get::<u64>(txn, &key)?
        && let Some(bytes) = txn.get(&keys::by_id(table::DETAIL, mailbox, ItemId(first)))?
    {
        let body = Detail::decode(&bytes)?.body;
        share_body(txn, &body, 1)?;
        return Ok(body);
    }
    txn.put(&key, &item.id.0.to_bytes());
    Ok(txn.append_body(&[body]))
}

/// Takes an item's rows out of the folder it is in.
fn leave(txn: &mut Txn<'_>, mailbox: MailboxId, id: ItemId) -> Result<(), StoreError> {
    let at = place(txn, mailbox, id)?;
    let key = keys::item(mailbox, at.folder, at.uid);
    if let Some(row) = keys::get::<ItemRow>(txn, &key)? {
        txn.delete(&key);
        txn.delete(&keys::in_folder(table::CHANGE, mailbox, at.folder, row.modseq));
    }
    Ok(())
}

/// Removes an item for good.
fn remove(txn: &mut Txn<'_>, mailbox: MailboxId, id: ItemId) -> Result<(), StoreError> {
    txn.delete(&keys::arrival(mailbox, kind::BAD, id.0));
    let detail_key = keys::by_id(table::DETAIL, mailbox, id);
    let Some(bytes) = txn.get(&detail_key)? else { return Ok(()) };
    leave(txn, mailbox, id)?;
    release_body(txn, &Detail::decode(&bytes)?.body)?;
    txn.delete(&detail_key);
    txn.delete(&keys::by_id(table::PLACE, mailbox, id));
    txn.delete(&Owner::Item(id).key(mailbox));
    Ok(())
}

fn put_or_delete(txn: &mut Txn<'_>, key: &[u8], value: Option<&[u8]>) {
    match value {
        Some(value) => txn.put(key, value),
        None => txn.delete(key),
    }
}

/// The UIDs and identities of the items that the target has in a folder.
pub(super) fn in_folder(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    from: u32,
    most: usize,
) -> Result<Vec<(u32, ItemRow)>, StoreError> {
    let mut rows = Vec::new();
    scan_items(read, mailbox, folder, &[from..=u32::MAX], &mut |uid, row| {
        rows.push((uid, row));
        if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}
