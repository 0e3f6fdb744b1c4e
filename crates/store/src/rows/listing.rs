//! The row of a folder's listing: what SELECT tells, as of a change number.

use std::collections::BTreeSet;

use super::item::ItemRow;
use crate::{
    codec::{Reader, Row, Writer},
    types::UidRanges,
};

/// What a session is told of a folder when it opens it, so that nobody reads a large folder through for it.
/// Written every so many changes; the tables of changes say what happened since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The change number this stands for.
    pub(crate) modseq: u64,
    /// Every item below this UID is seen.
    pub(crate) seen_below: u32,
    /// Numbers of the keywords that items have, or had.
    pub(crate) keywords: BTreeSet<u16>,
    /// The UIDs in the folder.
    pub(crate) uids: UidRanges,
}

impl Listing {
    /// The highest UID; 0 where there is none.
    pub(crate) fn last(&self) -> u32 {
        self.uids.last().map_or(0, |range| *range.end())
    }

    /// Takes note of an item's flags.
    pub(crate) fn note(&mut self, uid: u32, row: &ItemRow) {
        if row.is_unread() {
            self.seen_below = self.seen_below.min(uid);
        }
        self.keywords.extend(&row.keywords);
    }

    /// Adds a UID above all others.
    pub(crate) fn push(&mut self, uid: u32) {
        match self.uids.last_mut() {
            Some(range) if range.end().checked_add(1) == Some(uid) => *range = *range.start()..=uid,
            _ => self.uids.push(uid..=uid),
        }
    }

    /// Takes UIDs out, which ascend.
    pub(crate) fn remove(&mut self, gone: impl IntoIterator<Item = u32>) {
        let mut gone = gone.into_iter().peekable();
        if gone.peek().is_none() {
            return;
        }
        let mut left = UidRanges::with_capacity(self.uids.len());
        for range in std::mem::take(&mut self.uids) {
            let (mut start, end) = (Some(*range.start()), *range.end());
            while gone.next_if(|uid| uid < range.start()).is_some() {}
            while let Some(uid) = gone.next_if(|uid| *uid <= end) {
                left.extend(start.filter(|start| *start < uid).map(|start| start..=uid - 1));
                start = uid.checked_add(1);
            }
            left.extend(start.filter(|start| *start <= end).map(|start| start..=end));
        }
        self.uids = left;
    }
}

impl Row for Listing {
    const NAME: &'static str = "folder listing";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        out.number(self.modseq);
        out.number(self.seen_below);
        out.number(self.keywords.len() as u64);
        for keyword in &self.keywords {
            out.number(*keyword);
        }
        // Gap and length of each range.
        let mut last = 0;
        for range in &self.uids {
            out.number(range.start() - last);
            out.number(range.end() - range.start());
            last = *range.end();
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let (modseq, seen_below) = (from.number()?, from.u32()?);
        let mut keywords = BTreeSet::new();
        for _ in 0..from.number()? {
            keywords.insert(from.number()?.try_into().ok()?);
        }
        let (mut uids, mut last) = (UidRanges::new(), 0u32);
        while !from.0.is_empty() {
            let start = last.checked_add(from.u32()?)?;
            last = start.checked_add(from.u32()?)?;
            uids.push(start..=last);
        }
        Some(Self { modseq, seen_below, keywords, uids })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listing(uids: &BTreeSet<u32>) -> Listing {
        let mut listing = Listing { modseq: 7, seen_below: 3, ..Listing::default() };
        uids.iter().for_each(|uid| listing.push(*uid));
        listing
    }

    proptest! {
        #[test]
        fn is_a_set_of_uids_that_reads_back(
            uids in proptest::collection::btree_set(1..200u32, 0..100),
            gone in proptest::collection::btree_set(1..200u32, 0..100),
            keywords in proptest::collection::btree_set(any::<u16>(), 0..5),
        ) {
            let mut listed = Listing { keywords, ..listing(&uids) };
            listed.remove(gone.iter().copied());
            let left: BTreeSet<u32> = uids.difference(&gone).copied().collect();
            prop_assert_eq!(listed.last(), left.last().copied().unwrap_or(0));
            prop_assert_eq!(listed.uids.iter().cloned().flatten().collect::<Vec<_>>(), Vec::from_iter(left));
            prop_assert_eq!(Listing::from_bytes(&listed.to_bytes()).unwrap(), listed);
        }

        #[test]
        fn damaged_rows_are_refused_or_read(bytes: Vec<u8>) {
            let _ = Listing::from_bytes(&bytes);
        }
    }

    #[test]
    fn the_largest_uid_can_go() {
        const FIRST: u32 = u32::MAX - 9;
        let mut listed = Listing { uids: vec![FIRST..=u32::MAX], ..Listing::default() };
        listed.remove([u32::MAX]);
        assert_eq!(listed.uids, [FIRST..=u32::MAX - 1]);
        listed.remove(FIRST..=u32::MAX - 1);
        assert_eq!(listed.uids, []);
    }
}
