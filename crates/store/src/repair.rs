//! Mending what a check finds: rows that are derived from others are derived again, what belongs to nothing goes.
//!
//! A repair is one transaction. It trusts items first: an item whose body is known stays where it is, everything
//! else follows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
};

use engine::{Read, Txn};

use crate::{
    Change, Damage, Database, Finding, Mailbox, StoreError,
    check::{audit, audit_bodies, recount},
    codec::Row,
    keys::{self, table},
    read::{folder_rows, place, scan_items},
    rows::{Detail, Figures, FolderRow, ItemRow, Moved, Place, Totals},
    types::{ItemId, MailboxId},
    write::{Ledger, Owner, release_body},
};

impl Mailbox {
    /// Mends damage of these sorts; resolves to what was found before.
    pub fn repair(&self, damage: &[Damage]) -> Change<Vec<Finding>> {
        let (id, damage, now) = (self.id, damage.to_vec(), self.database.clock().now());
        self.database.change(move |txn, touched| {
            let mut found = audit(txn, id)?;
            found.retain(|finding| damage.contains(&finding.damage));
            let has = |damage| found.iter().any(|finding| finding.damage == damage);
            let folders = folder_rows(txn, id)?;
            if has(Damage::Orphan) {
                sweep(txn, id, &folders)?;
                let places = settle_items(txn, id, &folders, now, touched)?;
                drop_orphans(txn, id, &places)?;
            }
            if has(Damage::View) {
                mend_names(txn, id, &folders)?;
                for folder in folders.keys() {
                    mend_view(txn, id, *folder)?;
                }
            }
            if !found.is_empty() {
                for folder in folders.keys() {
                    keep_figures(txn, id, *folder)?;
                }
                recount(txn, id)?;
            }
            Ok(found)
        })
    }
}

impl Database {
    /// Counts again how many items share each body; resolves to what was found before.
    pub fn repair_bodies(&self) -> Change<Vec<Finding>> {
        self.change(move |txn, _| {
            let (found, sharers) = audit_bodies(txn)?;
            if found.is_empty() {
                return Ok(found);
            }
            for key in rows(txn, &[table::SHARED])? {
                txn.delete(&key);
            }
            for (position, count) in sharers {
                txn.put(&keys::shared(position), &count.to_bytes());
            }
            Ok(found)
        })
    }
}

/// The keys of all rows with a prefix.
fn rows(read: &impl Read, prefix: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut keys = Vec::new();
    read.scan_prefix(prefix, &mut |key, _| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(keys)
}

/// Rows of folders that do not exist go.
fn sweep(txn: &mut Txn<'_>, id: MailboxId, folders: &BTreeMap<u32, FolderRow>) -> Result<(), StoreError> {
    for table in [
        table::FIGURES,
        table::ITEM,
        table::CHANGE,
        table::VANISHED,
        table::LISTING,
        table::ASSOCIATED,
        table::NAME,
    ] {
        for key in rows(txn, &keys::mailbox(table, id))? {
            let folder = key.get(5..9).and_then(|part| part.try_into().ok()).map(u32::from_be_bytes);
            if !folder.is_some_and(|folder| folders.contains_key(&folder)) {
                txn.delete(&key);
            }
        }
    }
    Ok(())
}

/// Every item is in one place and its place leads there; one without a body leaves. Says where each is.
fn settle_items(
    txn: &mut Txn<'_>,
    id: MailboxId,
    folders: &BTreeMap<u32, FolderRow>,
    now: base::Timestamp,
    touched: &mut crate::write::Touched,
) -> Result<HashMap<ItemId, Place>, StoreError> {
    let mut places: HashMap<ItemId, Place> = HashMap::new();
    let (mut leaving, mut misplaced): (Vec<(Place, ItemRow)>, Vec<Place>) = Default::default();
    for folder in folders.keys() {
        keep_figures(txn, id, *folder)?;
        let mut items = Vec::new();
        scan_items(txn, id, *folder, &[0..=u32::MAX], &mut |uid, row| {
            items.push((uid, row));
            ControlFlow::Continue(())
        })?;
        for (uid, row) in items {
            let at = Place { folder: *folder, uid };
            let led = match place(txn, id, row.id) {
                Ok(led) => Some(led),
                Err(StoreError::NoItem(_) | StoreError::Row(_)) => None,
                Err(error) => return Err(error),
            };
            let has_body = match txn.get(&keys::by_id(table::DETAIL, id, row.id))? {
                Some(bytes) => Detail::decode(&bytes).is_ok(),
                None => false,
            };
            match (has_body, led, places.get(&row.id)) {
                (false, ..) => leaving.push((at, row)),
                (true, Some(led), None) if led == at => _ = places.insert(row.id, at),
                (true, Some(led), _) if led != at && holds(txn, id, led, row.id)? => leaving.push((at, row)),
                (true, _, Some(_)) => leaving.push((at, row)),
                (true, ..) => {
                    places.insert(row.id, at);
                    misplaced.push(at);
                }
            }
        }
    }
    for at in misplaced {
        if let Some(row) = keys::get::<ItemRow>(txn, &keys::item(id, at.folder, at.uid))? {
            let moved = Moved { place: at, at: now };
            txn.put(&keys::by_id(table::PLACE, id, row.id), &moved.to_bytes());
        }
    }
    if !leaving.is_empty() {
        let mut ledger = Ledger::open(txn, id, now)?;
        for (at, row) in leaving {
            ledger.take_out(at.folder, at.uid, &row)?;
        }
        ledger.finish(touched)?;
    }
    Ok(places)
}

/// Whether an item is at a place.
fn holds(read: &impl Read, id: MailboxId, at: Place, item: ItemId) -> Result<bool, StoreError> {
    let row: Option<ItemRow> = keys::get(read, &keys::item(id, at.folder, at.uid))?;
    Ok(row.is_some_and(|row| row.id == item))
}

/// Large rows, places and bags of items that are nowhere go, and their bodies.
fn drop_orphans(txn: &mut Txn<'_>, id: MailboxId, places: &HashMap<ItemId, Place>) -> Result<(), StoreError> {
    let mut gone = BTreeSet::new();
    for table in [table::DETAIL, table::PLACE] {
        for key in rows(txn, &keys::mailbox(table, id))? {
            gone.insert(ItemId(keys::number_of(&key)?));
        }
    }
    gone.retain(|item| !places.contains_key(item));
    for item in gone {
        let key = keys::by_id(table::DETAIL, id, item);
        if let Some(bytes) = txn.get(&key)?
            && let Ok(detail) = Detail::decode(&bytes)
        {
            release_body(txn, &detail.body)?;
        }
        txn.delete(&key);
        txn.delete(&keys::by_id(table::PLACE, id, item));
        txn.delete(&Owner::Item(item).key(id));
    }
    Ok(())
}

/// Every folder's name leads to it, and no other name leads anywhere.
fn mend_names(
    txn: &mut Txn<'_>,
    id: MailboxId,
    folders: &BTreeMap<u32, FolderRow>,
) -> Result<(), StoreError> {
    let mut names: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for (number, row) in folders.iter().filter(|(number, row)| row.parent != **number) {
        names.entry(keys::name(id, row.parent, &row.name)).or_insert(*number);
    }
    for key in rows(txn, &keys::mailbox(table::NAME, id))? {
        if !names.contains_key(&key) {
            txn.delete(&key);
        }
    }
    for (key, number) in names {
        txn.put(&key, &u64::from(number).to_bytes());
    }
    Ok(())
}

/// The order of changes and the listing of a folder are made anew from its items.
fn mend_view(txn: &mut Txn<'_>, id: MailboxId, folder: u32) -> Result<(), StoreError> {
    let mut changes: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    scan_items(txn, id, folder, &[0..=u32::MAX], &mut |uid, row| {
        changes.insert(keys::in_folder(table::CHANGE, id, folder, row.modseq).to_vec(), uid);
        ControlFlow::Continue(())
    })?;
    for key in rows(txn, &keys::folder(table::CHANGE, id, folder))? {
        if !changes.contains_key(&key) {
            txn.delete(&key);
        }
    }
    for (key, uid) in changes {
        txn.put(&key, &uid.to_be_bytes());
    }
    txn.delete(&keys::folder(table::LISTING, id, folder));
    Ok(())
}

/// A folder whose counters are lost gets some; clients see that it is another than before.
fn keep_figures(txn: &mut Txn<'_>, id: MailboxId, folder: u32) -> Result<(), StoreError> {
    let key = keys::folder(table::FIGURES, id, folder);
    if keys::get::<Figures>(txn, &key).is_ok_and(|figures| figures.is_some()) {
        return Ok(());
    }
    let totals_key = keys::mailbox(table::TOTALS, id);
    let mut totals: Totals = keys::get(txn, &totals_key)?.ok_or(StoreError::NoMailbox)?;
    totals.last_uid_validity = totals.last_uid_validity.saturating_add(1);
    let modseq = totals.next_change();
    let figures =
        Figures { uid_validity: totals.last_uid_validity, uid_next: 1, modseq, ..Figures::default() };
    txn.put(&key, &figures.to_bytes());
    txn.put(&totals_key, &totals.to_bytes());
    Ok(())
}
