//! The folder tree and the figures of a folder.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
};

use engine::Read;
use tokio::sync::watch;

use super::items::figures;
use crate::{
    Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    roles::FolderRole,
    rows::{Figures, FolderRow},
    types::{Folder, FolderId, FolderStatus, MailboxId},
    watch::ANY,
};

impl Mailbox {
    /// All folders of the visible tree, parents before children, siblings by age.
    pub fn folders(&self) -> Result<Vec<Folder>, StoreError> {
        self.tree(FolderRole::IpmSubtree)
    }

    /// All folders below the true root, hidden ones too; paths begin below it.
    pub fn all_folders(&self) -> Result<Vec<Folder>, StoreError> {
        self.tree(FolderRole::Root)
    }

    fn tree(&self, root: FolderRole) -> Result<Vec<Folder>, StoreError> {
        let rows = self.database.view(|view| folder_rows(view, self.id))?;
        if rows.is_empty() {
            return Err(StoreError::NoMailbox);
        }
        Ok(tree(rows, root.number()))
    }

    /// A folder's figures.
    pub fn status(&self, folder: FolderId) -> Result<FolderStatus, StoreError> {
        let figures = self.database.view(|view| figures(view, self.id, folder.number()?))?;
        Ok(status_of(&figures))
    }

    /// The folder of a name below another one (`None`: the visible root); names are compared without case.
    pub fn find_folder(&self, parent: Option<FolderId>, name: &str) -> Result<Option<FolderId>, StoreError> {
        let parent = parent.unwrap_or(FolderRole::IpmSubtree.folder()).number()?;
        let key = keys::name(self.id, parent, name);
        Ok(self.database.view(|view| keys::get(view, &key))?.map(FolderId))
    }

    /// Wakes whenever the folder's modseq moves, and holds the newest value; `u64::MAX` when the folder is
    /// deleted. A watch on [`FolderRole::Root`] wakes when the folder tree changes.
    pub fn watch(&self, folder: FolderId) -> Result<watch::Receiver<u64>, StoreError> {
        let number = folder.number()?;
        let current = || self.database.view(|view| figures(view, self.id, number)).map(|f| f.modseq);
        self.database.watchers().subscribe((self.id, number), current)
    }

    /// Wakes whenever anything changes in any folder of the mailbox, and when the tree does.
    pub fn watch_all(&self) -> Result<watch::Receiver<u64>, StoreError> {
        self.database.watchers().subscribe((self.id, ANY), || Ok(0))
    }
}

/// A folder's figures as callers see them.
pub(super) fn status_of(figures: &Figures) -> FolderStatus {
    FolderStatus {
        items: figures.items,
        unread: figures.unread,
        deleted: figures.deleted,
        size: figures.size,
        associated: figures.associated,
        uid_validity: figures.uid_validity,
        uid_next: figures.uid_next,
        highest_modseq: figures.modseq,
    }
}

/// Every folder row of a mailbox, by number.
pub(crate) fn folder_rows(
    read: &impl Read,
    mailbox: MailboxId,
) -> Result<BTreeMap<u32, FolderRow>, StoreError> {
    let mut rows = BTreeMap::new();
    let mut outcome = Ok(());
    read.scan_prefix(&keys::mailbox(table::FOLDER, mailbox), &mut |key, bytes| {
        match keys::uid_of(key).and_then(|number| Ok((number, FolderRow::from_bytes(bytes)?))) {
            Ok((number, row)) => _ = rows.insert(number, row),
            Err(error) => outcome = Err(error),
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| rows)
}

/// The folders below `root`, parents before children. Every folder has one parent, so none comes twice.
fn tree(mut rows: BTreeMap<u32, FolderRow>, root: u32) -> Vec<Folder> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (number, row) in &rows {
        if row.parent != *number {
            children.entry(row.parent).or_default().push(*number);
        }
    }
    let mut folders: Vec<Folder> = Vec::with_capacity(rows.len());
    // What is still to be visited, last first: a folder and the index of its parent's entry.
    let mut open: Vec<(u32, Option<usize>)> = Vec::new();
    let push_children = |open: &mut Vec<_>, of: u32, entry: Option<usize>| {
        open.extend(children.get(&of).into_iter().flatten().rev().map(|child| (*child, entry)));
    };
    push_children(&mut open, root, None);
    while let Some((number, above)) = open.pop() {
        let Some(row) = rows.remove(&number) else { continue };
        let mut path = above.map_or_else(Vec::new, |index| folders[index].path.clone());
        path.push(row.name);
        let id = FolderId(number.into());
        folders.push(Folder {
            id,
            parent: above.map(|index| folders[index].id),
            path,
            role: FolderRole::of(id),
            class: row.class,
            subscribed: row.subscribed,
            has_children: children.contains_key(&number),
        });
        push_children(&mut open, number, Some(folders.len() - 1));
    }
    folders
}
