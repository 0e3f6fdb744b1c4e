//! Folders and items of one opened mailbox, as every protocol sees them.
//!
//! Reads are synchronous and answer from durable state; changes are async and resolve when durable.

use base::{Fault, Timestamp};
use bytes::Bytes;

/// A folder within its mailbox; stable over rename and move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(pub u64);

/// An item within its mailbox; stable over flag changes, new after copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u64);

/// What a folder is for, where it is one of the default set (RFC 6154 special use, MS-OXOSFLD).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FolderRole {
    /// The mailbox's own inbox.
    Inbox,
    /// Unsent drafts.
    Drafts,
    /// Copies of what was sent.
    SentItems,
    /// Where deleted items go first.
    DeletedItems,
    /// Junk e-mail.
    JunkEmail,
    /// On its way out.
    Outbox,
    /// Set aside for good.
    Archive,
    /// Appointments.
    Calendar,
    /// People.
    Contacts,
    /// To do.
    Tasks,
    /// Sticky notes.
    Notes,
    /// The journal.
    Journal,
}

/// One folder of the visible tree.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Its identity.
    pub id: FolderId,
    /// The folder above; `None` for children of the root.
    pub parent: Option<FolderId>,
    /// Full path from the root, parts as the user named them, in display language.
    pub path: Vec<String>,
    /// One of the default set, or `None`.
    pub role: Option<FolderRole>,
    /// Container class: `IPF.Note`, `IPF.Appointment` …
    pub class: String,
    /// IMAP subscription.
    pub subscribed: bool,
    /// It has folders below it.
    pub has_children: bool,
}

/// The figures of a folder (all exact and O(1) to read).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderStatus {
    /// Visible items.
    pub items: u32,
    /// Of these, not seen.
    pub unread: u32,
    /// Of these, marked \Deleted.
    pub deleted: u32,
    /// Sum of their sizes, bytes.
    pub size: u64,
    /// Folder-associated items.
    pub associated: u32,
    /// IMAP UIDVALIDITY.
    pub uid_validity: u32,
    /// The next UID to be given.
    pub uid_next: u32,
    /// Highest modification sequence given in this folder.
    pub highest_modseq: u64,
}

/// Flags of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Bits of [`Flags::SEEN`] and so on.
    pub system: u8,
    /// User keywords, as first spelt in this mailbox.
    pub keywords: Vec<String>,
}

impl Flags {
    /// `\Seen`
    pub const SEEN: u8 = 1;
    /// `\Answered`
    pub const ANSWERED: u8 = 2;
    /// `\Flagged`
    pub const FLAGGED: u8 = 4;
    /// `\Deleted`
    pub const DELETED: u8 = 8;
    /// `\Draft`
    pub const DRAFT: u8 = 16;
}

/// What is cheap to know of an item: no body is read for it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its identity.
    pub id: ItemId,
    /// IMAP UID in its folder.
    pub uid: u32,
    /// Modification sequence (the change number, as IMAP sees it).
    pub modseq: u64,
    /// Its flags.
    pub flags: Flags,
    /// When it was received (INTERNALDATE).
    pub received: Timestamp,
    /// RFC822.SIZE, bytes.
    pub size: u32,
}

/// A change of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// Exactly these.
    Replace,
    /// These too.
    Add,
    /// These no longer.
    Remove,
}

/// What happened in a folder since a modification sequence.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Items that are new or whose flags changed, by UID.
    pub changed: Vec<Item>,
    /// UIDs that left the folder, ascending.
    pub vanished: Vec<u32>,
    /// The folder's modification sequence these bring one up to.
    pub modseq: u64,
}

/// An ascending, disjoint list of inclusive UID ranges.
pub type UidRanges = Vec<std::ops::RangeInclusive<u32>>;

/// A mailbox opened by a caller whose access was checked.
#[derive(Clone)]
pub struct Mailbox {}

impl Mailbox {
    /// All folders of the visible tree, parents before children.
    pub fn folders(&self) -> Result<Vec<Folder>, Fault> {
        todo!()
    }
    /// A folder's figures.
    pub fn status(&self, folder: FolderId) -> Result<FolderStatus, Fault> {
        let _ = folder;
        todo!()
    }
    /// Makes a folder; `FaultKind::AlreadyExists` where the name is taken.
    pub async fn create_folder(
        &self,
        parent: Option<FolderId>,
        name: &str,
        class: &str,
    ) -> Result<FolderId, Fault> {
        let _ = (parent, name, class);
        todo!()
    }
    /// Renames and, where the parent differs, moves a folder. Default folders keep their place.
    pub async fn rename_folder(
        &self,
        folder: FolderId,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<(), Fault> {
        let _ = (folder, parent, name);
        todo!()
    }
    /// Deletes a folder, its items and associated items. Default folders and folders with children refuse.
    pub async fn delete_folder(&self, folder: FolderId) -> Result<(), Fault> {
        let _ = folder;
        todo!()
    }
    /// Sets the IMAP subscription.
    pub async fn subscribe(&self, folder: FolderId, subscribed: bool) -> Result<(), Fault> {
        let _ = (folder, subscribed);
        todo!()
    }
    /// Every UID of the folder, ascending: the sequence numbers of a session.
    pub fn uids(&self, folder: FolderId) -> Result<Vec<u32>, Fault> {
        let _ = folder;
        todo!()
    }
    /// Items in the ranges, ascending, at most `limit`; go on after the last UID returned.
    pub fn items(&self, folder: FolderId, ranges: &UidRanges, limit: usize) -> Result<Vec<Item>, Fault> {
        let _ = (folder, ranges, limit);
        todo!()
    }
    /// The header summary cached at delivery (`wire::mime::Summary`, its encoded form), one per item asked for.
    pub fn summaries(&self, items: &[ItemId]) -> Result<Vec<Bytes>, Fault> {
        let _ = items;
        todo!()
    }
    /// The bytes as they were received, to the byte.
    pub fn body(&self, item: ItemId) -> Result<Bytes, Fault> {
        let _ = item;
        todo!()
    }
    /// Stores a message; resolves to its UID. `FaultKind::TooLarge` past quota.
    pub async fn append(
        &self,
        folder: FolderId,
        message: Bytes,
        flags: Flags,
        received: Timestamp,
    ) -> Result<u32, Fault> {
        let _ = (folder, message, flags, received);
        todo!()
    }
    /// Changes flags; items whose modseq is above `unchanged_since` are left alone and returned as UIDs.
    pub async fn change_flags(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        change: FlagChange,
        flags: Flags,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<u32>, Fault> {
        let _ = (folder, ranges, change, flags, unchanged_since);
        todo!()
    }
    /// Copies (bodies are shared, not copied); resolves to pairs of old and new UID, ascending by old.
    pub async fn copy(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        target: FolderId,
    ) -> Result<Vec<(u32, u32)>, Fault> {
        let _ = (folder, ranges, target);
        todo!()
    }
    /// Moves, atomically; resolves to pairs of old and new UID.
    pub async fn move_items(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        target: FolderId,
    ) -> Result<Vec<(u32, u32)>, Fault> {
        let _ = (folder, ranges, target);
        todo!()
    }
    /// Removes the items in the ranges that are marked \Deleted; resolves to their UIDs.
    pub async fn expunge(&self, folder: FolderId, ranges: UidRanges) -> Result<Vec<u32>, Fault> {
        let _ = (folder, ranges);
        todo!()
    }
    /// What changed after `modseq`.
    pub fn changes_since(&self, folder: FolderId, modseq: u64) -> Result<Changes, Fault> {
        let _ = (folder, modseq);
        todo!()
    }
    /// Wakes whenever the folder's modseq moves; holds the newest value.
    pub fn watch(&self, folder: FolderId) -> Result<tokio::sync::watch::Receiver<u64>, Fault> {
        let _ = folder;
        todo!()
    }
}
