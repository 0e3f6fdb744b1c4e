//! What callers see of mailboxes, folders and items.

use base::Timestamp;

use crate::{FolderRole, StoreError};

/// A mailbox within its database; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct MailboxId(pub u32);

/// A folder within its mailbox; stable over rename and move, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(pub u64);

impl FolderId {
    /// The number keys are built from.
    pub(crate) fn number(self) -> Result<u32, StoreError> {
        u32::try_from(self.0).map_err(|_| StoreError::NoFolder(self))
    }
}

/// An item within its mailbox; stable over flag changes and moves, new after copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ItemId(pub u64);

/// One folder of the visible tree.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What a session is told of a folder when it opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its figures.
    pub status: FolderStatus,
    /// Every UID, ascending.
    pub uids: Vec<u32>,
    /// The lowest UID of an item that is not seen.
    pub first_unseen: Option<u32>,
    /// Keywords that items have, or had.
    pub keywords: Vec<String>,
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
    /// All of the above.
    pub const ALL: u8 = 31;
}

/// What is cheap to know of an item: no body is read for it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Where an item comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The first item of this content: itself, or what it was copied from first of all.
    pub origin: ItemId,
    /// When it came into its folder, where that is known.
    pub saved: Option<Timestamp>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// How far a mailbox may grow; the directory's settings, passed in by the caller. `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Above this the owner is warned, bytes.
    pub warning: Option<u64>,
    /// Above this nothing may be sent, bytes.
    pub prohibit_send: Option<u64>,
    /// Above this nothing may be received or stored, bytes.
    pub prohibit_send_receive: Option<u64>,
}

/// The product's `StorageLimitStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageLimitStatus {
    /// Below every limit.
    BelowLimit,
    /// The owner is warned.
    IssueWarning,
    /// The owner may no longer send.
    ProhibitSend,
    /// Nothing may be stored.
    MailboxDisabled,
}

impl Limits {
    /// Where a mailbox of `size` bytes stands.
    pub fn status(&self, size: u64) -> StorageLimitStatus {
        let above = |limit: Option<u64>| limit.is_some_and(|limit| size >= limit);
        match self {
            l if above(l.prohibit_send_receive) => StorageLimitStatus::MailboxDisabled,
            l if above(l.prohibit_send) => StorageLimitStatus::ProhibitSend,
            l if above(l.warning) => StorageLimitStatus::IssueWarning,
            _ => StorageLimitStatus::BelowLimit,
        }
    }

    /// Fails where `more` bytes would take a mailbox of `size` bytes past the last limit.
    pub(crate) fn admit(&self, size: u64, more: u64) -> Result<(), StoreError> {
        match self.prohibit_send_receive {
            Some(limit) if size.saturating_add(more) > limit => Err(StoreError::Quota { size, limit }),
            _ => Ok(()),
        }
    }
}
