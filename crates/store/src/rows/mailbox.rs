//! Rows of the database itself and of its mailboxes.

use base::{Guid, Timestamp};

use crate::{
    codec::{Reader, Row, Writer},
    mailbox::{DisconnectReason, MailboxState},
};

/// Which database this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The directory object's GUID.
    pub(crate) guid: Guid,
    /// The number the next mailbox will have.
    pub(crate) next_mailbox: u32,
}

/// The newest schema this server writes; [`Identity`]'s version byte.
pub(crate) const SCHEMA: u8 = 1;

impl Row for Identity {
    const NAME: &'static str = "database identity";
    fn encode(&self, out: &mut Writer) {
        out.byte(SCHEMA);
        out.bytes(&self.guid.0);
        out.number(self.next_mailbox);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(SCHEMA)?;
        Some(Self { guid: Guid(from.array()?), next_mailbox: from.u32()? })
    }
}

/// Who a mailbox belongs to; changes seldom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailboxRow {
    pub(crate) guid: Guid,
    pub(crate) display_name: String,
    pub(crate) culture: String,
    pub(crate) created: Timestamp,
    pub(crate) state: MailboxState,
    pub(crate) last_logon: Option<Timestamp>,
    pub(crate) last_logoff: Option<Timestamp>,
    pub(crate) last_user: String,
}

impl Row for MailboxRow {
    const NAME: &'static str = "mailbox";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.bytes(&self.guid.0);
        out.text(&self.display_name);
        out.text(&self.culture);
        out.fixed(self.created.micros);
        let (state, since) = match self.state {
            MailboxState::Connected => (0, Timestamp::default()),
            MailboxState::Disconnected { reason: DisconnectReason::Disabled, since } => (1, since),
            MailboxState::Disconnected { reason: DisconnectReason::SoftDeleted, since } => (2, since),
            MailboxState::Removing => (3, Timestamp::default()),
            MailboxState::Arriving => (4, Timestamp::default()),
        };
        out.byte(state);
        for time in [Some(since), self.last_logon, self.last_logoff] {
            out.fixed(time.map_or(i64::MIN, |t| t.micros));
        }
        out.text(&self.last_user);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let guid = Guid(from.array()?);
        let (display_name, culture) = (from.text()?.to_owned(), from.text()?.to_owned());
        let created = Timestamp { micros: from.fixed()? };
        let state = from.byte()?;
        let since = Timestamp { micros: from.fixed()? };
        let state = match state {
            0 => MailboxState::Connected,
            1 => MailboxState::Disconnected { reason: DisconnectReason::Disabled, since },
            2 => MailboxState::Disconnected { reason: DisconnectReason::SoftDeleted, since },
            3 => MailboxState::Removing,
            4 => MailboxState::Arriving,
            _ => return None,
        };
        let mut time = || from.fixed().map(|micros| (micros != i64::MIN).then_some(Timestamp { micros }));
        let (last_logon, last_logoff) = (time()?, time()?);
        let last_user = from.text()?.to_owned();
        Some(Self { guid, display_name, culture, created, state, last_logon, last_logoff, last_user })
    }
}

/// A mailbox's counters: rewritten by every change, so kept small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// The last change number given. Items and folders take their identity from the same sequence.
    pub(crate) change: u64,
    /// The last folder number given to a folder of the user.
    pub(crate) last_folder: u32,
    /// Folders, default ones included.
    pub(crate) folders: u32,
    /// The last UIDVALIDITY given.
    pub(crate) last_uid_validity: u32,
    /// Items outside Recoverable Items.
    pub(crate) items: u64,
    /// Their sizes, bytes.
    pub(crate) size: u64,
    /// Folder-associated items.
    pub(crate) associated: u64,
    /// Their sizes, bytes.
    pub(crate) associated_size: u64,
    /// Items in Recoverable Items.
    pub(crate) recoverable: u64,
    /// Their sizes, bytes.
    pub(crate) recoverable_size: u64,
    /// A move is about to take the mailbox away, or has: nothing of it may change.
    pub(crate) locked: bool,
}

impl Totals {
    /// The next change number.
    pub(crate) fn next_change(&mut self) -> u64 {
        self.change += 1;
        self.change
    }
}

impl Row for Totals {
    const NAME: &'static str = "mailbox totals";
    fn encode(&self, out: &mut Writer) {
        out.byte(2);
        out.number(self.change);
        out.number(self.last_folder);
        out.number(self.folders);
        out.number(self.last_uid_validity);
        for count in [
            self.items,
            self.size,
            self.associated,
            self.associated_size,
            self.recoverable,
            self.recoverable_size,
        ] {
            out.number(count);
        }
        out.byte(self.locked.into());
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let version = from.version(2)?;
        Some(Self {
            change: from.number()?,
            last_folder: from.u32()?,
            folders: from.u32()?,
            last_uid_validity: from.u32()?,
            items: from.number()?,
            size: from.number()?,
            associated: from.number()?,
            associated_size: from.number()?,
            recoverable: from.number()?,
            recoverable_size: from.number()?,
            locked: version > 1 && from.byte()? != 0,
        })
    }
}
