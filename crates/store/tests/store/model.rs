//! A mailbox that is too simple to be wrong.

use std::collections::{BTreeMap, HashMap};

use store::{Flags, FolderId, FolderRole, Removal, UidRanges};

pub(crate) const DELETIONS: FolderId = FolderRole::Deletions.folder();

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) flags: u8,
    pub(crate) keywords: Vec<String>,
    pub(crate) body: String,
    pub(crate) property: Option<i32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) parent: Option<FolderId>,
    pub(crate) name: String,
    pub(crate) items: BTreeMap<u32, Item>,
    pub(crate) uid_next: u32,
    pub(crate) associated: u32,
}

/// What a client that follows changes believes of a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follower {
    pub(crate) modseq: u64,
    pub(crate) flags: BTreeMap<u32, (u8, Vec<String>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) folders: BTreeMap<FolderId, Folder>,
    pub(crate) followers: HashMap<FolderId, Follower>,
}

impl Item {
    pub(crate) fn new(body: String) -> Self {
        Self { flags: 0, keywords: Vec::new(), body, property: None }
    }
}

impl Folder {
    pub(crate) fn new(parent: Option<FolderId>, name: String) -> Self {
        Self { parent, name, items: BTreeMap::new(), uid_next: 1, associated: 0 }
    }
    pub(crate) fn add(&mut self, item: Item) -> u32 {
        self.items.insert(self.uid_next, item);
        self.uid_next += 1;
        self.uid_next - 1
    }
    pub(crate) fn size(&self) -> u64 {
        self.items.values().map(|item| item.body.len() as u64).sum()
    }
}

impl Model {
    pub(crate) fn transfer(
        &mut self,
        from: FolderId,
        ranges: &UidRanges,
        to: FolderId,
        wanted: impl Fn(&Item) -> bool,
        take: bool,
    ) -> Vec<(u32, u32)> {
        let source = self.folders.get_mut(&from).unwrap();
        let within = |uid: &u32| ranges.iter().any(|r| r.contains(uid));
        let chosen: Vec<_> = source
            .items
            .iter()
            .filter(|(uid, item)| within(uid) && wanted(item))
            .map(|(uid, item)| (*uid, item.clone()))
            .collect();
        if take {
            source.items.retain(|uid, item| !(within(uid) && wanted(item)));
        }
        let target = self.folders.get_mut(&to).unwrap();
        chosen.into_iter().map(|(uid, item)| (uid, target.add(item))).collect()
    }

    pub(crate) fn remove(
        &mut self,
        from: FolderId,
        ranges: &UidRanges,
        removal: Removal,
        wanted: impl Fn(&Item) -> bool,
    ) -> Vec<u32> {
        if removal == Removal::Recoverable && from != DELETIONS {
            let pairs = self.transfer(from, ranges, DELETIONS, wanted, true);
            let deletions = self.folders.get_mut(&DELETIONS).unwrap();
            for (_, uid) in &pairs {
                deletions.items.get_mut(uid).unwrap().flags &= !Flags::DELETED;
            }
            return pairs.into_iter().map(|(uid, _)| uid).collect();
        }
        let folder = self.folders.get_mut(&from).unwrap();
        let within = |uid: &u32| ranges.iter().any(|r| r.contains(uid));
        let gone: Vec<_> =
            folder.items.iter().filter(|(uid, i)| within(uid) && wanted(i)).map(|(uid, _)| *uid).collect();
        folder.items.retain(|uid, _| !gone.contains(uid));
        gone
    }

    pub(crate) fn taken(&self, parent: Option<FolderId>, name: &str, except: Option<FolderId>) -> bool {
        self.folders.iter().any(|(id, folder)| {
            Some(*id) != except
                && *id != DELETIONS
                && folder.parent == parent
                && folder.name.to_lowercase() == name.to_lowercase()
        })
    }

    pub(crate) fn is_below(&self, mut at: Option<FolderId>, above: FolderId) -> bool {
        while let Some(id) = at {
            if id == above {
                return true;
            }
            at = self.folders[&id].parent;
        }
        false
    }
}
