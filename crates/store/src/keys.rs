//! The tables: one prefix byte each, then the mailbox number and what orders the rows within it, all big
//! endian so that byte order is number order.

use engine::Read;

use crate::{
    StoreError,
    codec::Row,
    types::{ItemId, MailboxId},
};

/// The tables and what their keys hold after the prefix.
pub(crate) mod table {
    /// The one row that says which database this is.
    pub(crate) const IDENTITY: u8 = b'S';
    /// mailbox → who it belongs to, when it was made (changes seldom).
    pub(crate) const MAILBOX: u8 = b'M';
    /// mailbox → counters (changes with every delivery).
    pub(crate) const TOTALS: u8 = b'm';
    /// mailbox GUID → mailbox number.
    pub(crate) const GUID: u8 = b'G';
    /// mailbox, folder → name, parent, class (changes seldom).
    pub(crate) const FOLDER: u8 = b'F';
    /// mailbox, folder → counters (changes with every delivery).
    pub(crate) const FIGURES: u8 = b'f';
    /// mailbox, parent folder, folded name → folder.
    pub(crate) const NAME: u8 = b'N';
    /// mailbox, folder, uid → the small row of an item.
    pub(crate) const ITEM: u8 = b'i';
    /// mailbox, item → body and summary; written once.
    pub(crate) const DETAIL: u8 = b'd';
    /// mailbox, item → folder and uid, for items that were moved since they were made.
    pub(crate) const PLACE: u8 = b'l';
    /// mailbox, folder, change number → uid of the item last changed by it.
    pub(crate) const CHANGE: u8 = b'c';
    /// mailbox, folder, change number → uids that left the folder.
    pub(crate) const VANISHED: u8 = b'v';
    /// mailbox, folder → UIDs and first unseen item as of a change number.
    pub(crate) const LISTING: u8 = b'u';
    /// mailbox, folder, item → a folder-associated item.
    pub(crate) const ASSOCIATED: u8 = b'a';
    /// mailbox, kind, folder or item → property bag.
    pub(crate) const PROPERTIES: u8 = b'p';
    /// mailbox, property set, name → identifier of a named property.
    pub(crate) const NAMED: u8 = b'q';
    /// mailbox, identifier → property set and name.
    pub(crate) const NAME_OF: u8 = b'r';
    /// mailbox → names of keywords.
    pub(crate) const KEYWORDS: u8 = b'k';
    /// body position → number of items that share the body, where more than one does.
    pub(crate) const SHARED: u8 = b'b';
    /// delivery id → recipients that have the message.
    pub(crate) const DELIVERED: u8 = b'D';
    /// move id → number of the mailbox that the move fills.
    pub(crate) const TRANSFER: u8 = b'T';
    /// mailbox, kind, number → how far a move has filled it.
    pub(crate) const ARRIVAL: u8 = b'x';
    /// mailbox, origin, item there → the item here that is a copy of it.
    pub(crate) const MERGED: u8 = b'y';
}

/// Joins the parts of a key whose lengths add up to `N`.
fn join<const N: usize>(table: u8, parts: &[&[u8]]) -> [u8; N] {
    let mut key = [0; N];
    key[0] = table;
    let mut at = 1;
    for part in parts {
        key[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    debug_assert_eq!(at, N);
    key
}

/// Key of a table with one row per mailbox, and the prefix of all its rows in tables with more.
pub(crate) fn mailbox(table: u8, mailbox: MailboxId) -> [u8; 5] {
    join(table, &[&mailbox.0.to_be_bytes()])
}

/// Key of a table with one row per folder, and the prefix of a folder's rows.
pub(crate) fn folder(table: u8, mailbox: MailboxId, folder: u32) -> [u8; 9] {
    join(table, &[&mailbox.0.to_be_bytes(), &folder.to_be_bytes()])
}

/// Key of the item table.
pub(crate) fn item(mailbox: MailboxId, folder: u32, uid: u32) -> [u8; 13] {
    join(table::ITEM, &[&mailbox.0.to_be_bytes(), &folder.to_be_bytes(), &uid.to_be_bytes()])
}

/// Key of the tables by item.
pub(crate) fn by_id(table: u8, mailbox: MailboxId, item: ItemId) -> [u8; 13] {
    join(table, &[&mailbox.0.to_be_bytes(), &item.0.to_be_bytes()])
}

/// Key of the tables whose rows have a change or item number within their folder.
pub(crate) fn in_folder(table: u8, mailbox: MailboxId, folder: u32, number: u64) -> [u8; 17] {
    join(table, &[&mailbox.0.to_be_bytes(), &folder.to_be_bytes(), &number.to_be_bytes()])
}

/// Key of the property table.
pub(crate) fn owner(mailbox: MailboxId, kind: u8, number: u64) -> [u8; 14] {
    join(table::PROPERTIES, &[&mailbox.0.to_be_bytes(), &[kind], &number.to_be_bytes()])
}

/// Key of the table of arrivals.
pub(crate) fn arrival(mailbox: MailboxId, kind: u8, number: u64) -> [u8; 14] {
    join(table::ARRIVAL, &[&mailbox.0.to_be_bytes(), &[kind], &number.to_be_bytes()])
}

/// Key of the table of copies from other mailboxes.
pub(crate) fn merged(mailbox: MailboxId, origin: &[u8; 16], item: ItemId) -> [u8; 29] {
    join(table::MERGED, &[&mailbox.0.to_be_bytes(), origin, &item.0.to_be_bytes()])
}

/// Key of the table from property identifier to name.
pub(crate) fn name_of(mailbox: MailboxId, property: u16) -> [u8; 7] {
    join(table::NAME_OF, &[&mailbox.0.to_be_bytes(), &property.to_be_bytes()])
}

/// Key of the name table; names that differ only in case are one name.
pub(crate) fn name(mailbox: MailboxId, parent: u32, name: &str) -> Vec<u8> {
    let mut key = folder(table::NAME, mailbox, parent).to_vec();
    key.extend_from_slice(name.to_lowercase().as_bytes());
    key
}

/// Key of the shared-body table.
pub(crate) fn shared(position: u64) -> [u8; 9] {
    join(table::SHARED, &[&position.to_be_bytes()])
}

/// Key of a table by a 16-byte identifier.
pub(crate) fn by_guid(table: u8, guid: &[u8; 16]) -> [u8; 17] {
    join(table, &[guid])
}

/// The last `N` bytes of a key: the number that orders rows within their folder or mailbox.
pub(crate) fn tail<const N: usize>(key: &[u8]) -> Option<[u8; N]> {
    key.last_chunk().copied()
}

/// The uid at the end of an item key.
pub(crate) fn uid_of(key: &[u8]) -> Result<u32, StoreError> {
    tail(key).map(u32::from_be_bytes).ok_or(StoreError::Row("key"))
}

/// The change or item number at the end of a key.
pub(crate) fn number_of(key: &[u8]) -> Result<u64, StoreError> {
    tail(key).map(u64::from_be_bytes).ok_or(StoreError::Row("key"))
}

/// Reads and decodes one row.
pub(crate) fn get<T: Row>(read: &impl Read, key: &[u8]) -> Result<Option<T>, StoreError> {
    read.get(key)?.map(|bytes| T::from_bytes(&bytes)).transpose()
}
