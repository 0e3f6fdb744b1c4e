//! Rows of folders: what they are, and their counters.

use base::Timestamp;

use crate::codec::{Reader, Row, Writer};

/// What a folder is; changes seldom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FolderRow {
    /// The folder above; the root names itself.
    pub(crate) parent: u32,
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) created: Timestamp,
    /// The change number of the last change to this row.
    pub(crate) change: u64,
    pub(crate) subscribed: bool,
}

impl Row for FolderRow {
    const NAME: &'static str = "folder";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.number(self.parent);
        out.text(&self.name);
        out.text(&self.class);
        out.fixed(self.created.micros);
        out.number(self.change);
        out.byte(self.subscribed.into());
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        Some(Self {
            parent: from.u32()?,
            name: from.text()?.to_owned(),
            class: from.text()?.to_owned(),
            created: Timestamp { micros: from.fixed()? },
            change: from.number()?,
            subscribed: from.byte()? != 0,
        })
    }
}

/// A folder's counters: rewritten by every change in it, so kept small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) items: u32,
    pub(crate) unread: u32,
    /// Items marked \Deleted.
    pub(crate) deleted: u32,
    /// Sum of item sizes, bytes.
    pub(crate) size: u64,
    pub(crate) associated: u32,
    /// Sum of associated items' sizes, bytes.
    pub(crate) associated_size: u64,
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    /// The highest change number given in this folder.
    pub(crate) modseq: u64,
    /// Rows in the table of vanished items.
    pub(crate) vanished_rows: u32,
    /// What vanished up to this change number is no longer remembered one by one.
    pub(crate) vanished_floor: u64,
    /// Changes until the folder's listing is written anew.
    pub(crate) listing_due: u32,
}

impl Row for Figures {
    const NAME: &'static str = "folder figures";
    fn encode(&self, out: &mut Writer) {
        out.byte(2);
        for n in [self.items, self.unread, self.deleted, self.associated, self.uid_validity, self.uid_next] {
            out.number(n);
        }
        for n in [self.size, self.associated_size, self.modseq, self.vanished_floor] {
            out.number(n);
        }
        out.number(self.vanished_rows);
        out.number(self.listing_due);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let version = from.version(2)?;
        Some(Self {
            items: from.u32()?,
            unread: from.u32()?,
            deleted: from.u32()?,
            associated: from.u32()?,
            uid_validity: from.u32()?,
            uid_next: from.u32()?,
            size: from.number()?,
            associated_size: from.number()?,
            modseq: from.number()?,
            vanished_floor: from.number()?,
            vanished_rows: from.u32()?,
            listing_due: if version > 1 { from.u32()? } else { 0 },
        })
    }
}
