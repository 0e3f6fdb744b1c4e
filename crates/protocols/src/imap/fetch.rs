//! FETCH: written page by page, as fast as the client reads (RFC 3501 section 6.4.5).

use services::{
    Mailbox,
    mailbox::{FlagChange, Flags, Item},
};
use wire::imap::{
    BodyItem, Fetch, FetchItem, Message, Ranges, SequenceSet, body_structure, flags, section, set, write,
};

use super::{
    pages::{Entry, Pages, Wants, entries},
    reply::{Failure, Outcome, done},
    session::Session,
};
use crate::link::Link;

/// A long answer is written in pieces of this size, bytes.
const PIECE: usize = 64 << 10;

impl Session {
    pub(super) async fn fetch(&mut self, uid: bool, set: &SequenceSet, fetch: Fetch) -> Outcome {
        self.condstore |= fetch.items.contains(&FetchItem::ModSeq);
        let (mailbox, view) = self.selected()?;
        let sets_seen =
            !view.read_only && fetch.items.iter().any(|item| matches!(item, FetchItem::Body(b) if !b.peek));
        let wants = Wants {
            summary: fetch.items.contains(&FetchItem::Envelope),
            body: fetch
                .items
                .iter()
                .any(|item| matches!(item, FetchItem::Body(_) | FetchItem::BodyStructure { .. })),
            changed_since: fetch.changed_since,
        };
        let mut pages = Pages::new(mailbox.clone(), view.folder, view.ranges(set, uid));
        let read = move |mailbox: &Mailbox, folder, ranges: &Ranges| entries(mailbox, folder, ranges, wants);
        while let Some(mut page) = pages.next(read).await? {
            let newly_seen =
                if sets_seen { self.mark_seen(&mailbox, &mut page).await? } else { Ranges::new() };
            if let Some(view) = &mut self.view {
                view.introduce(page.iter().map(|entry| &entry.item), &mut self.link.output);
            }
            for entry in &page {
                let with_flags = newly_seen.iter().any(|range| range.contains(&entry.item.uid));
                self.fetch_one(&fetch, entry, with_flags).await?;
            }
        }
        done("Completed")
    }

    /// Marks the unseen messages of a page seen, in one commit; returns which these were.
    async fn mark_seen(&mut self, mailbox: &Mailbox, page: &mut [Entry]) -> Result<Ranges, Failure> {
        let unseen = page.iter().map(|entry| &entry.item).filter(|item| item.flags.system & Flags::SEEN == 0);
        let unseen = set::from_sorted(unseen.map(|item| item.uid));
        let Some(view) = self.view.as_mut().filter(|_| !unseen.is_empty()) else { return Ok(Ranges::new()) };
        let seen = Flags { system: Flags::SEEN, ..Flags::default() };
        mailbox.change_flags(view.folder, unseen.clone(), FlagChange::Add, seen, None).await?;
        let mut entries = page.iter_mut();
        for fresh in mailbox.items(view.folder, &unseen, entries.len())? {
            if let Some(entry) = entries.find(|entry| entry.item.uid == fresh.uid) {
                entry.item = fresh;
            }
        }
        view.told(unseen.clone());
        Ok(unseen)
    }

    /// `* n FETCH (…)` for one message; nothing where the client does not know of it.
    async fn fetch_one(&mut self, fetch: &Fetch, entry: &Entry, with_flags: bool) -> Result<(), Failure> {
        let Entry { item, summary, body } = entry;
        let Some(number) = self.view.as_ref().and_then(|view| view.sequence(item.uid)) else { return Ok(()) };
        let message = Message::new(body);
        let out = &mut self.link.output;
        out.extend_from_slice(b"* ");
        write::number(out, number.into());
        out.extend_from_slice(b" FETCH (");
        for (index, wanted) in fetch.items.iter().enumerate() {
            if index > 0 {
                self.link.output.push(b' ');
            }
            match (wanted, summary) {
                (FetchItem::Body(wanted), _) => {
                    let bytes = message.section(&wanted.section);
                    write_body(&mut self.link, wanted, bytes.as_deref()).await?;
                }
                (FetchItem::BodyStructure { extended }, _) => {
                    let name = if *extended { "BODYSTRUCTURE " } else { "BODY " };
                    self.link.say(name);
                    body_structure::write(&mut self.link.output, &message, *extended);
                }
                (FetchItem::Envelope, Some(summary)) => {
                    self.link.say("ENVELOPE ");
                    write::envelope(&mut self.link.output, summary);
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
