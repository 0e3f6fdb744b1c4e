//! What is done to folders: create, rename, move, delete, subscribe.

use engine::Read;

use super::{
    items::{Removal, remove},
    ledger::Ledger,
    properties::clear_folder,
};
use crate::{
    Change, Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    names::localized,
    roles::{DEFAULT_FOLDERS, FIRST_USER_FOLDER, FolderRole},
    rows::{Figures, FolderRow},
    types::{Folder, FolderId},
};

/// Length of a folder name, characters.
const NAME_LEN_MAX: usize = 255;
/// Levels below the visible root.
const DEPTH_MAX: usize = 64;
/// Folders in one mailbox.
const FOLDERS_MAX: u32 = 10_000;
/// Length of a container class, bytes.
const CLASS_LEN_MAX: usize = 255;

impl Mailbox {
    /// Makes a folder below another (`None`: the visible root).
    pub fn create_folder(&self, parent: Option<FolderId>, name: &str, class: &str) -> Change<FolderId> {
        let (name, class) = (name.to_owned(), class.to_owned());
        self.change(move |ledger| {
            check_name(&name)?;
            if class.len() > CLASS_LEN_MAX {
                return Err(StoreError::Limit("a folder class has at most 255 bytes"));
            }
            let parent = visible_parent(ledger, parent, None)?;
            if ledger.totals.folders >= FOLDERS_MAX {
                return Err(StoreError::Limit("the mailbox has too many folders"));
            }
            let number = ledger.totals.last_folder.max(FIRST_USER_FOLDER - 1) + 1;
            ledger.totals.last_folder = number;
            add_folder(ledger, number, parent, &name, &class)?;
            Ok(FolderId(number.into()))
        })
    }

    /// Renames and, where the parent differs, moves a folder.
    pub fn rename_folder(&self, folder: FolderId, parent: Option<FolderId>, name: &str) -> Change<()> {
        let name = name.to_owned();
        self.change(move |ledger| {
            let number = user_folder(folder)?;
            let row = folder_row(ledger, number)?;
            rename(ledger, number, row, parent, name)
        })
    }

    /// As [`Mailbox::rename_folder`], unless the folder has another place or name by now than the caller knows.
    pub fn rename_known_folder(&self, known: &Folder, parent: Option<FolderId>, name: &str) -> Change<()> {
        let (folder, name) = (known.id, name.to_owned());
        let (known_parent, known_name) = (known.parent, known.path.last().cloned());
        self.change(move |ledger| {
            let number = user_folder(folder)?;
            let row = folder_row(ledger, number)?;
            let above = known_parent.unwrap_or(FolderRole::IpmSubtree.folder()).number()?;
            if row.parent != above || Some(&row.name) != known_name.as_ref() {
                return Err(StoreError::NoFolder(folder));
            }
            rename(ledger, number, row, parent, name)
        })
    }

    /// Deletes a folder; its items go to Recoverable Items. Default folders and folders with children refuse.
    pub fn delete_folder(&self, folder: FolderId) -> Change<()> {
        self.change(move |ledger| {
            let number = user_folder(folder)?;
            let row = folder_row(ledger, number)?;
            if !rows_below(ledger, &keys::folder(table::NAME, ledger.mailbox, number))?.is_empty() {
                return Err(StoreError::HasChildren);
            }
            remove(ledger, folder, &vec![0..=u32::MAX], Removal::Recoverable, |_| true)?;
            clear_folder(ledger, number)?;
            ledger.forget(number)?;
            for key in rows_below(ledger, &keys::folder(table::VANISHED, ledger.mailbox, number))? {
                ledger.txn.delete(&key);
            }
            ledger.txn.delete(&keys::name(ledger.mailbox, row.parent, &row.name));
            for table in [table::FOLDER, table::FIGURES, table::LISTING] {
                ledger.txn.delete(&keys::folder(table, ledger.mailbox, number));
            }
            ledger.totals.folders = ledger.totals.folders.saturating_sub(1);
            tree_changed(ledger).map(|_| ())
        })
    }

    /// Sets the IMAP subscription.
    pub fn subscribe(&self, folder: FolderId, subscribed: bool) -> Change<()> {
        self.change(move |ledger| {
            let number = folder.number()?;
            let mut row = folder_row(ledger, number)?;
            row.subscribed = subscribed;
            write_folder(ledger, number, row)
        })
    }

    /// Renames the default folders to a culture's language; one whose name is taken keeps its old one.
    pub fn localize_folders(&self, culture: &str) -> Change<()> {
        let culture = culture.to_owned();
        self.change(move |ledger| {
            for default in DEFAULT_FOLDERS {
                let (number, name) = (default.role.number(), localized(default.role, &culture));
                let mut row = folder_row(ledger, number)?;
                let new = keys::name(ledger.mailbox, row.parent, name);
                if row.name == name || name.is_empty() || ledger.txn.get(&new)?.is_some() {
                    continue;
                }
                ledger.txn.delete(&keys::name(ledger.mailbox, row.parent, &row.name));
                ledger.txn.put(&new, &u64::from(number).to_bytes());
                row.name = name.to_owned();
                write_folder(ledger, number, row)?;
            }
            Ok(())
        })
    }
}

fn rename(
    ledger: &mut Ledger<'_, '_>,
    number: u32,
    mut row: FolderRow,
    parent: Option<FolderId>,
    name: String,
) -> Result<(), StoreError> {
    check_name(&name)?;
    let parent = visible_parent(ledger, parent, Some(number))?;
    let old = keys::name(ledger.mailbox, row.parent, &row.name);
    let new = keys::name(ledger.mailbox, parent, &name);
    if new != old && ledger.txn.get(&new)?.is_some() {
        return Err(StoreError::FolderExists(name));
    }
    ledger.txn.delete(&old);
    ledger.txn.put(&new, &u64::from(number).to_bytes());
    (row.parent, row.name) = (parent, name);
    write_folder(ledger, number, row)
}

/// Makes the default set, named for the culture.
pub(super) fn add_default_folders(ledger: &mut Ledger<'_, '_>, culture: &str) -> Result<(), StoreError> {
    for default in DEFAULT_FOLDERS {
        let name = localized(default.role, culture);
        add_folder(ledger, default.role.number(), default.parent.number(), name, default.class)?;
    }
    Ok(())
}

fn add_folder(
    ledger: &mut Ledger<'_, '_>,
    number: u32,
    parent: u32,
    name: &str,
    class: &str,
) -> Result<(), StoreError> {
    let key = keys::name(ledger.mailbox, parent, name);
    if ledger.txn.get(&key)?.is_some() {
        return Err(StoreError::FolderExists(name.to_owned()));
    }
    // The root stands above itself and needs no name.
    if parent != number {
        ledger.txn.put(&key, &u64::from(number).to_bytes());
    }
    // Later than every one before, so that a folder made again under an old name is seen to be another.
    let clock = u32::try_from(ledger.now.secs()).unwrap_or(0);
    let uid_validity = clock.max(ledger.totals.last_uid_validity.saturating_add(1));
    ledger.totals.last_uid_validity = uid_validity;
    ledger.totals.folders += 1;
    let row = FolderRow {
        parent,
        name: name.to_owned(),
        class: class.to_owned(),
        created: ledger.now,
        change: 0,
        subscribed: !class.is_empty(),
    };
    let modseq = ledger.totals.change + 1;
    let figures = Figures { uid_validity, uid_next: 1, modseq, ..Figures::default() };
    ledger.txn.put(&keys::folder(table::FIGURES, ledger.mailbox, number), &figures.to_bytes());
    write_folder(ledger, number, row)
}

/// Writes a folder row under the next change number.
fn write_folder(ledger: &mut Ledger<'_, '_>, number: u32, mut row: FolderRow) -> Result<(), StoreError> {
    row.change = tree_changed(ledger)?;
    ledger.txn.put(&keys::folder(table::FOLDER, ledger.mailbox, number), &row.to_bytes());
    Ok(())
}

/// The next change number, which is also the root's modseq: who watches the root sees the tree change.
fn tree_changed(ledger: &mut Ledger<'_, '_>) -> Result<u64, StoreError> {
    let change = ledger.totals.next_change();
    ledger.folder(FolderRole::Root.number())?.touch(change);
    Ok(change)
}

fn folder_row(ledger: &Ledger<'_, '_>, number: u32) -> Result<FolderRow, StoreError> {
    let missing = || StoreError::NoFolder(FolderId(number.into()));
    keys::get(ledger.txn, &keys::folder(table::FOLDER, ledger.mailbox, number))?.ok_or_else(missing)
}

/// The folder's number, where it is one its owner may rename or delete.
fn user_folder(folder: FolderId) -> Result<u32, StoreError> {
    let number = folder.number()?;
    if number < FIRST_USER_FOLDER { Err(StoreError::DefaultFolder) } else { Ok(number) }
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let bad = name.trim().is_empty()
        || name.chars().count() > NAME_LEN_MAX
        || name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    if bad { Err(StoreError::FolderName(name.chars().take(NAME_LEN_MAX).collect())) } else { Ok(()) }
}

/// The number of a folder that may have children: in the visible tree, not too deep, and not below `moving`.
fn visible_parent(
    ledger: &Ledger<'_, '_>,
    parent: Option<FolderId>,
    moving: Option<u32>,
) -> Result<u32, StoreError> {
    let top = FolderRole::IpmSubtree;
    let parent = parent.unwrap_or(top.folder());
    let number = parent.number()?;
    let mut at = number;
    for _ in 0..DEPTH_MAX {
        if moving == Some(at) {
            return Err(StoreError::Cycle);
        }
        if at == top.number() {
            return Ok(number);
        }
        if at == FolderRole::Root.number() {
            return Err(StoreError::NoFolder(parent));
        }
        at = folder_row(ledger, at)?.parent;
    }
    Err(StoreError::Limit("folders are nested too deeply"))
}

/// Keys that begin with a prefix.
fn rows_below(ledger: &Ledger<'_, '_>, prefix: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut found = Vec::new();
    ledger.txn.scan_prefix(prefix, &mut |key, _| {
        found.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(found)
}
