//! Rows of items: the small row every folder scan reads, and the large one written once.

use std::collections::BTreeMap;

use base::Timestamp;
use engine::BodyRef;

use crate::{
    codec::{Reader, Row, Writer},
    types::{Flags, Item, ItemId, MailboxId},
};

/// The bit beside the system flags that says the item has a property bag.
pub(crate) const HAS_BAG: u8 = 0x80;

/// The small row: all that SELECT, STATUS and FETCH FLAGS need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemRow {
    pub(crate) id: ItemId,
    /// Bits of [`Flags`] and [`HAS_BAG`].
    pub(crate) flags: u8,
    pub(crate) modseq: u64,
    pub(crate) received: Timestamp,
    pub(crate) size: u32,
    /// Numbers into [`Keywords`], ascending.
    pub(crate) keywords: Vec<u16>,
}

impl ItemRow {
    pub(crate) fn is_unread(&self) -> bool {
        self.flags & Flags::SEEN == 0
    }
    pub(crate) fn is_deleted(&self) -> bool {
        self.flags & Flags::DELETED != 0
    }
    /// As callers see it.
    pub(crate) fn into_item(self, uid: u32, names: &Keywords) -> Item {
        let keywords = self.keywords.iter().filter_map(|n| names.0.get(usize::from(*n)).cloned()).collect();
        Item {
            id: self.id,
            uid,
            modseq: self.modseq,
            flags: Flags { system: self.flags & Flags::ALL, keywords },
            received: self.received,
            size: self.size,
        }
    }
}

impl Row for ItemRow {
    const NAME: &'static str = "item";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.byte(self.flags);
        out.number(self.id.0);
        // An item's identity is the change number that made it.
        out.number(self.modseq.saturating_sub(self.id.0));
        out.fixed(self.received.micros);
        out.number(self.size);
        for keyword in &self.keywords {
            out.number(*keyword);
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let flags = from.byte()?;
        let id = from.number()?;
        let modseq = id.checked_add(from.number()?)?;
        let received = Timestamp { micros: from.fixed()? };
        let size = from.u32()?;
        let mut keywords = Vec::new();
        while !from.0.is_empty() {
            keywords.push(from.number()?.try_into().ok()?);
        }
        Some(Self { id: ItemId(id), flags, modseq, received, size, keywords })
    }
}

/// Item classes so common that one byte stands for them.
const CLASSES: &[&str] =
    &["IPM.Note", "IPM.Appointment", "IPM.Contact", "IPM.Task", "IPM.StickyNote", "IPM.Activity"];
const OTHER_CLASS: u8 = 0xff;

/// The large row, written once when the item is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detail<'a> {
    pub(crate) body: BodyRef,
    /// Where the item was made; [`Moved`] says where it is if it was moved since.
    pub(crate) place: Place,
    /// The item this was copied from first of all; `None` for what is no copy.
    pub(crate) origin: Option<ItemId>,
    /// When the item was made; `None` where that was not noted yet.
    pub(crate) saved: Option<Timestamp>,
    /// Message class: `IPM.Note` …
    pub(crate) class: &'a str,
    /// The header summary, encoded by whoever made the item.
    pub(crate) summary: &'a [u8],
}

impl<'a> Detail<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(48 + self.summary.len()));
        out.byte(2);
        out.bytes(&self.body.encode());
        out.number(self.place.folder);
        out.number(self.place.uid);
        out.number(self.origin.map_or(0, |origin| origin.0));
        out.fixed(self.saved.map_or(i64::MIN, |saved| saved.micros));
        match CLASSES.iter().position(|class| *class == self.class) {
            Some(code) => out.byte(code as u8),
            None => {
                out.byte(OTHER_CLASS);
                out.text(self.class);
            }
        }
        out.bytes(self.summary);
        out.0
    }

    /// Borrows from the row's bytes.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, crate::StoreError> {
        Self::read(&mut Reader(bytes)).ok_or(crate::StoreError::Row("item detail"))
    }

    fn read(from: &mut Reader<'a>) -> Option<Self> {
        let version = from.version(2)?;
        let body = BodyRef::decode(from.take(BodyRef::ENCODED_LEN)?)?;
        let place = Place { folder: from.u32()?, uid: from.u32()? };
        let (mut origin, mut saved) = (None, None);
        if version > 1 {
            origin = Some(ItemId(from.number()?)).filter(|origin| origin.0 != 0);
            saved =
                Some(from.fixed()?).filter(|micros| *micros != i64::MIN).map(|micros| Timestamp { micros });
        }
        let class = match from.byte()? {
            OTHER_CLASS => from.text()?,
            code => CLASSES.get(usize::from(code)).copied()?,
        };
        Some(Self { body, place, origin, saved, class, summary: from.0 })
    }
}

/// Where an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Place {
    pub(crate) folder: u32,
    pub(crate) uid: u32,
}

/// Where an item was moved to, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) place: Place,
    pub(crate) at: Timestamp,
}

impl Row for Moved {
    const NAME: &'static str = "item place";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.number(self.place.folder);
        out.number(self.place.uid);
        out.fixed(self.at.micros);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let place = Place { folder: from.u32()?, uid: from.u32()? };
        Some(Self { place, at: Timestamp { micros: from.fixed()? } })
    }
}

/// The keywords of a mailbox, as first spelt; items name them by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keywords(pub(crate) Vec<String>);

impl Keywords {
    pub(crate) fn position(&self, keyword: &str) -> Option<u16> {
        self.0.iter().position(|k| k.eq_ignore_ascii_case(keyword)).and_then(|n| n.try_into().ok())
    }
}

impl Row for Keywords {
    const NAME: &'static str = "keywords";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        for keyword in &self.0 {
            out.text(keyword);
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let mut keywords = Vec::new();
        while !from.0.is_empty() {
            keywords.push(from.text()?.to_owned());
        }
        Some(Self(keywords))
    }
}

/// An ascending list of UIDs, stored as differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uids(pub(crate) Vec<u32>);

impl Row for Uids {
    const NAME: &'static str = "vanished items";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        let mut last = 0;
        for uid in &self.0 {
            out.number(uid - last);
            last = *uid;
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let (mut uids, mut last) = (Vec::new(), 0u32);
        while !from.0.is_empty() {
            last = last.checked_add(from.u32()?)?;
            uids.push(last);
        }
        Some(Self(uids))
    }
}

/// Who has a delivery already, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) at: Timestamp,
    /// Each recipient's mailbox and the item's UID there.
    pub(crate) mailboxes: BTreeMap<MailboxId, u32>,
}

impl Row for Received {
    const NAME: &'static str = "delivery";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.fixed(self.at.micros);
        for (mailbox, uid) in &self.mailboxes {
            out.number(mailbox.0);
            out.number(*uid);
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let at = Timestamp { micros: from.fixed()? };
        let mut mailboxes = BTreeMap::new();
        while !from.0.is_empty() {
            mailboxes.insert(MailboxId(from.u32()?), from.u32()?);
        }
        Some(Self { at, mailboxes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn item_rows_round_trip(
            id in 0u64..1 << 40, later in 0u64..1 << 40, flags: u8, micros: i64, size: u32,
            keywords in proptest::collection::vec(any::<u16>(), 0..5),
        ) {
            let row = ItemRow {
                id: ItemId(id), flags, modseq: id + later, received: Timestamp { micros }, size, keywords,
            };
            prop_assert_eq!(ItemRow::from_bytes(&row.to_bytes()).unwrap(), row);
        }

        #[test]
        fn details_round_trip(
            class in "[A-Z.a-z]{0,20}", summary: Vec<u8>, position: u64, folder: u32, uid: u32,
            origin in proptest::option::of(1u64..), saved in proptest::option::of(0i64..),
        ) {
            let body = BodyRef { position, len: 7, crc: 9 };
            let detail = Detail {
                body,
                place: Place { folder, uid },
                origin: origin.map(ItemId),
                saved: saved.map(|micros| Timestamp { micros }),
                class: &class,
                summary: &summary,
            };
            let bytes = detail.encode();
            prop_assert_eq!(Detail::decode(&bytes).unwrap(), detail);
        }

        #[test]
        fn damaged_rows_never_panic(bytes: Vec<u8>) {
            let _ = ItemRow::from_bytes(&bytes);
            let _ = Detail::decode(&bytes);
            let _ = Uids::from_bytes(&bytes);
            let _ = Received::from_bytes(&bytes);
            let _ = Keywords::from_bytes(&bytes);
        }

        #[test]
        fn uid_lists_round_trip(set in proptest::collection::btree_set(any::<u32>(), 0..50)) {
            let uids = Uids(set.into_iter().collect());
            prop_assert_eq!(Uids::from_bytes(&uids.to_bytes()).unwrap(), uids);
        }
    }

    #[test]
    fn a_fresh_item_row_is_small() {
        let row = ItemRow {
            id: ItemId(1_000_000),
            flags: 0,
            modseq: 1_000_000,
            received: Timestamp::from_secs(1_795_412_281),
            size: 10_240,
            keywords: Vec::new(),
        };
        assert!(row.to_bytes().len() <= 16, "{}", row.to_bytes().len());
    }
}
