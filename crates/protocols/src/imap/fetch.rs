//! FETCH: written page by page, as fast as the client reads (RFC 3501 section 6.4.5, RFC 3516, RFC 7162, RFC 8474,
//! RFC 8514, RFC 8970, RFC 9394).

use services::{
    Mailbox,
    mailbox::{FlagChange, Flags, Item},
};
use wire::{
    imap::{
        BodyItem, Fetch, FetchItem, Message, Ranges, SequenceSet, body_structure, flags, section, set, write,
    },
    mime::{Summary, preview::preview},
};

use super::{
    objectid::{email_id, thread_id},
    pages::{Entry, Pages, Wants, entries},
    reply::{Failure, Outcome, done, no},
    session::Session,
    view::fetch_head,
};
use crate::link::Link;

/// A long answer is written in pieces of this size, bytes.
const PIECE: usize = 64 << 10;

impl Session {
    pub(super) async fn fetch(&mut self, uid: bool, set: &SequenceSet, mut fetch: Fetch) -> Outcome {
        self.enabled.condstore |= fetch.items.contains(&FetchItem::ModSeq);
        let (_, view) = self.selected()?;
        let mut ranges = view.ranges(set, uid);
        if let Some(window) = fetch.window {
            ranges = set::from_sorted(window.of(&view.known(&ranges)).iter().copied());
        }
        if fetch.vanished {
            if !uid || !self.enabled.qresync {
                return Err(Failure::Bad("VANISHED takes UID FETCH and ENABLE QRESYNC".into()));
            }
            self.tell_vanished(fetch.changed_since.unwrap_or(0), Some(&ranges)).await?;
        }
        if self.enabled.uid_only && fetch.items.len() > 1 {
            fetch.items.retain(|item| *item != FetchItem::Uid);
        }
        if self.fetch_ranges(&fetch, ranges).await? {
            done("Completed")
        } else {
            Err(no("UNKNOWN-CTE", "A part has an unknown transfer encoding"))
        }
    }

    /// Tells what is asked of each message in the ranges; says whether all of it could be told.
    pub(super) async fn fetch_ranges(&mut self, fetch: &Fetch, ranges: Ranges) -> Result<bool, Failure> {
        let (mailbox, view) = self.selected()?;
        let sets_seen = !view.read_only && fetch.items.iter().any(sets_seen);
        let wants = wants(fetch);
        let mut whole = true;
        let mut pages = Pages::new(mailbox.clone(), view.folder, ranges);
        let read = move |mailbox: &Mailbox, folder, ranges: &Ranges| entries(mailbox, folder, ranges, wants);
        while let Some(mut page) = pages.next(read).await? {
            let newly_seen =
                if sets_seen { self.mark_seen(&mailbox, &mut page).await? } else { Ranges::new() };
            if let Some(view) = &mut self.view {
                view.introduce(page.iter().map(|entry| &entry.item), &mut self.link.output);
            }
            for entry in &page {
                let with_flags = newly_seen.iter().any(|range| range.contains(&entry.item.uid));
                whole &= self.fetch_one(fetch, entry, with_flags).await?;
            }
        }
        Ok(whole)
    }

    /// `* VANISHED (EARLIER) …`: which UIDs, of those in the ranges, left the folder since.
    pub(super) async fn tell_vanished(
        &mut self,
        since: u64,
        ranges: Option<&Ranges>,
    ) -> Result<Vec<Item>, Failure> {
        let (mailbox, view) = self.selected()?;
        let folder = view.folder;
        let changes = mailbox.aside(move |mailbox| mailbox.changes_since(folder, since)).await?;
        let Some(view) = &self.view else { return Ok(Vec::new()) };
        // What the client still has to hear of is no news of earlier times.
        let gone = changes.vanished.into_iter().filter(|uid| view.sequence(*uid).is_none());
        let mut gone = set::from_sorted(gone);
        if let Some(ranges) = ranges {
            gone = set::intersect(&gone, ranges);
        }
        if !gone.is_empty() {
            let out = &mut self.link.output;
            out.extend_from_slice(b"* VANISHED (EARLIER) ");
            write::set(out, &gone);
            out.extend_from_slice(b"\r\n");
        }
        Ok(changes.changed)
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

    /// `* n FETCH (…)` for one message; nothing where the client does not know of it. Says whether all that
    /// was asked could be told.
    async fn fetch_one(&mut self, fetch: &Fetch, entry: &Entry, with_flags: bool) -> Result<bool, Failure> {
        let Entry { item, body, .. } = entry;
        let Some(number) = self.view.as_ref().and_then(|view| view.sequence(item.uid)) else {
            return Ok(true);
        };
        let message = Message::new(body);
        let mut whole = true;
        fetch_head(&mut self.link.output, number, item.uid, self.enabled);
        for (index, wanted) in fetch.items.iter().enumerate() {
            if index > 0 {
                self.link.output.push(b' ');
            }
            match wanted {
                FetchItem::Body(wanted) => {
                    let bytes = message.section(&wanted.section);
                    write_body(&mut self.link, wanted, bytes.as_deref(), false).await?;
                }
                FetchItem::Binary(wanted) | FetchItem::BinarySize(wanted) => {
                    let bytes = message.binary(&wanted.section.part).transpose();
                    whole &= bytes.is_ok();
                    let bytes = bytes.unwrap_or_default();
                    if matches!(fetch.items[index], FetchItem::Binary(_)) {
                        write_body(&mut self.link, wanted, bytes.as_deref(), true).await?;
                    } else {
                        let size = bytes.map_or(0, |bytes| bytes.len());
                        self.link.say(&format!("{} {size}", wanted.label));
                    }
                }
                FetchItem::BodyStructure { extended } => {
                    let name = if *extended { "BODYSTRUCTURE " } else { "BODY " };
                    self.link.say(name);
                    body_structure::write(&mut self.link.output, &message, *extended);
                }
                wanted => write_scalar(&mut self.link.output, wanted, entry),
            }
        }
        if with_flags && !fetch.items.contains(&FetchItem::Flags) {
            self.link.say(" ");
            write_scalar(&mut self.link.output, &FetchItem::Flags, entry);
        }
        self.link.say(")\r\n");
        self.link.relieve().await?;
        Ok(whole)
    }
}

/// Whether telling the item makes the message seen.
fn sets_seen(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body(body) | FetchItem::Binary(body) if !body.peek)
}

/// What must be read for the items.
fn wants(fetch: &Fetch) -> Wants {
    use FetchItem as F;
    let any = |wanted: fn(&F) -> bool| fetch.items.iter().any(wanted);
    Wants {
        provenance: any(|item| matches!(item, F::EmailId | F::SaveDate)),
        summary: any(|item| matches!(item, F::Envelope | F::ThreadId)),
        body: any(|item| {
            matches!(
                item,
                F::Body(_) | F::BodyStructure { .. } | F::Binary(_) | F::BinarySize(_) | F::Preview
            )
        }),
        changed_since: fetch.changed_since,
    }
}

/// The items that fit on a line.
fn write_scalar(out: &mut Vec<u8>, wanted: &FetchItem, entry: &Entry) {
    let Entry { item, provenance, summary, body } = entry;
    let named = |out: &mut Vec<u8>, name: &str, id: Option<String>| {
        out.extend_from_slice(
            match id {
                Some(id) => format!("{name} ({id})"),
                None => format!("{name} NIL"),
            }
            .as_bytes(),
        );
    };
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
        FetchItem::EmailId => named(out, "EMAILID", provenance.as_ref().map(email_id)),
        FetchItem::ThreadId => named(out, "THREADID", summary.as_ref().and_then(thread_id)),
        FetchItem::SaveDate => {
            out.extend_from_slice(b"SAVEDATE ");
            match provenance.and_then(|provenance| provenance.saved) {
                Some(saved) => write::date_time(out, saved),
                None => out.extend_from_slice(b"NIL"),
            }
        }
        FetchItem::Preview => {
            out.extend_from_slice(b"PREVIEW ");
            write::string(out, preview(body).as_bytes());
        }
        FetchItem::Envelope => {
            out.extend_from_slice(b"ENVELOPE ");
            write::envelope(out, summary.as_ref().unwrap_or(&Summary::parse(b"")));
        }
        FetchItem::BodyStructure { .. }
        | FetchItem::Body(_)
        | FetchItem::Binary(_)
        | FetchItem::BinarySize(_) => {}
    }
}

/// `BODY[…] {n}` and the bytes, in pieces; `NIL` where there is no such part. `binary`: NUL is kept.
async fn write_body(
    link: &mut Link,
    wanted: &BodyItem,
    bytes: Option<&[u8]>,
    binary: bool,
) -> Result<(), Failure> {
    link.say(&wanted.label);
    link.say(" ");
    let Some(bytes) = bytes else {
        link.say("NIL");
        return Ok(());
    };
    let bytes = wanted.partial.map_or(bytes, |(start, count)| section::partial(bytes, start, count));
    let binary = binary && memchr::memchr(0, bytes).is_some();
    if binary {
        link.say("~");
    }
    write::literal_head(&mut link.output, bytes.len());
    for piece in bytes.chunks(PIECE) {
        if binary {
            link.output.extend_from_slice(piece);
        } else {
            write::octets(&mut link.output, piece);
        }
        link.relieve().await?;
    }
    Ok(())
}
