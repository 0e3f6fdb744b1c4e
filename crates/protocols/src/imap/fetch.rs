//! FETCH: written page by page, as fast as the client reads (RFC 3501 section 6.4.5).

use bytes::Bytes;
use services::{
    Mailbox,
    mailbox::{FlagChange, Flags, FolderId, Item},
};
use wire::{
    imap::{
        BodyItem, Fetch, FetchItem, Message, Ranges, SequenceSet, body_structure, flags, section, set, write,
    },
    mime::Summary,
};

use super::{
    reply::{Failure, Outcome, done},
    session::Session,
};
use crate::link::Link;

/// Items read at a time.
const PAGE: usize = 256;
/// A long answer is written in pieces of this size, bytes.
const PIECE: usize = 64 << 10;

/// The items of some UID ranges, a page at a time.
pub(super) struct Pages {
    folder: FolderId,
    /// What is left, ascending.
    ranges: Ranges,
}

impl Pages {
    pub(super) fn new(folder: FolderId, ranges: Ranges) -> Self {
        Pages { folder, ranges }
    }

    /// The next page; `None` after the last.
    pub(super) fn next(&mut self, mailbox: &Mailbox) -> Result<Option<Vec<Item>>, Failure> {
        if self.ranges.is_empty() {
            return Ok(None);
        }
        let items = mailbox.items(self.folder, &self.ranges, PAGE)?;
        self.go_on_after((items.len() == PAGE).then(|| items[PAGE - 1].uid));
        Ok(Some(items))
    }

    /// The next page with the header summaries.
    fn next_with_summaries(&mut self, mailbox: &Mailbox) -> Result<Option<Vec<(Item, Bytes)>>, Failure> {
        if self.ranges.is_empty() {
            return Ok(None);
        }
        let items = mailbox.items_with_summaries(self.folder, &self.ranges, PAGE)?;
        self.go_on_after((items.len() == PAGE).then(|| items[PAGE - 1].0.uid));
        Ok(Some(items))
    }

    /// `last`: the last UID of a full page; after one that is not full nothing is left.
    fn go_on_after(&mut self, last: Option<u32>) {
        match last {
            None => self.ranges.clear(),
            Some(last) => {
                let done = self.ranges.partition_point(|range| *range.end() <= last);
                self.ranges.drain(..done);
                if let Some(range) = self.ranges.first_mut() {
                    *range = last.saturating_add(1).max(*range.start())..=*range.end();
                }
            }
        }
    }
}

impl Session {
    pub(super) async fn fetch(&mut self, uid: bool, set: &SequenceSet, fetch: Fetch) -> Outcome {
        self.condstore |= fetch.items.contains(&FetchItem::ModSeq);
        let (mailbox, view) = self.selected()?;
        let sets_seen =
            !view.read_only && fetch.items.iter().any(|item| matches!(item, FetchItem::Body(b) if !b.peek));
        let with_summaries = fetch.items.contains(&FetchItem::Envelope);
        let mut pages = Pages::new(view.folder, view.ranges(set, uid));
        loop {
            let page = if with_summaries {
                pages.next_with_summaries(&mailbox)?
            } else {
                pages
                    .next(&mailbox)?
                    .map(|items| items.into_iter().map(|item| (item, Bytes::new())).collect())
            };
            let Some(mut page) = page else { return done("Completed") };
            if let Some(since) = fetch.changed_since {
                page.retain(|(item, _)| item.modseq > since);
            }
            let newly_seen =
                if sets_seen { self.mark_seen(&mailbox, &mut page).await? } else { Ranges::new() };
            for (item, summary) in &page {
                let with_flags = newly_seen.iter().any(|range| range.contains(&item.uid));
                self.fetch_one(&mailbox, &fetch, item, summary, with_flags).await?;
            }
            // A long answer that is small on the wire must let others have their turn too.
            tokio::task::yield_now().await;
        }
    }

    /// Marks the unseen messages of a page seen, in one commit; returns which these were.
    async fn mark_seen(&mut self, mailbox: &Mailbox, page: &mut [(Item, Bytes)]) -> Result<Ranges, Failure> {
        let unseen = page.iter().filter(|(item, _)| item.flags.system & Flags::SEEN == 0);
        let unseen = set::from_sorted(unseen.map(|(item, _)| item.uid));
        let Some(view) = self.view.as_mut().filter(|_| !unseen.is_empty()) else { return Ok(Ranges::new()) };
        let seen = Flags { system: Flags::SEEN, ..Flags::default() };
        mailbox.change_flags(view.folder, unseen.clone(), FlagChange::Add, seen, None).await?;
        let fresh = mailbox.items(view.folder, &unseen, PAGE)?;
        let mut page = page.iter_mut();
        for fresh in fresh {
            if let Some((item, _)) = page.find(|(item, _)| item.uid == fresh.uid) {
                *item = fresh;
            }
        }
        view.told(unseen.clone());
        Ok(unseen)
    }

    /// `* n FETCH (…)` for one message; nothing where it is gone.
    async fn fetch_one(
        &mut self,
        mailbox: &Mailbox,
        fetch: &Fetch,
        item: &Item,
        summary: &Bytes,
        with_flags: bool,
    ) -> Result<(), Failure> {
        let Some(number) = self.view.as_ref().and_then(|view| view.sequence(item.uid)) else { return Ok(()) };
        let needs_body =
            fetch.items.iter().any(|i| matches!(i, FetchItem::Body(_) | FetchItem::BodyStructure { .. }));
        let body = match needs_body.then(|| mailbox.body(item.id)).transpose() {
            Ok(body) => body.unwrap_or_default(),
            Err(fault) if fault.kind == base::FaultKind::NotFound => return Ok(()),
            Err(fault) => return Err(fault.into()),
        };
        let message = Message::new(&body);
        let out = &mut self.link.output;
        out.extend_from_slice(b"* ");
        write::number(out, number.into());
        out.extend_from_slice(b" FETCH (");
        for (index, wanted) in fetch.items.iter().enumerate() {
            if index > 0 {
                self.link.output.push(b' ');
            }
            match wanted {
                FetchItem::Body(wanted) => {
                    let bytes = message.section(&wanted.section);
                    write_body(&mut self.link, wanted, bytes.as_deref()).await?;
                }
                FetchItem::BodyStructure { extended } => {
                    let name = if *extended { "BODYSTRUCTURE " } else { "BODY " };
                    self.link.say(name);
                    body_structure::write(&mut self.link.output, &message, *extended);
                }
                FetchItem::Envelope => {
                    self.link.say("ENVELOPE ");
                    let summary = envelope_source(mailbox, item, summary)?;
                    write::envelope(&mut self.link.output, &summary);
                }
                _ => write_scalar(&mut self.link.output, wanted, item),
            }
        }
        if with_flags && !fetch.items.contains(&FetchItem::Flags) {
            self.link.say(" ");
            write_scalar(&mut self.link.output, &FetchItem::Flags, item);
        }
        self.link.say(")\r\n");
        self.link.relieve().await?;
        Ok(())
    }
}

/// The stored summary; where it cannot be read, one made from the message.
fn envelope_source(mailbox: &Mailbox, item: &Item, stored: &Bytes) -> Result<Summary, Failure> {
    match Summary::decode(stored.clone()) {
        Ok(summary) => Ok(summary),
        Err(_) => Ok(Summary::parse(&mailbox.body(item.id)?)),
    }
}

/// The items that are known without the message.
fn write_scalar(out: &mut Vec<u8>, wanted: &FetchItem, item: &Item) {
    match wanted {
        FetchItem::Uid => {
            out.extend_from_slice(b"UID ");
            write::number(out, item.uid.into());
        }
        FetchItem::Flags => {
            out.extend_from_slice(b"FLAGS ");
            flags::write(out, item.flags.system, &item.flags.keywords);
        }
        FetchItem::InternalDate => {
            out.extend_from_slice(b"INTERNALDATE ");
            write::date_time(out, item.received);
        }
        FetchItem::Size => {
            out.extend_from_slice(b"RFC822.SIZE ");
            write::number(out, item.size.into());
        }
        FetchItem::ModSeq => {
            out.extend_from_slice(b"MODSEQ (");
            write::number(out, item.modseq);
            out.push(b')');
        }
        FetchItem::Envelope | FetchItem::BodyStructure { .. } | FetchItem::Body(_) => {}
    }
}

/// `BODY[…] {n}` and the bytes, in pieces; `NIL` where there is no such part.
async fn write_body(link: &mut Link, wanted: &BodyItem, bytes: Option<&[u8]>) -> Result<(), Failure> {
    link.say(&wanted.label);
    link.say(" ");
    let Some(bytes) = bytes else {
        link.say("NIL");
        return Ok(());
    };
    let bytes = wanted.partial.map_or(bytes, |(start, count)| section::partial(bytes, start, count));
    write::literal_head(&mut link.output, bytes.len());
    for piece in bytes.chunks(PIECE) {
        write::octets(&mut link.output, piece);
        link.relieve().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_they_stopped() {
        let mut pages = Pages::new(FolderId(1), vec![1..=5, 8..=9]);
        pages.go_on_after(Some(3));
        assert_eq!(pages.ranges, [4..=5, 8..=9]);
        pages.go_on_after(Some(5));
        assert_eq!(pages.ranges, [8..=9]);
        pages.go_on_after(Some(9));
        assert_eq!(pages.ranges, []);
    }
}
