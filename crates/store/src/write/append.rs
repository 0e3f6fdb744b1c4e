//! Messages stored together, and one stored in another's place.

use super::items::{NewMessage, Removal, append, remove};
use crate::{
    Change, Mailbox, StoreError,
    types::{FolderId, ItemId, Limits},
};

impl Mailbox {
    /// Stores messages, all or none; resolves to their UIDs, in order.
    pub fn append_all(
        &self,
        folder: FolderId,
        messages: Vec<NewMessage>,
        limits: Limits,
    ) -> Change<Vec<u32>> {
        self.change(move |ledger| {
            messages.iter().map(|message| append(ledger, folder, message, limits)).collect()
        })
    }

    /// Stores a message in `target` and removes the item `uid` of `folder`, both or neither; resolves to the
    /// new UID. What is removed stays recoverable. The old message's room counts for the new one.
    pub fn replace_item(
        &self,
        folder: FolderId,
        uid: u32,
        target: FolderId,
        message: NewMessage,
        limits: Limits,
    ) -> Change<u32> {
        self.change(move |ledger| {
            if remove(ledger, folder, &vec![uid..=uid], Removal::Recoverable, |_| true)?.is_empty() {
                return Err(StoreError::NoItem(ItemId(uid.into())));
            }
            append(ledger, target, &message, limits)
        })
    }
}
