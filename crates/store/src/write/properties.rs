//! Property bags of mailboxes, folders and items, and folder-associated items.

use std::ops::ControlFlow;

use base::Timestamp;
use engine::Read;

use super::ledger::Ledger;
use crate::{
    Change, Mailbox, StoreError,
    codec::{Reader, Row, Writer},
    keys::{self, table},
    property::{PropertyBag, PropertyValue},
    read::{figures, place},
    rows::{HAS_BAG, ItemRow},
    types::{FolderId, ItemId, MailboxId},
};

/// Whose properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The mailbox itself.
    Mailbox,
    /// A folder.
    Folder(FolderId),
    /// An item.
    Item(ItemId),
}

/// Encoded length of a bag, bytes.
const BAG_LEN_MAX: usize = 1 << 20;
/// Associated items in one folder.
const ASSOCIATED_MAX: u32 = 10_000;

impl Owner {
    pub(crate) fn key(self, mailbox: MailboxId) -> [u8; 14] {
        match self {
            Owner::Mailbox => keys::owner(mailbox, 0, 0),
            Owner::Folder(folder) => keys::owner(mailbox, 1, folder.0),
            Owner::Item(item) => keys::owner(mailbox, 2, item.0),
        }
    }
}

/// A folder-associated item: settings and views that programs keep in a folder, never shown as mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Associated {
    /// Its identity.
    pub id: ItemId,
    /// The change number of its last change.
    pub modseq: u64,
    /// When it was changed last.
    pub modified: Timestamp,
    /// Message class: `IPM.Configuration.…`
    pub class: String,
    /// Its properties.
    pub properties: PropertyBag,
}

/// The stored part of [`Associated`].
pub(crate) struct AssociatedRow {
    pub(crate) modseq: u64,
    pub(crate) modified: Timestamp,
    pub(crate) class: String,
    pub(crate) properties: PropertyBag,
}

impl Row for AssociatedRow {
    const NAME: &'static str = "associated item";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.number(self.modseq);
        out.fixed(self.modified.micros);
        out.text(&self.class);
        self.properties.encode(out);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        Some(Self {
            modseq: from.number()?,
            modified: Timestamp { micros: from.fixed()? },
            class: from.text()?.to_owned(),
            properties: PropertyBag::decode(from)?,
        })
    }
}

impl Mailbox {
    /// All properties of an object; empty where none was ever set.
    pub fn properties(&self, owner: Owner) -> Result<PropertyBag, StoreError> {
        self.database.view(|view| {
            match owner {
                Owner::Mailbox => {}
                Owner::Folder(folder) => _ = figures(view, self.id, folder.number()?)?,
                Owner::Item(item) => _ = place(view, self.id, item)?,
            }
            Ok(keys::get(view, &owner.key(self.id))?.unwrap_or_default())
        })
    }

    /// Sets (`Some`) and removes (`None`) properties of an object, all or none. An item gets a new modseq.
    pub fn set_properties(&self, owner: Owner, changes: Vec<(u16, Option<PropertyValue>)>) -> Change<()> {
        self.change(move |ledger| {
            let key = owner.key(ledger.mailbox);
            let mut bag: PropertyBag = keys::get(ledger.txn, &key)?.unwrap_or_default();
            for (id, value) in changes {
                match value {
                    Some(value) => bag.set(id, value),
                    None => bag.remove(id),
                };
            }
            match owner {
                Owner::Mailbox => {}
                Owner::Folder(folder) => _ = ledger.folder(folder.number()?)?,
                Owner::Item(item) => mark_item(ledger, item, !bag.is_empty())?,
            }
            if bag.is_empty() {
                ledger.txn.delete(&key);
            } else {
                ledger.txn.put(&key, &limited(&bag)?);
            }
            Ok(())
        })
    }

    /// The associated items of a folder, by identity.
    pub fn associated(&self, folder: FolderId) -> Result<Vec<Associated>, StoreError> {
        self.database.view(|view| {
            let number = folder.number()?;
            let mut all = Vec::with_capacity(figures(view, self.id, number)?.associated as usize);
            let mut outcome = Ok(());
            view.scan_prefix(&keys::folder(table::ASSOCIATED, self.id, number), &mut |key, bytes| {
                match keys::number_of(key).and_then(|id| Ok((ItemId(id), AssociatedRow::from_bytes(bytes)?)))
                {
                    Ok((id, row)) => all.push(row.into_associated(id)),
                    Err(error) => outcome = Err(error),
                }
                if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            outcome.map(|()| all)
        })
    }

    /// Makes an associated item (`None`) or replaces one; resolves to its identity.
    pub fn save_associated(
        &self,
        folder: FolderId,
        id: Option<ItemId>,
        class: &str,
        properties: PropertyBag,
    ) -> Change<ItemId> {
        let class = class.to_owned();
        self.change(move |ledger| {
            limited(&properties)?;
            let number = folder.number()?;
            match id {
                Some(id) => take_associated(ledger, number, id)?,
                None if ledger.folder(number)?.figures.associated >= ASSOCIATED_MAX => {
                    return Err(StoreError::Limit("the folder has too many associated items"));
                }
                None => {}
            }
            let modseq = ledger.totals.next_change();
            let id = id.unwrap_or(ItemId(modseq));
            let bytes = AssociatedRow { modseq, modified: ledger.now, class, properties }.to_bytes();
            ledger.count_associated(number, bytes.len() as u64, true, modseq)?;
            ledger.txn.put(&keys::in_folder(table::ASSOCIATED, ledger.mailbox, number, id.0), &bytes);
            Ok(id)
        })
    }

    /// Removes an associated item for good.
    pub fn delete_associated(&self, folder: FolderId, id: ItemId) -> Change<()> {
        self.change(move |ledger| take_associated(ledger, folder.number()?, id))
    }
}

impl AssociatedRow {
    fn into_associated(self, id: ItemId) -> Associated {
        let Self { modseq, modified, class, properties } = self;
        Associated { id, modseq, modified, class, properties }
    }
}

pub(crate) fn take_associated(
    ledger: &mut Ledger<'_, '_>,
    folder: u32,
    id: ItemId,
) -> Result<(), StoreError> {
    let key = keys::in_folder(table::ASSOCIATED, ledger.mailbox, folder, id.0);
    let old = ledger.txn.get(&key)?.ok_or(StoreError::NoItem(id))?;
    let change = ledger.totals.next_change();
    ledger.count_associated(folder, old.len() as u64, false, change)?;
    ledger.txn.delete(&key);
    Ok(())
}

/// Gives the item a new modseq and notes in its row whether it has a bag.
fn mark_item(ledger: &mut Ledger<'_, '_>, item: ItemId, has_bag: bool) -> Result<(), StoreError> {
    let place = place(ledger.txn, ledger.mailbox, item)?;
    let key = keys::item(ledger.mailbox, place.folder, place.uid);
    let old: ItemRow = keys::get(ledger.txn, &key)?.ok_or(StoreError::NoItem(item))?;
    let mut new = old.clone();
    new.flags = if has_bag { new.flags | HAS_BAG } else { new.flags & !HAS_BAG };
    ledger.replace(place.folder, place.uid, &old, new)
}

/// The bag's bytes, if it is not too large.
pub(crate) fn limited(bag: &PropertyBag) -> Result<Vec<u8>, StoreError> {
    let bytes = bag.to_bytes();
    if bytes.len() > BAG_LEN_MAX {
        return Err(StoreError::Limit("the properties of an object take at most 1 MB"));
    }
    Ok(bytes)
}

/// Removes the associated items and the bag of a folder that is being deleted.
pub(super) fn clear_folder(ledger: &mut Ledger<'_, '_>, folder: u32) -> Result<(), StoreError> {
    let mut ids = Vec::new();
    ledger.txn.scan_prefix(&keys::folder(table::ASSOCIATED, ledger.mailbox, folder), &mut |key, _| {
        ids.extend(keys::number_of(key).ok().map(ItemId));
        ControlFlow::Continue(())
    })?;
    for id in ids {
        take_associated(ledger, folder, id)?;
    }
    ledger.txn.delete(&Owner::Folder(FolderId(folder.into())).key(ledger.mailbox));
    Ok(())
}
