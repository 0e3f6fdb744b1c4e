//! Random verbs against a model that is too simple to be wrong: whatever was done, both hold the same, all
//! counters are exact, and a client that follows the changes sees what one that reads everything sees.

use std::collections::{BTreeMap, HashMap};

use base::EnhancedTimeSpan;
use proptest::{collection::vec, prelude::*, sample::select};
use store::{
    Database, FlagChange, Flags, FolderId, FolderRole, Limits, Mailbox, Owner, Removal, UidRanges,
    property::{PropertyBag, PropertyValue},
};

use crate::{
    common::{NOW, append_to, delivery, mailbox, open, run, to_inbox},
    model::{DELETIONS, Folder, Item, Model},
};

const MAILBOXES: u8 = 2;
const KEYWORDS: [&str; 3] = ["$Forwarded", "Work", "ähnlich"];

/// One verb; numbers choose among what exists.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    Deliver {
        id: u8,
        recipients: Vec<u8>,
    },
    Append {
        mailbox: u8,
        folder: u8,
    },
    Flags {
        mailbox: u8,
        folder: u8,
        ranges: UidRanges,
        change: FlagChange,
        flags: u8,
        keyword: u8,
        recent: bool,
    },
    Copy {
        mailbox: u8,
        folder: u8,
        ranges: UidRanges,
        target: u8,
    },
    Move {
        mailbox: u8,
        folder: u8,
        ranges: UidRanges,
        target: u8,
    },
    Expunge {
        mailbox: u8,
        folder: u8,
        ranges: UidRanges,
        removal: Removal,
    },
    Remove {
        mailbox: u8,
        folder: u8,
        ranges: UidRanges,
        removal: Removal,
    },
    Property {
        mailbox: u8,
        folder: u8,
        value: Option<i32>,
    },
    Associated {
        mailbox: u8,
        folder: u8,
        replace: bool,
    },
    CreateFolder {
        mailbox: u8,
        parent: u8,
        name: u8,
    },
    RenameFolder {
        mailbox: u8,
        folder: u8,
        parent: u8,
        name: u8,
    },
    DeleteFolder {
        mailbox: u8,
        folder: u8,
    },
    Follow {
        mailbox: u8,
    },
    Forget,
    Reopen,
}

pub(crate) fn verb() -> impl Strategy<Value = Verb> {
    let (m, f, n) = (0..MAILBOXES, any::<u8>(), any::<u8>());
    let ranges = select(vec![vec![1..=u32::MAX], vec![1..=2], vec![2..=2, 4..=9], vec![1..=1]]);
    let removal = select(vec![Removal::Recoverable, Removal::Destroy]);
    let change = select(vec![FlagChange::Replace, FlagChange::Add, FlagChange::Remove]);
    let one = (m.clone(), f, ranges);
    let name = 0..4u8;
    prop_oneof![
        4 => (0..6u8, vec(m.clone(), 1..4)).prop_map(|(id, recipients)| Verb::Deliver { id, recipients }),
        4 => (m.clone(), f).prop_map(|(mailbox, folder)| Verb::Append { mailbox, folder }),
        4 => (one.clone(), change, 0..32u8, 0..4u8, any::<bool>()).prop_map(
            |((mailbox, folder, ranges), change, flags, keyword, recent)| {
                Verb::Flags { mailbox, folder, ranges, change, flags, keyword, recent }
            }
        ),
        4 => (one.clone(), n).prop_map(|((mailbox, folder, ranges), target)| {
            Verb::Copy { mailbox, folder, ranges, target }
        }),
        2 => (one.clone(), n).prop_map(|((mailbox, folder, ranges), target)| {
            Verb::Move { mailbox, folder, ranges, target }
        }),
        2 => (one.clone(), removal.clone()).prop_map(|((mailbox, folder, ranges), removal)| {
            Verb::Expunge { mailbox, folder, ranges, removal }
        }),
        3 => (one, removal).prop_map(|((mailbox, folder, ranges), removal)| {
            Verb::Remove { mailbox, folder, ranges, removal }
        }),
        1 => (m.clone(), f, any::<Option<i32>>()).prop_map(|(mailbox, folder, value)| {
            Verb::Property { mailbox, folder, value }
        }),
        1 => (m.clone(), f, any::<bool>()).prop_map(|(mailbox, folder, replace)| {
            Verb::Associated { mailbox, folder, replace }
        }),
        1 => (m.clone(), f, name.clone()).prop_map(|(mailbox, parent, name)| {
            Verb::CreateFolder { mailbox, parent, name }
        }),
        1 => (m.clone(), f, n, name).prop_map(|(mailbox, folder, parent, name)| {
            Verb::RenameFolder { mailbox, folder, parent, name }
        }),
        1 => (m.clone(), f).prop_map(|(mailbox, folder)| Verb::DeleteFolder { mailbox, folder }),
        3 => m.prop_map(|mailbox| Verb::Follow { mailbox }),
        1 => Just(Verb::Forget),
        1 => Just(Verb::Reopen),
    ]
}

pub(crate) struct World {
    dir: tempfile::TempDir,
    database: Database,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) models: Vec<Model>,
    delivered: HashMap<u8, Vec<u8>>,
    bodies: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let mailboxes: Vec<_> = (0..MAILBOXES).map(|n| mailbox(&database, n)).collect();
        let models = (0..MAILBOXES).map(|_| Model::default()).collect();
        let mut world = Self { dir, database, mailboxes, models, delivered: HashMap::new(), bodies: 0 };
        for (mailbox, model) in world.mailboxes.iter().zip(&mut world.models) {
            for folder in mailbox.folders().unwrap() {
                let name = folder.path.last().unwrap().clone();
                model.folders.insert(folder.id, Folder::new(folder.parent, name));
            }
            model.folders.insert(DELETIONS, Folder::new(None, "Deletions".into()));
        }
        world
    }

    fn folder(&self, mailbox: u8, choice: u8) -> FolderId {
        let folders = &self.models[usize::from(mailbox)].folders;
        // Few folders are chosen often, so that things meet; the youngest are the ones verbs have made.
        match choice % 8 {
            0..=2 => FolderRole::Inbox.folder(),
            3 => FolderRole::Drafts.folder(),
            4 => DELETIONS,
            _ => *folders.keys().rev().nth(usize::from(choice) / 8 % folders.len()).unwrap(),
        }
    }

    fn next_body(&mut self) -> String {
        self.bodies += 1;
        format!("body {}", self.bodies)
    }

    pub(crate) fn apply(&mut self, verb: Verb) {
        match verb {
            Verb::Deliver { id, recipients } => self.deliver(id, &recipients),
            Verb::Append { mailbox, folder } => {
                let (folder, body) = (self.folder(mailbox, folder), self.next_body());
                let uid = append_to(&self.mailboxes[usize::from(mailbox)], folder, &body);
                let model = self.models[usize::from(mailbox)].folders.get_mut(&folder).unwrap();
                assert_eq!(uid, model.add(Item::new(body)));
            }
            Verb::Flags { mailbox, folder, ranges, change, flags, keyword, recent } => {
                let folder = self.folder(mailbox, folder);
                let keywords =
                    KEYWORDS.get(usize::from(keyword)).map(|k| (*k).to_owned()).into_iter().collect();
                let flags = Flags { system: flags, keywords };
                self.flags(mailbox, folder, ranges, change, flags, recent);
            }
            Verb::Copy { mailbox, folder, ranges, target } => {
                let (folder, target) = (self.folder(mailbox, folder), self.folder(mailbox, target));
                let real = &self.mailboxes[usize::from(mailbox)];
                let pairs = real.copy(folder, ranges.clone(), target, Limits::default()).wait().unwrap();
                let model = &mut self.models[usize::from(mailbox)];
                assert_eq!(pairs, model.transfer(folder, &ranges, target, |_| true, false));
            }
            Verb::Move { mailbox, folder, ranges, target } => {
                let (folder, target) = (self.folder(mailbox, folder), self.folder(mailbox, target));
                let real = &self.mailboxes[usize::from(mailbox)];
                let pairs = real.move_items(folder, ranges.clone(), target).wait().unwrap();
                let model = &mut self.models[usize::from(mailbox)];
                assert_eq!(pairs, model.transfer(folder, &ranges, target, |_| true, true));
            }
            Verb::Expunge { mailbox, folder, ranges, removal } => {
                let folder = self.folder(mailbox, folder);
                let real = &self.mailboxes[usize::from(mailbox)];
                let uids = real.expunge(folder, ranges.clone(), removal).wait().unwrap();
                let marked = |item: &Item| item.flags & Flags::DELETED != 0;
                let model = &mut self.models[usize::from(mailbox)];
                assert_eq!(uids, model.remove(folder, &ranges, removal, marked));
            }
            Verb::Remove { mailbox, folder, ranges, removal } => {
                let folder = self.folder(mailbox, folder);
                let real = &self.mailboxes[usize::from(mailbox)];
                let uids = real.remove_items(folder, ranges.clone(), removal).wait().unwrap();
                let model = &mut self.models[usize::from(mailbox)];
                assert_eq!(uids, model.remove(folder, &ranges, removal, |_| true));
            }
            Verb::Property { mailbox, folder, value } => self.property(mailbox, folder, value),
            Verb::Associated { mailbox, folder, replace } => self.associated(mailbox, folder, replace),
            Verb::Forget => {
                let later = NOW.plus(EnhancedTimeSpan::from_days(1));
                assert_eq!(run(self.database.forget_deliveries(later)).unwrap(), self.delivered.len());
                self.delivered.clear();
            }
            Verb::Follow { mailbox } => self.follow(mailbox),
            Verb::Reopen => self.reopen(),
            folder_verb => self.folder_verb(folder_verb),
        }
    }

    fn deliver(&mut self, id: u8, recipients: &[u8]) {
        let body = self.next_body();
        let to = recipients.iter().map(|n| to_inbox(&self.mailboxes[usize::from(*n)])).collect();
        let answers = self.database.deliver(delivery(id, to, &body)).wait().unwrap();
        let known = self.delivered.entry(id).or_default();
        for (n, answer) in recipients.iter().zip(answers) {
            let answer = answer.unwrap();
            assert_eq!(answer.item.is_none(), known.contains(n));
            if answer.item.is_some() {
                known.push(*n);
                let inbox = FolderRole::Inbox.folder();
                let item = Item::new(format!("Received: here\r\n{body}"));
                let folder = self.models[usize::from(*n)].folders.get_mut(&inbox).unwrap();
                assert_eq!(answer.uid, folder.add(item));
            }
        }
    }

    fn flags(
        &mut self,
        mailbox: u8,
        folder: FolderId,
        ranges: UidRanges,
        change: FlagChange,
        flags: Flags,
        recent: bool,
    ) {
        let real = &self.mailboxes[usize::from(mailbox)];
        let items = real.items(folder, &ranges, usize::MAX).unwrap();
        // The middle item's modseq: some are later, some are not.
        let since = items.get(items.len() / 2).map(|item| item.modseq).filter(|_| recent);
        let refused = real.change_flags(folder, ranges, change, flags.clone(), since).wait().unwrap();
        let later: Vec<_> =
            items.iter().filter(|i| since.is_some_and(|s| i.modseq > s)).map(|i| i.uid).collect();
        assert_eq!(refused, later);
        let model = self.models[usize::from(mailbox)].folders.get_mut(&folder).unwrap();
        for item in items.iter().filter(|i| !refused.contains(&i.uid)) {
            let item = model.items.get_mut(&item.uid).unwrap();
            match change {
                FlagChange::Replace => {
                    item.flags = flags.system;
                    item.keywords = flags.keywords.clone();
                }
                FlagChange::Add => {
                    item.flags |= flags.system;
                    item.keywords.retain(|k| !flags.keywords.contains(k));
                    item.keywords.extend(flags.keywords.clone());
                }
                FlagChange::Remove => {
                    item.flags &= !flags.system;
                    item.keywords.retain(|k| !flags.keywords.contains(k));
                }
            }
            item.keywords.sort();
        }
    }

    fn property(&mut self, mailbox: u8, folder: u8, value: Option<i32>) {
        let folder = self.folder(mailbox, folder);
        let real = &self.mailboxes[usize::from(mailbox)];
        let model = self.models[usize::from(mailbox)].folders.get_mut(&folder).unwrap();
        if let Some((uid, item)) = model
            .items
            .first_key_value()
            .map(|(uid, _)| *uid)
            .and_then(|uid| Some((uid, model.items.get_mut(&uid)?)))
        {
            let id = real.items(folder, &vec![uid..=uid], 1).unwrap()[0].id;
            let change = vec![(0x0017, value.map(PropertyValue::Integer32))];
            real.set_properties(Owner::Item(id), change).wait().unwrap();
            item.property = value;
        }
    }

    fn associated(&mut self, mailbox: u8, folder: u8, replace: bool) {
        let folder = self.folder(mailbox, folder);
        let real = &self.mailboxes[usize::from(mailbox)];
        let model = self.models[usize::from(mailbox)].folders.get_mut(&folder).unwrap();
        let first = real.associated(folder).unwrap().first().map(|a| a.id);
        let bag: PropertyBag =
            [(0x7c07, PropertyValue::String("x".repeat(model.items.len())))].into_iter().collect();
        match first {
            Some(id) if !replace => {
                real.delete_associated(folder, id).wait().unwrap();
                model.associated -= 1;
            }
            _ => {
                let old = first.filter(|_| replace);
                real.save_associated(folder, old, "IPM.Configuration.Test", bag).wait().unwrap();
                model.associated += u32::from(old.is_none());
            }
        }
    }

    fn folder_verb(&mut self, verb: Verb) {
        let name = |n: u8| ["Inbox", "Work", "Private", "été"][usize::from(n)].to_owned();
        match verb {
            Verb::CreateFolder { mailbox, parent, name: n } => {
                let parent = Some(self.folder(mailbox, parent)).filter(|f| *f != DELETIONS);
                let real = &self.mailboxes[usize::from(mailbox)];
                let model = &mut self.models[usize::from(mailbox)];
                let made = real.create_folder(parent, &name(n), "IPF.Note").wait();
                assert_eq!(made.is_err(), model.taken(parent, &name(n), None));
                if let Ok(id) = made {
                    model.folders.insert(id, Folder::new(parent, name(n)));
                }
            }
            Verb::RenameFolder { mailbox, folder, parent, name: n } => {
                let folder = self.folder(mailbox, folder);
                let parent = Some(self.folder(mailbox, parent)).filter(|f| *f != DELETIONS);
                let real = &self.mailboxes[usize::from(mailbox)];
                let model = &mut self.models[usize::from(mailbox)];
                let done = real.rename_folder(folder, parent, &name(n)).wait();
                let refuse = FolderRole::of(folder).is_some()
                    || model.is_below(parent, folder)
                    || model.taken(parent, &name(n), Some(folder));
                assert_eq!(done.is_err(), refuse);
                if !refuse {
                    let entry = model.folders.get_mut(&folder).unwrap();
                    (entry.parent, entry.name) = (parent, name(n));
                }
            }
            Verb::DeleteFolder { mailbox, folder } => {
                let folder = self.folder(mailbox, folder);
                let real = &self.mailboxes[usize::from(mailbox)];
                let model = &mut self.models[usize::from(mailbox)];
                let has_children = model.folders.values().any(|f| f.parent == Some(folder));
                let refuse = FolderRole::of(folder).is_some() || has_children;
                assert_eq!(real.delete_folder(folder).wait().is_err(), refuse);
                if !refuse {
                    model.remove(folder, &vec![1..=u32::MAX], Removal::Recoverable, |_| true);
                    model.folders.remove(&folder);
                    model.followers.remove(&folder);
                }
            }
            _ => unreachable!("not a folder verb"),
        }
    }

    /// A client asks what changed since it last did, and believes it.
    pub(crate) fn follow(&mut self, mailbox: u8) {
        let (real, model) = (&self.mailboxes[usize::from(mailbox)], &mut self.models[usize::from(mailbox)]);
        for (id, folder) in &model.folders {
            let follower = model.followers.entry(*id).or_default();
            let changes = real.changes_since(*id, follower.modseq).unwrap();
            assert!(changes.modseq >= follower.modseq);
            assert!(changes.changed.is_sorted_by_key(|item| item.uid));
            assert!(changes.changed.iter().all(|item| item.modseq > follower.modseq));
            for uid in &changes.vanished {
                follower.flags.remove(uid);
            }
            for item in changes.changed {
                let mut keywords = item.flags.keywords;
                keywords.sort();
                follower.flags.insert(item.uid, (item.flags.system, keywords));
            }
            follower.modseq = changes.modseq;
            let truth: BTreeMap<_, _> =
                folder.items.iter().map(|(uid, item)| (*uid, (item.flags, item.keywords.clone()))).collect();
            assert_eq!(follower.flags, truth);
        }
    }

    fn reopen(&mut self) {
        let guids: Vec<_> = self.mailboxes.iter().map(|m| m.statistics().unwrap().guid).collect();
        self.mailboxes.clear();
        self.database.close().unwrap();
        self.database = open(self.dir.path());
        self.mailboxes = guids.into_iter().map(|guid| self.database.mailbox(guid).unwrap()).collect();
    }

    /// Both hold the same.
    fn compare(&self) {
        for (real, model) in self.mailboxes.iter().zip(&self.models) {
            assert_eq!(real.check().unwrap(), []);
            let (mut items, mut size, mut associated) = (0, 0, 0);
            for (id, folder) in &model.folders {
                compare_folder(real, *id, folder);
                associated += u64::from(folder.associated);
                if *id != DELETIONS {
                    items += folder.items.len() as u64;
                    size += folder.size();
                }
            }
            let statistics = real.statistics().unwrap();
            let deletions = &model.folders[&DELETIONS];
            assert_eq!((statistics.items, statistics.size, statistics.associated), (items, size, associated));
            assert_eq!(statistics.recoverable, deletions.items.len() as u64);
            assert_eq!(statistics.recoverable_size, deletions.size());
            assert_eq!(real.folders().unwrap().len(), model.folders.len() - 1);
        }
        assert_eq!(self.database.check_bodies().unwrap(), []);
    }
}

pub(crate) fn compare_folder(real: &Mailbox, id: FolderId, model: &Folder) {
    let status = real.status(id).unwrap();
    let count = |wanted: fn(&Item) -> bool| model.items.values().filter(|i| wanted(i)).count() as u32;
    assert_eq!(status.items, model.items.len() as u32);
    assert_eq!(status.unread, count(|i| i.flags & Flags::SEEN == 0));
    assert_eq!(status.deleted, count(|i| i.flags & Flags::DELETED != 0));
    assert_eq!(status.size, model.size());
    assert_eq!(status.associated, model.associated);
    assert_eq!(status.uid_next, model.uid_next);
    let uids: Vec<_> = model.items.keys().copied().collect();
    assert_eq!(real.uids(id).unwrap(), uids);
    let contents = real.contents(id).unwrap();
    let first_unseen = model.items.iter().find(|(_, item)| item.flags & Flags::SEEN == 0);
    assert_eq!(contents.first_unseen, first_unseen.map(|(uid, _)| *uid));
    assert_eq!((contents.uids, contents.status), (uids.clone(), status.clone()));
    let mut keywords = model.items.values().flat_map(|item| &item.keywords);
    assert!(keywords.all(|keyword| contents.keywords.contains(keyword)));
    let items = real.items_with_summaries(id, &vec![1..=u32::MAX], usize::MAX).unwrap();
    assert_eq!(items.len(), uids.len());
    for ((item, summary), (uid, expected)) in items.into_iter().zip(&model.items) {
        assert!(item.modseq <= status.highest_modseq);
        let body = real.body(item.id).unwrap();
        let property = match real.properties(Owner::Item(item.id)).unwrap().iter().next() {
            Some((_, PropertyValue::Integer32(n))) => Some(*n),
            _ => None,
        };
        let mut keywords = item.flags.keywords.clone();
        keywords.sort();
        let found = Item {
            flags: item.flags.system,
            keywords,
            body: String::from_utf8(body.to_vec()).unwrap(),
            property,
        };
        assert_eq!((item.uid, &found), (*uid, expected));
        assert_eq!(real.locate(item.id).unwrap(), (id, item.uid));
        assert!(found.body.ends_with(str::from_utf8(&summary[b"summary of ".len()..]).unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_done_the_model_agrees(verbs in vec(verb(), 1..80)) {
        let mut world = World::new();
        for verb in verbs {
            world.apply(verb);
        }
        world.compare();
        for mailbox in 0..MAILBOXES {
            world.follow(mailbox);
        }
        world.reopen();
        world.compare();
    }
}
