//! Counting again: every counter and index of a mailbox is derived from its items and compared.
//!
//! A check reads a whole mailbox in one view; it is for administrators and tests, not for hot paths.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
};

use engine::{Read, Txn};

use crate::{
    Change, Database, Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    read::{folder_rows, listing, place, scan_items},
    roles::is_recoverable,
    rows::{Detail, Figures, FolderRow, Place, Totals},
    types::{FolderId, ItemId, MailboxId},
};

/// What sort of damage a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Damage {
    /// A count of a folder or of the mailbox.
    Counts,
    /// A folder's listing, change order or name.
    View,
    /// An item without body, a body without item, rows of a folder that does not exist.
    Orphan,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What sort of damage.
    pub damage: Damage,
    /// The folder it concerns, if it concerns one.
    pub folder: Option<FolderId>,
    /// What is wrong, for administrators.
    pub text: String,
}

/// A mailbox counted again.
struct Audit<'r, R: Read> {
    read: &'r R,
    mailbox: MailboxId,
    findings: Vec<Finding>,
    places: HashMap<ItemId, Place>,
    /// What the counters should be.
    figures: BTreeMap<u32, Figures>,
    totals: Totals,
    /// Counters that are not.
    wrong: bool,
}

impl Mailbox {
    /// Compares every counter and index with the items; an empty answer means all is well.
    pub fn check(&self) -> Result<Vec<Finding>, StoreError> {
        self.database.view(|view| Ok(Audit::run(view, self.id)?.findings))
    }

    /// Writes the counters anew where they are wrong; resolves to what was found before.
    pub fn repair_counts(&self) -> Change<Vec<Finding>> {
        let id = self.id;
        self.database.change(move |txn, _| recount(txn, id))
    }
}

/// What is wrong with a mailbox.
pub(crate) fn audit(read: &impl Read, id: MailboxId) -> Result<Vec<Finding>, StoreError> {
    Ok(Audit::run(read, id)?.findings)
}

/// Writes the counters anew where they are wrong; returns what was found before.
pub(crate) fn recount(txn: &mut Txn<'_>, id: MailboxId) -> Result<Vec<Finding>, StoreError> {
    let Audit { findings, figures, totals, wrong, .. } = Audit::run(txn, id)?;
    if wrong {
        for (folder, figures) in figures {
            txn.put(&keys::folder(table::FIGURES, id, folder), &figures.to_bytes());
        }
        txn.put(&keys::mailbox(table::TOTALS, id), &totals.to_bytes());
    }
    Ok(findings)
}

impl Database {
    /// Compares the counts of shared bodies with the items of all mailboxes.
    pub fn check_bodies(&self) -> Result<Vec<Finding>, StoreError> {
        self.view(|view| Ok(audit_bodies(view)?.0))
    }
}

/// What is wrong with the counts of shared bodies, and what they should be.
pub(crate) fn audit_bodies(read: &impl Read) -> Result<(Vec<Finding>, BTreeMap<u64, u64>), StoreError> {
    let mut sharers: BTreeMap<u64, u64> = BTreeMap::new();
    visit(read, &[table::DETAIL], |_, bytes| {
        *sharers.entry(Detail::decode(bytes)?.body.position).or_default() += 1;
        Ok(())
    })?;
    sharers.retain(|_, count| *count > 1);
    let mut counted = BTreeMap::new();
    visit(read, &[table::SHARED], |key, bytes| {
        counted.insert(keys::number_of(key)?, u64::from_bytes(bytes)?);
        Ok(())
    })?;
    let differ = sharers != counted;
    let text = format!("shared bodies are counted {counted:?}, but are {sharers:?}");
    let finding = differ.then_some(Finding { damage: Damage::Orphan, folder: None, text });
    Ok((finding.into_iter().collect(), sharers))
}

impl<'r, R: Read> Audit<'r, R> {
    fn run(read: &'r R, mailbox: MailboxId) -> Result<Self, StoreError> {
        let stored: Totals =
            keys::get(read, &keys::mailbox(table::TOTALS, mailbox))?.ok_or(StoreError::NoMailbox)?;
        let totals = Totals {
            items: 0,
            size: 0,
            associated: 0,
            associated_size: 0,
            recoverable: 0,
            recoverable_size: 0,
            folders: 0,
            ..stored.clone()
        };
        let (findings, places, figures) = (Vec::new(), HashMap::new(), BTreeMap::new());
        let mut audit = Self { read, mailbox, findings, places, figures, totals, wrong: false };
        let folders = folder_rows(read, mailbox)?;
        for (number, row) in &folders {
            audit.folder(*number, row)?;
        }
        audit.strays(&folders)?;
        audit.details()?;
        if audit.totals != stored {
            audit.wrong = true;
            let text = format!("the mailbox counts {stored:?}, but has {:?}", audit.totals);
            audit.found(Damage::Counts, None, text);
        }
        Ok(audit)
    }

    fn found(&mut self, damage: Damage, folder: Option<u32>, text: String) {
        self.findings.push(Finding { damage, folder: folder.map(|number| FolderId(number.into())), text });
    }

    /// Counts one folder again and follows its indexes.
    fn folder(&mut self, number: u32, row: &FolderRow) -> Result<(), StoreError> {
        let Some(stored): Option<Figures> =
            keys::get(self.read, &keys::folder(table::FIGURES, self.mailbox, number))?
        else {
            self.found(Damage::Counts, Some(number), "the folder has no counters".into());
            return Ok(());
        };
        let mut counted = self.count_items(number, &stored)?;
        self.count_associated(number, &mut counted)?;
        let prefix = keys::folder(table::VANISHED, self.mailbox, number);
        counted.vanished_rows = visit(self.read, &prefix, |_, _| Ok(()))?;
        let changes = visit(self.read, &keys::folder(table::CHANGE, self.mailbox, number), |_, _| Ok(()))?;
        if changes != counted.items {
            self.found(
                Damage::View,
                Some(number),
                format!("{} items have {changes} change rows", counted.items),
            );
        }
        if row.parent != number
            && keys::get::<u64>(self.read, &keys::name(self.mailbox, row.parent, &row.name))?
                != Some(number.into())
        {
            self.found(
                Damage::View,
                Some(number),
                format!("the name \"{}\" does not lead to the folder", row.name),
            );
        }
        if counted != stored {
            self.wrong = true;
            self.found(
                Damage::Counts,
                Some(number),
                format!("the folder counts {stored:?}, but has {counted:?}"),
            );
        }
        self.totals.folders += 1;
        self.figures.insert(number, counted);
        Ok(())
    }

    /// The figures as the items give them; what cannot be counted is taken from `stored`.
    fn count_items(&mut self, number: u32, stored: &Figures) -> Result<Figures, StoreError> {
        let mut counted = Figures { items: 0, unread: 0, deleted: 0, size: 0, ..stored.clone() };
        let (mut changes, mut unseen, mut keywords) = (Vec::new(), None, BTreeSet::new());
        let (places, mut twice) = (&mut self.places, 0);
        scan_items(self.read, self.mailbox, number, &[0..=u32::MAX], &mut |uid, row| {
            counted.items += 1;
            counted.unread += u32::from(row.is_unread());
            counted.deleted += u32::from(row.is_deleted());
            counted.size += u64::from(row.size);
            counted.uid_next = counted.uid_next.max(uid.saturating_add(1));
            counted.modseq = counted.modseq.max(row.modseq);
            changes.push((uid, row.modseq));
            unseen = unseen.or(row.is_unread().then_some(uid));
            keywords.extend(&row.keywords);
            twice += u32::from(places.insert(row.id, Place { folder: number, uid }).is_some());
            ControlFlow::Continue(())
        })?;
        let listed = listing(self.read, self.mailbox, number, stored)?;
        let is_listed = listed.uids.iter().cloned().flatten().eq(changes.iter().map(|(uid, _)| *uid))
            && unseen.is_none_or(|uid| listed.seen_below <= uid)
            && listed.keywords.is_superset(&keywords);
        if !is_listed {
            self.found(Damage::View, Some(number), "the folder's listing is not what is in it".into());
        }
        if twice > 0 {
            self.found(Damage::Orphan, Some(number), format!("{twice} items are in two places"));
        }
        for (uid, modseq) in changes {
            let key = keys::in_folder(table::CHANGE, self.mailbox, number, modseq);
            if self.read.get(&key)?.as_deref() != Some(&uid.to_be_bytes()) {
                self.found(Damage::View, Some(number), format!("change {modseq} does not lead to UID {uid}"));
            }
        }
        let totals = &mut self.totals;
        let (items, size) = if is_recoverable(number) {
            (&mut totals.recoverable, &mut totals.recoverable_size)
        } else {
            (&mut totals.items, &mut totals.size)
        };
        *items += u64::from(counted.items);
        *size += counted.size;
        Ok(counted)
    }

    fn count_associated(&mut self, number: u32, counted: &mut Figures) -> Result<(), StoreError> {
        let prefix = keys::folder(table::ASSOCIATED, self.mailbox, number);
        counted.associated_size = 0;
        counted.associated = visit(self.read, &prefix, |_, bytes| {
            counted.associated_size += bytes.len() as u64;
            Ok(())
        })?;
        self.totals.associated += u64::from(counted.associated);
        self.totals.associated_size += counted.associated_size;
        Ok(())
    }

    /// Rows of folders that do not exist, and names that lead nowhere.
    fn strays(&mut self, folders: &BTreeMap<u32, FolderRow>) -> Result<(), StoreError> {
        let tables = [
            table::FIGURES,
            table::ITEM,
            table::CHANGE,
            table::VANISHED,
            table::LISTING,
            table::ASSOCIATED,
            table::NAME,
        ];
        let mut strays = Vec::new();
        let mut names = 0;
        for table in tables {
            visit(self.read, &keys::mailbox(table, self.mailbox), |key, _| {
                names += usize::from(table == table::NAME);
                let folder = key.get(5..9).and_then(|part| part.try_into().ok()).map(u32::from_be_bytes);
                if !folder.is_some_and(|folder| folders.contains_key(&folder)) {
                    strays.push(format!("a row of table {:?} has no folder", char::from(table)));
                }
                Ok(())
            })?;
        }
        if names + 1 != folders.len() {
            strays.push(format!("{} folders have {names} names", folders.len()));
        }
        strays.into_iter().for_each(|text| self.found(Damage::Orphan, None, text));
        Ok(())
    }

    /// Every item has its large row, and no large row is without item.
    fn details(&mut self) -> Result<(), StoreError> {
        let mut ids = Vec::new();
        for table in [table::DETAIL, table::PLACE] {
            visit(self.read, &keys::mailbox(table, self.mailbox), |key, _| {
                ids.push(ItemId(keys::number_of(key)?));
                Ok(())
            })?;
        }
        for id in &ids {
            if !self.places.contains_key(id) {
                self.found(
                    Damage::Orphan,
                    None,
                    format!("item {} has a large row but is in no folder", id.0),
                );
            }
        }
        let mut lost = Vec::new();
        for (id, at) in &self.places {
            match place(self.read, self.mailbox, *id) {
                Ok(found) if found == *at => {}
                Ok(_) | Err(StoreError::NoItem(_)) => lost.push((at.folder, id.0)),
                Err(error) => return Err(error),
            }
        }
        for (folder, id) in lost {
            self.found(
                Damage::Orphan,
                Some(folder),
                format!("item {id} has no large row, or one that leads elsewhere"),
            );
        }
        Ok(())
    }
}

/// Visits all rows with a prefix, up to the first failure; counts them.
pub(crate) fn visit(
    read: &impl Read,
    prefix: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<u32, StoreError> {
    let (mut count, mut outcome) = (0, Ok(()));
    read.scan_prefix(prefix, &mut |key, value| {
        count += 1;
        outcome = each(key, value);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| count)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{Guid, clock::SystemClock, disk::SystemDisk};

    use super::*;
    use crate::{Config, FolderRole, Limits, NewMailbox, NewMessage};

    fn mailbox(dir: &std::path::Path) -> Mailbox {
        let engine = engine::Options {
            dir: dir.to_owned(),
            name: "DB01".into(),
            segment_bytes: 1 << 20,
            cache_bytes: 1 << 20,
            checkpoint_bytes: 1 << 20,
            disk: Arc::new(SystemDisk),
            clock: Arc::new(SystemClock),
        };
        let database = Database::open(Config { guid: Guid([1; 16]), engine }).unwrap();
        let guid = Guid([2; 16]);
        let new = NewMailbox { guid, display_name: "Ana".into(), culture: "pt".into() };
        database.create_mailbox(new).wait().unwrap();
        let mailbox = database.mailbox(guid).unwrap();
        for _ in 0..3 {
            let message = NewMessage {
                parts: vec!["hello".into()],
                summary: "s".into(),
                class: "IPM.Note".into(),
                flags: crate::Flags::default(),
                received: base::Timestamp::default(),
            };
            mailbox.append(FolderRole::Inbox.folder(), message, Limits::default()).wait().unwrap();
        }
        mailbox
    }

    /// Changes rows behind the store's back.
    fn damage(mailbox: &Mailbox, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        let change = mailbox.database.change(move |txn, _| {
            for (key, value) in &rows {
                match value {
                    Some(value) => txn.put(key, value),
                    None => txn.delete(key),
                }
            }
            Ok(())
        });
        change.wait().unwrap();
    }

    #[test]
    fn wrong_counts_are_found_and_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let mailbox = mailbox(dir.path());
        assert_eq!(mailbox.check().unwrap(), []);
        let inbox = keys::folder(table::FIGURES, mailbox.id, FolderRole::Inbox.number());
        let mut figures: Figures = mailbox.database.view(|view| keys::get(view, &inbox)).unwrap().unwrap();
        figures.unread += 1;
        let totals = Totals { change: 1000, ..Totals::default() };
        let total_key = keys::mailbox(table::TOTALS, mailbox.id).to_vec();
        damage(
            &mailbox,
            vec![(inbox.to_vec(), Some(figures.to_bytes())), (total_key, Some(totals.to_bytes()))],
        );
        let found = mailbox.check().unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(mailbox.repair_counts().wait().unwrap(), found);
        assert_eq!(mailbox.check().unwrap(), []);
        assert_eq!(mailbox.statistics().unwrap().size, 15);
    }

    #[test]
    fn broken_indexes_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let mailbox = mailbox(dir.path());
        let item = mailbox.items(FolderRole::Inbox.folder(), &vec![2..=2], 1).unwrap().remove(0);
        let inbox = FolderRole::Inbox.number();
        let rows = [
            keys::in_folder(table::CHANGE, mailbox.id, inbox, item.modseq).to_vec(),
            keys::by_id(table::DETAIL, mailbox.id, item.id).to_vec(),
            keys::name(mailbox.id, FolderRole::IpmSubtree.number(), "Rascunhos"),
        ];
        let mut expected = 0;
        for (key, findings) in rows.into_iter().zip([2, 1, 2]) {
            damage(&mailbox, vec![(key, None)]);
            expected += findings;
            assert_eq!(mailbox.check().unwrap().len(), expected);
        }
        damage(&mailbox, vec![(keys::shared(3).to_vec(), Some(5u64.to_bytes()))]);
        assert_eq!(mailbox.database.check_bodies().unwrap().len(), 1);
        // What was asked for is mended, and nothing else: the item without a body goes, the others stay.
        let view = mailbox.repair(&[Damage::View]).wait().unwrap();
        assert!(view.iter().all(|finding| finding.damage == Damage::View) && !view.is_empty());
        let left = mailbox.check().unwrap();
        assert!(left.iter().all(|finding| finding.damage != Damage::View), "{left:?}");
        mailbox.repair(&[Damage::Orphan, Damage::Counts]).wait().unwrap();
        assert_eq!(mailbox.check().unwrap(), []);
        assert_eq!(mailbox.uids(FolderRole::Inbox.folder()).unwrap(), [1, 3]);
        assert_eq!(mailbox.statistics().unwrap().items, 2);
        mailbox.database.repair_bodies().wait().unwrap();
        assert_eq!(mailbox.database.check_bodies().unwrap(), []);
    }

    #[test]
    fn orphans_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let mailbox = mailbox(dir.path());
        let item = mailbox.items(FolderRole::Inbox.folder(), &vec![2..=2], 1).unwrap().remove(0);
        let inbox = FolderRole::Inbox.number();
        let bytes =
            mailbox.database.view(|view| view.get(&keys::item(mailbox.id, inbox, 2))).unwrap().unwrap();
        damage(
            &mailbox,
            vec![
                // A body without item, an item of a folder that is not there, counters lost, an item twice.
                (keys::item(mailbox.id, inbox, 2).to_vec(), None),
                (keys::item(mailbox.id, 999, 1).to_vec(), Some(bytes.to_vec())),
                (keys::folder(table::FIGURES, mailbox.id, FolderRole::Notes.number()).to_vec(), None),
                (
                    keys::item(mailbox.id, FolderRole::Tasks.number(), 1).to_vec(),
                    mailbox
                        .database
                        .view(|view| view.get(&keys::item(mailbox.id, inbox, 1)))
                        .unwrap()
                        .map(|bytes| bytes.to_vec()),
                ),
            ],
        );
        assert!(mailbox.check().unwrap().len() >= 4, "{:?}", mailbox.check());
        let all = [Damage::Counts, Damage::View, Damage::Orphan];
        mailbox.repair(&all).wait().unwrap();
        assert_eq!(mailbox.check().unwrap(), []);
        assert!(matches!(mailbox.body(item.id), Err(StoreError::NoItem(_))));
        assert_eq!(mailbox.uids(FolderRole::Inbox.folder()).unwrap(), [1, 3]);
    }
}
