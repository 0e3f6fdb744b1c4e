//! The messages of a selection, page by page: read where waiting for the disk holds nobody else up.

use std::sync::Arc;

use base::Fault;
use bytes::Bytes;
use services::{
    Mailbox,
    mailbox::{FolderId, Item, Provenance},
};
use wire::{imap::Ranges, mime::Summary};

/// Messages read at a time.
const PAGE: usize = 256;
/// A page ends when its bodies reach this, bytes: what a session holds beyond its largest message.
const PAGE_BYTES: usize = 512 << 10;

/// A page of something, and the UID to go on after; without one, nothing is left.
pub(super) type Page<T> = Result<(Vec<T>, Option<u32>), Fault>;

/// The messages of some UID ranges, a page at a time.
pub(super) struct Pages {
    mailbox: Arc<Mailbox>,
    folder: FolderId,
    /// What is left, ascending.
    ranges: Ranges,
}

impl Pages {
    pub(super) fn new(mailbox: Arc<Mailbox>, folder: FolderId, ranges: Ranges) -> Self {
        Pages { mailbox, folder, ranges }
    }

    /// The next page, as `read` makes it of the ranges left; `None` after the last.
    pub(super) async fn next<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&Mailbox, FolderId, &Ranges) -> Page<T> + Send + 'static,
    ) -> Result<Option<Vec<T>>, Fault> {
        if self.ranges.is_empty() {
            return Ok(None);
        }
        let (folder, ranges) = (self.folder, std::mem::take(&mut self.ranges));
        let read = move |mailbox: &Mailbox| {
            let (page, last) = read(mailbox, folder, &ranges)?;
            Ok((page, last, ranges))
        };
        let (page, last, ranges) = self.mailbox.aside(read).await?;
        self.ranges = last.map_or_else(Ranges::new, |last| after(ranges, last));
        Ok(Some(page))
    }
}

/// The ranges above a UID.
fn after(mut ranges: Ranges, last: u32) -> Ranges {
    let done = ranges.partition_point(|range| *range.end() <= last);
    ranges.drain(..done);
    if let Some(range) = ranges.first_mut() {
        *range = last.saturating_add(1).max(*range.start())..=*range.end();
    }
    ranges
}

/// A page of items.
pub(super) fn items(mailbox: &Mailbox, folder: FolderId, ranges: &Ranges) -> Page<Item> {
    let items = mailbox.items(folder, ranges, PAGE)?;
    let last = (items.len() == PAGE).then(|| items[PAGE - 1].uid);
    Ok((items, last))
}

/// What is read of a message beside its item.
#[derive(Clone, Copy, Default)]
pub(super) struct Wants {
    pub(super) provenance: bool,
    pub(super) summary: bool,
    pub(super) body: bool,
    /// Only messages above this modification sequence.
    pub(super) changed_since: Option<u64>,
}

/// A message as far as it was asked for.
pub(super) struct Entry {
    pub(super) item: Item,
    pub(super) provenance: Option<Provenance>,
    pub(super) summary: Option<Summary>,
    pub(super) body: Bytes,
}

/// A page of messages; those that are gone by now are left out.
pub(super) fn entries(mailbox: &Mailbox, folder: FolderId, ranges: &Ranges, wants: Wants) -> Page<Entry> {
    let rows: Vec<(Item, Bytes)> = if wants.summary {
        mailbox.items_with_summaries(folder, ranges, PAGE)?
    } else {
        mailbox.items(folder, ranges, PAGE)?.into_iter().map(|item| (item, Bytes::new())).collect()
    };
    let full = rows.len() == PAGE;
    let ids: Vec<_> = rows.iter().filter(|_| wants.provenance).map(|(item, _)| item.id).collect();
    let mut provenances = mailbox.provenances(&ids)?.into_iter();
    let (mut page, mut last, mut size) = (Vec::with_capacity(rows.len()), None, 0);
    for (item, summary) in rows {
        if size >= PAGE_BYTES {
            return Ok((page, last));
        }
        let uid = item.uid;
        let provenance = provenances.next().flatten();
        if wants.changed_since.is_none_or(|since| item.modseq > since) {
            match entry(mailbox, item, summary, wants) {
                Ok(entry) => {
                    size += entry.body.len();
                    page.push(Entry { provenance, ..entry });
                }
                Err(fault) if fault.kind == base::FaultKind::NotFound => {}
                // What was read already is told; the next page begins with this one.
                Err(_) if !page.is_empty() => return Ok((page, last)),
                Err(fault) => return Err(fault),
            }
        }
        last = Some(uid);
    }
    Ok((page, last.filter(|_| full)))
}

fn entry(mailbox: &Mailbox, item: Item, summary: Bytes, wants: Wants) -> Result<Entry, Fault> {
    let body = if wants.body { mailbox.body(item.id)? } else { Bytes::new() };
    let summary = match wants.summary.then(|| Summary::decode(summary)) {
        Some(Ok(summary)) => Some(summary),
        // One that cannot be read is made again.
        Some(Err(_)) if wants.body => Some(Summary::parse(&body)),
        Some(Err(_)) => Some(Summary::parse(&mailbox.body(item.id)?)),
        None => None,
    };
    Ok(Entry { item, provenance: None, summary, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_they_stopped() {
        let ranges = after(vec![1..=5, 8..=9], 3);
        assert_eq!(ranges, [4..=5, 8..=9]);
        let ranges = after(ranges, 5);
        assert_eq!(ranges, [8..=9]);
        assert_eq!(after(ranges, 9), []);
        assert_eq!(after(vec![1..=u32::MAX], u32::MAX), []);
    }
}
