//! Copying from one mailbox into another that may hold things of its own: what restores are made of.
//!
//! Every copy is remembered beside the item it is of, in the commit that made it: whoever was interrupted begins
//! again, and nothing comes twice. What was brought and has gone for good since comes again.

use std::collections::{BTreeMap, BTreeSet};

use base::Guid;
use bytes::Bytes;
use engine::{EngineError, Read, Txn};

use crate::{
    Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    property::{FIRST_NAMED, PropertyBag, PropertyName, named},
    read::place,
    roles::is_recoverable,
    rows::{Detail, HAS_BAG},
    transfer::{BadItem, PageLimits},
    types::{FolderId, Item, ItemId, Limits},
    write::{AssociatedRow, Ledger, NewItem, Owner, share_body},
};

/// A copy from one mailbox into another.
#[derive(Clone)]
pub struct Merge {
    source: Mailbox,
    target: Mailbox,
    /// What copies are remembered under.
    origin: [u8; 16],
}

/// What a page of a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The UID to go on after; nothing at the folder's end.
    pub next: Option<u32>,
    /// Items copied.
    pub items: u64,
    /// Their sizes, bytes.
    pub bytes: u64,
    /// Items that were there already.
    pub known: u64,
    /// Their sizes, bytes.
    pub known_bytes: u64,
    /// What could not be read.
    pub bad: Vec<BadItem>,
}

/// An item on its way.
struct Outgoing {
    item: Item,
    class: String,
    summary: Bytes,
    /// Nothing where both mailboxes share a database, and so the body.
    body: Option<Bytes>,
    bag: PropertyBag,
    names: BTreeMap<u16, PropertyName>,
}

impl Merge {
    /// From `source` into `target`. Where `again` is given (a request's number) only what this request has brought
    /// counts as there already.
    pub fn new(source: &Mailbox, target: &Mailbox, again: Option<Guid>) -> Result<Self, StoreError> {
        let origin = source.statistics()?.guid.0;
        if source.database.guid() == target.database.guid() && source.id == target.id {
            return Err(StoreError::MailboxExists(Guid(origin)));
        }
        let mut origin = origin;
        if let Some(again) = again {
            origin.iter_mut().zip(again.0).for_each(|(byte, by)| *byte ^= by);
        }
        Ok(Self { source: source.clone(), target: target.clone(), origin })
    }

    /// The mailbox it takes from.
    pub fn source(&self) -> &Mailbox {
        &self.source
    }
    /// The mailbox it fills.
    pub fn target(&self) -> &Mailbox {
        &self.target
    }

    /// Copies the next items of a folder, those after a UID. Fails whole where the page would take the target past
    /// its quota. Waits for the disk.
    pub fn page(
        &self,
        from: FolderId,
        to: FolderId,
        after: u32,
        page: PageLimits,
        quota: Limits,
    ) -> Result<Merged, StoreError> {
        let start = after.saturating_add(1);
        let items = self.source.items(from, &vec![start..=u32::MAX], page.items.max(1))?;
        let mut done = Merged::default();
        let (mut going, mut bytes, mut last) = (Vec::new(), 0, after);
        let full = items.len() == page.items.max(1);
        let mut cut = false;
        for item in items {
            if bytes >= page.bytes {
                cut = true;
                break;
            }
            (last, bytes) = (item.uid, bytes + u64::from(item.size));
            if self.is_known(item.id)? {
                done.known += 1;
                done.known_bytes += u64::from(item.size);
                continue;
            }
            let uid = item.uid;
            match self.read(item) {
                Ok(outgoing) => going.push(outgoing),
                // It has gone meanwhile.
                Err(StoreError::NoItem(_)) if self.source.items(from, &vec![uid..=uid], 1)?.is_empty() => {}
                Err(
                    error @ (StoreError::NoItem(_)
                    | StoreError::Row(_)
                    | StoreError::Engine(EngineError::Gone(_) | EngineError::Corrupt(_))),
                ) => done.bad.push(BadItem { folder: from, uid, reason: error.to_string() }),
                Err(error) => return Err(error),
            }
        }
        done.next = (full || cut).then_some(last);
        if going.is_empty() {
            return Ok(done);
        }
        let (merge, number) = (self.clone(), to.number()?);
        let write = move |ledger: &mut Ledger<'_, '_>| merge.write(ledger, number, going, quota);
        (done.items, done.bytes) = self.target.change(write).wait()?;
        Ok(done)
    }

    /// Copies the associated items of a folder. Where `replace` is set, one of the same message class in the target
    /// is replaced. Returns how many were copied.
    pub fn associated(&self, from: FolderId, to: FolderId, replace: bool) -> Result<u64, StoreError> {
        let theirs = self.source.associated(from)?;
        let ours: BTreeMap<String, ItemId> = if replace {
            self.target.associated(to)?.into_iter().map(|item| (item.class, item.id)).collect()
        } else {
            BTreeMap::new()
        };
        let (mut copied, mut replaced) = (0, BTreeSet::new());
        for item in theirs {
            if self.has_associated(to, item.id)? {
                continue;
            }
            let names = self.names(&item.properties)?;
            let old = ours.get(&item.class).copied().filter(|id| replaced.insert(*id));
            let (merge, number) = (self.clone(), to.number()?);
            let write = move |ledger: &mut Ledger<'_, '_>| {
                let properties = renamed(ledger.txn, &merge.target, item.properties, &names)?;
                if let Some(old) = old {
                    crate::write::take_associated(ledger, number, old)?;
                }
                let modseq = ledger.totals.next_change();
                let id = ItemId(modseq);
                let row = AssociatedRow { modseq, modified: item.modified, class: item.class, properties };
                let bytes = row.to_bytes();
                ledger.count_associated(number, bytes.len() as u64, true, modseq)?;
                ledger.txn.put(&keys::in_folder(table::ASSOCIATED, ledger.mailbox, number, id.0), &bytes);
                merge.remember(ledger, item.id, id);
                Ok(())
            };
            self.target.change(write).wait()?;
            copied += 1;
        }
        Ok(copied)
    }

    /// Whether a copy of an item is in the target.
    fn is_known(&self, item: ItemId) -> Result<bool, StoreError> {
        self.target.database.view(|view| self.knows(view, item))
    }

    fn knows(&self, read: &impl Read, item: ItemId) -> Result<bool, StoreError> {
        let key = keys::merged(self.target.id, &self.origin, item);
        let Some(copy) = keys::get::<u64>(read, &key)? else { return Ok(false) };
        match place(read, self.target.id, ItemId(copy)) {
            Ok(_) => Ok(true),
            Err(StoreError::NoItem(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a copy of an associated item is in the target's folder.
    fn has_associated(&self, folder: FolderId, item: ItemId) -> Result<bool, StoreError> {
        let (key, number) = (keys::merged(self.target.id, &self.origin, item), folder.number()?);
        self.target.database.view(|view| {
            let Some(copy) = keys::get::<u64>(view, &key)? else { return Ok(false) };
            let key = keys::in_folder(table::ASSOCIATED, self.target.id, number, copy);
            Ok(view.get(&key)?.is_some())
        })
    }

    fn remember(&self, ledger: &mut Ledger<'_, '_>, item: ItemId, copy: ItemId) {
        let key = keys::merged(self.target.id, &self.origin, item);
        ledger.txn.put(&key, &copy.0.to_bytes());
    }

    fn read(&self, item: Item) -> Result<Outgoing, StoreError> {
        let id = item.id;
        let shared = self.source.database.guid() == self.target.database.guid();
        let body = if shared { None } else { Some(self.source.body(id)?) };
        let bag = self.source.properties(Owner::Item(id))?;
        let names = self.names(&bag)?;
        let summary = self.source.summaries(&[id])?.pop().unwrap_or_default();
        Ok(Outgoing { class: self.source.class(id)?, summary, body, bag, names, item })
    }

    /// What the named properties of a bag are called.
    fn names(&self, bag: &PropertyBag) -> Result<BTreeMap<u16, PropertyName>, StoreError> {
        let mut names = BTreeMap::new();
        for id in bag.iter().map(|(tag, _)| tag.id()).filter(|id| *id >= FIRST_NAMED) {
            names.extend(self.source.property_name(id)?.map(|name| (id, name)));
        }
        Ok(names)
    }

    fn write(
        &self,
        ledger: &mut Ledger<'_, '_>,
        folder: u32,
        items: Vec<Outgoing>,
        quota: Limits,
    ) -> Result<(u64, u64), StoreError> {
        ledger.folder(folder)?;
        let (mut count, mut bytes) = (0, 0);
        for outgoing in items {
            let Outgoing { item, class, summary, body, bag, names } = outgoing;
            if self.knows(ledger.txn, item.id)? {
                continue;
            }
            if !is_recoverable(folder) {
                quota.admit(ledger.totals.size, item.size.into())?;
            }
            let body = match body {
                Some(body) => ledger.txn.append_body(&[body]),
                None => {
                    // Both are in this database. It may have gone since it was read.
                    let key = keys::by_id(table::DETAIL, self.source.id, item.id);
                    let Some(detail) = ledger.txn.get(&key)? else { continue };
                    let body = Detail::decode(&detail)?.body;
                    share_body(ledger.txn, &body, 1)?;
                    body
                }
            };
            let keywords = ledger.keywords(&item.flags.keywords)?;
            let has_bag = if bag.is_empty() { 0 } else { HAS_BAG };
            let flags = item.flags.system | has_bag;
            let new =
                NewItem { flags, keywords, received: item.received, body, class: &class, summary: &summary };
            let (_, id) = ledger.insert(folder, new)?;
            if !bag.is_empty() {
                let bag = renamed(ledger.txn, &self.target, bag, &names)?;
                ledger.txn.put(&Owner::Item(id).key(ledger.mailbox), &bag.to_bytes());
            }
            self.remember(ledger, item.id, id);
            (count, bytes) = (count + 1, bytes + u64::from(item.size));
        }
        Ok((count, bytes))
    }
}

/// The bag with the target's identifiers of named properties; one whose name is lost stays behind.
fn renamed(
    txn: &mut Txn<'_>,
    target: &Mailbox,
    bag: PropertyBag,
    names: &BTreeMap<u16, PropertyName>,
) -> Result<PropertyBag, StoreError> {
    let mut renamed = PropertyBag::default();
    for (tag, value) in bag.iter() {
        let id = match (tag.id(), names.get(&tag.id())) {
            (id, None) if id < FIRST_NAMED => id,
            (_, None) => continue,
            (_, Some(name)) => named(txn, target.id, name)?,
        };
        renamed.set(id, value.clone());
    }
    Ok(renamed)
}
