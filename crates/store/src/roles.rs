//! The folders every mailbox is born with: what each is for, where it stands, what it holds.

use crate::types::FolderId;

/// What a folder is for, where it is one of the default set (RFC 6154 special use, MS-OXOSFLD).
///
/// The discriminant is the folder's number in every mailbox: no look-up is needed to find the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FolderRole {
    /// The root of everything, never shown.
    Root = 1,
    /// The root of what the owner sees ("Top of Information Store").
    IpmSubtree = 2,
    /// The mailbox's own inbox.
    Inbox = 3,
    /// Unsent drafts.
    Drafts = 4,
    /// Copies of what was sent.
    SentItems = 5,
    /// Where deleted items go first.
    DeletedItems = 6,
    /// Junk e-mail.
    JunkEmail = 7,
    /// On its way out.
    Outbox = 8,
    /// Set aside for good.
    Archive = 9,
    /// Appointments.
    Calendar = 10,
    /// People.
    Contacts = 11,
    /// To do.
    Tasks = 12,
    /// Sticky notes.
    Notes = 13,
    /// The journal.
    Journal = 14,
    /// Search folders.
    Finder = 20,
    /// Personal views.
    Views = 21,
    /// Views of the whole mailbox.
    CommonViews = 22,
    /// Actions that client-side rules put off.
    DeferredAction = 23,
    /// The client's sending queue.
    SpoolerQueue = 24,
    /// Legacy schedule data.
    Schedule = 25,
    /// Favourites.
    Shortcuts = 26,
    /// Free/busy settings.
    FreebusyData = 27,
    /// What was deleted from Deleted Items.
    RecoverableItems = 40,
    /// Recoverable: deleted by the owner.
    Deletions = 41,
    /// Recoverable: originals of what was changed under hold.
    Versions = 42,
    /// Recoverable: purged by the owner under hold.
    Purges = 43,
    /// Recoverable: kept by in-place holds.
    DiscoveryHolds = 44,
    /// The mailbox audit log.
    Audits = 45,
    /// Changes of calendar items.
    CalendarLogging = 46,
}

/// The first number a folder of the user can have.
pub(crate) const FIRST_USER_FOLDER: u32 = 64;

/// One folder of the default set.
#[derive(Clone, Copy, Debug)]
pub struct DefaultFolder {
    /// What it is for.
    pub role: FolderRole,
    /// The folder above it; the root stands above itself.
    pub parent: FolderRole,
    /// Its container class; empty for folders that hold no mail.
    pub class: &'static str,
    /// Its English name.
    pub name: &'static str,
    /// The product's `FolderType`, as `Get-MailboxFolderStatistics` shows it.
    pub folder_type: &'static str,
}

const fn folder(
    role: FolderRole,
    parent: FolderRole,
    class: &'static str,
    name: &'static str,
    folder_type: &'static str,
) -> DefaultFolder {
    DefaultFolder { role, parent, class, name, folder_type }
}

/// The default set, parents before children.
pub const DEFAULT_FOLDERS: &[DefaultFolder] = {
    use FolderRole as R;
    &[
        folder(R::Root, R::Root, "", "", "Root"),
        folder(R::IpmSubtree, R::Root, "IPF.Note", "Top of Information Store", "Root"),
        folder(R::Inbox, R::IpmSubtree, "IPF.Note", "Inbox", "Inbox"),
        folder(R::Drafts, R::IpmSubtree, "IPF.Note", "Drafts", "Drafts"),
        folder(R::SentItems, R::IpmSubtree, "IPF.Note", "Sent Items", "SentItems"),
        folder(R::DeletedItems, R::IpmSubtree, "IPF.Note", "Deleted Items", "DeletedItems"),
        folder(R::JunkEmail, R::IpmSubtree, "IPF.Note", "Junk Email", "JunkEmail"),
        folder(R::Outbox, R::IpmSubtree, "IPF.Note", "Outbox", "Outbox"),
        folder(R::Archive, R::IpmSubtree, "IPF.Note", "Archive", "Archive"),
        folder(R::Calendar, R::IpmSubtree, "IPF.Appointment", "Calendar", "Calendar"),
        folder(R::Contacts, R::IpmSubtree, "IPF.Contact", "Contacts", "Contacts"),
        folder(R::Tasks, R::IpmSubtree, "IPF.Task", "Tasks", "Tasks"),
        folder(R::Notes, R::IpmSubtree, "IPF.StickyNote", "Notes", "Notes"),
        folder(R::Journal, R::IpmSubtree, "IPF.Journal", "Journal", "Journal"),
        folder(R::Finder, R::Root, "", "Finder", "User Created"),
        folder(R::Views, R::Root, "", "Views", "User Created"),
        folder(R::CommonViews, R::Root, "", "Common Views", "CommonViews"),
        folder(R::DeferredAction, R::Root, "", "Deferred Action", "User Created"),
        folder(R::SpoolerQueue, R::Root, "", "Spooler Queue", "User Created"),
        folder(R::Schedule, R::Root, "", "Schedule", "User Created"),
        folder(R::Shortcuts, R::Root, "", "Shortcuts", "User Created"),
        folder(R::FreebusyData, R::Root, "", "Freebusy Data", "User Created"),
        folder(R::RecoverableItems, R::Root, "", "Recoverable Items", "RecoverableItemsRoot"),
        folder(R::Deletions, R::RecoverableItems, "", "Deletions", "RecoverableItemsDeletions"),
        folder(R::Versions, R::RecoverableItems, "", "Versions", "RecoverableItemsVersions"),
        folder(R::Purges, R::RecoverableItems, "", "Purges", "RecoverableItemsPurges"),
        folder(
            R::DiscoveryHolds,
            R::RecoverableItems,
            "",
            "DiscoveryHolds",
            "RecoverableItemsDiscoveryHolds",
        ),
        folder(R::Audits, R::RecoverableItems, "", "Audits", "Audits"),
        folder(R::CalendarLogging, R::RecoverableItems, "", "Calendar Logging", "CalendarLogging"),
    ]
};

impl FolderRole {
    /// The folder that plays this role, the same in every mailbox.
    pub const fn folder(self) -> FolderId {
        FolderId(self as u64)
    }
    /// The folder's number in keys.
    pub(crate) const fn number(self) -> u32 {
        self as u32
    }
    /// The role a folder plays, if it is of the default set.
    pub fn of(folder: FolderId) -> Option<FolderRole> {
        DEFAULT_FOLDERS.iter().map(|f| f.role).find(|role| role.folder() == folder)
    }
    /// Its line in the table.
    pub fn default_folder(self) -> Option<&'static DefaultFolder> {
        DEFAULT_FOLDERS.iter().find(|folder| folder.role == self)
    }
}

/// True for the folders whose content counts as recoverable, not as the mailbox's own.
pub(crate) fn is_recoverable(folder: u32) -> bool {
    (FolderRole::RecoverableItems.number()..=FolderRole::CalendarLogging.number()).contains(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_numbers_are_unique() {
        for (i, folder) in DEFAULT_FOLDERS.iter().enumerate() {
            assert!(DEFAULT_FOLDERS[..=i].iter().any(|f| f.role == folder.parent), "{}", folder.name);
            assert_eq!(DEFAULT_FOLDERS.iter().filter(|f| f.role == folder.role).count(), 1);
            assert!(folder.role.number() < FIRST_USER_FOLDER);
            assert_eq!(FolderRole::of(folder.role.folder()), Some(folder.role));
        }
        assert_eq!(FolderRole::of(FolderId(64)), None);
    }
}
