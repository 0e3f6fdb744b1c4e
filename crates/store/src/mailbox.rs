//! What the store knows of a mailbox as a whole.

use base::{Guid, Timestamp};

/// Why a mailbox no longer belongs to anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// Its user was disabled or removed.
    Disabled,
    /// It is the source of a completed move.
    SoftDeleted,
}

/// How a mailbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxState {
    /// It belongs to a user.
    Connected,
    /// It belongs to nobody and is kept until its retention ends.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
        /// Since when.
        since: Timestamp,
    },
    /// Its content is being removed for good.
    Removing,
    /// A move is filling it; it belongs to nobody until the move switches over.
    Arriving,
}

/// Figures of a mailbox: exact, and O(1) to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatistics {
    /// The mailbox's GUID.
    pub guid: Guid,
    /// As the owner is shown.
    pub display_name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it belongs to someone.
    pub state: MailboxState,
    /// Items outside Recoverable Items.
    pub items: u64,
    /// Their sizes, bytes.
    pub size: u64,
    /// Folder-associated items.
    pub associated: u64,
    /// Their sizes, bytes.
    pub associated_size: u64,
    /// Items in Recoverable Items (`DeletedItemCount`).
    pub recoverable: u64,
    /// Their sizes, bytes (`TotalDeletedItemSize`).
    pub recoverable_size: u64,
    /// The last logon.
    pub last_logon: Option<Timestamp>,
    /// The last logoff.
    pub last_logoff: Option<Timestamp>,
    /// The account that logged on last.
    pub last_user: String,
}
