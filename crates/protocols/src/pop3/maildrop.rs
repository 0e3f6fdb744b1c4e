//! The inbox as one session lists it: numbers stand from log-on to QUIT (RFC 1939 section 5).

use base::Fault;
use services::{
    Mailbox,
    mailbox::{FlagChange, Flags, FolderId, FolderRole, ItemId, UidRanges},
};

/// Items read at a time.
const PAGE: usize = 512;

/// One message of the listing.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub(super) id: ItemId,
    uid: u32,
    /// Bytes, as stored.
    pub(super) size: u32,
    deleted: bool,
}

/// The listing, and the mailbox it is of.
pub(super) struct Maildrop {
    pub(super) mailbox: Mailbox,
    folder: FolderId,
    uid_validity: u32,
    messages: Vec<Message>,
}

impl Maildrop {
    /// Lists the inbox.
    pub(super) async fn open(mailbox: Mailbox) -> Result<Self, Fault> {
        let folder = FolderRole::Inbox.folder();
        let uid_validity = mailbox.status(folder)?.uid_validity;
        let messages = mailbox.aside(move |mailbox| list(mailbox, folder)).await?;
        Ok(Maildrop { mailbox, folder, uid_validity, messages })
    }

    /// The messages not marked deleted, with their numbers.
    pub(super) fn messages(&self) -> impl Iterator<Item = (usize, &Message)> {
        self.messages
            .iter()
            .enumerate()
            .map(|(index, message)| (index + 1, message))
            .filter(|(_, m)| !m.deleted)
    }

    /// A message by its number, unless it is marked deleted.
    pub(super) fn message(&self, number: u32) -> Option<Message> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.messages.get(index).copied().filter(|message| !message.deleted)
    }

    /// Marks a message deleted; says whether there is such a message.
    pub(super) fn delete(&mut self, number: u32) -> bool {
        let found = self.message(number).is_some();
        if found && let Some(message) = self.messages.get_mut(number as usize - 1) {
            message.deleted = true;
        }
        found
    }

    /// Takes the deletions back.
    pub(super) fn reset(&mut self) {
        self.messages.iter_mut().for_each(|message| message.deleted = false);
    }

    /// The name of a message that never means another one (RFC 1939 section 7 `UIDL`).
    pub(super) fn unique_id(&self, message: &Message) -> String {
        format!("{:08x}{:08x}", self.uid_validity, message.uid)
    }

    /// Removes what is marked deleted.
    pub(super) async fn commit(&self) -> Result<(), Fault> {
        let deleted = self.messages.iter().filter(|message| message.deleted);
        let ranges: UidRanges = deleted.map(|message| message.uid..=message.uid).collect();
        if ranges.is_empty() {
            return Ok(());
        }
        let flag = Flags { system: Flags::DELETED, ..Flags::default() };
        self.mailbox.change_flags(self.folder, ranges.clone(), FlagChange::Add, flag, None).await?;
        self.mailbox.expunge(self.folder, ranges).await?;
        Ok(())
    }
}

fn list(mailbox: &Mailbox, folder: FolderId) -> Result<Vec<Message>, Fault> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let from = messages.last().map_or(1, |last| last.uid.saturating_add(1));
        let page = mailbox.items(folder, &vec![from..=u32::MAX], PAGE)?;
        let full = page.len() == PAGE;
        messages.extend(page.into_iter().map(|item| Message {
            id: item.id,
            uid: item.uid,
            size: item.size,
            deleted: false,
        }));
        if !full {
            return Ok(messages);
        }
    }
}
