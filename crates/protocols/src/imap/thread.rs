//! THREAD: what was found, put together into conversations (RFC 5256).

use services::Mailbox;
use wire::{
    imap::{
        Ranges, Search, Threading, set,
        thread::{self, Entry, identifiers},
    },
    mime::{SummaryField, subject::BaseSubject},
};

use super::{
    pages::{self, Pages, Wants},
    reply::{Outcome, done},
    search::Found,
    session::Session,
    sort::sent,
};

impl Session {
    pub(super) async fn thread(
        &mut self,
        tag: &str,
        uid: bool,
        threading: Threading,
        search: &Search,
    ) -> Outcome {
        let Found { uids, .. } = self.find(tag, search).await?;
        let (mailbox, view) = self.selected()?;
        let mut entries = Vec::with_capacity(uids.len());
        let mut pages = Pages::new(mailbox, view.folder, set::from_sorted(uids));
        let wants = Wants { summary: true, ..Wants::default() };
        let read =
            move |mailbox: &Mailbox, folder, ranges: &Ranges| pages::entries(mailbox, folder, ranges, wants);
        while let Some(page) = pages.next(read).await? {
            let view = self.selected()?.1;
            entries.extend(page.iter().filter_map(|entry| {
                let number = if uid { entry.item.uid } else { view.sequence(entry.item.uid)? };
                Some(threaded(number, entry))
            }));
        }
        let out = &mut self.link.output;
        out.extend_from_slice(if entries.is_empty() { b"* THREAD" } else { b"* THREAD " });
        match threading {
            Threading::OrderedSubject => thread::ordered_subject(out, entries),
            Threading::References => thread::references(out, entries),
        }
        out.extend_from_slice(b"\r\n");
        done("Completed")
    }
}

fn threaded(number: u32, entry: &pages::Entry) -> Entry {
    let Some(summary) = &entry.summary else { return Entry { number, ..Entry::default() } };
    let field = |field| identifiers(summary.text(field).unwrap_or_default());
    let mut references: Vec<_> = field(SummaryField::References).collect();
    if references.is_empty() {
        references.extend(field(SummaryField::InReplyTo).take(1));
    }
    Entry {
        number,
        sent: sent(&entry.item, summary),
        subject: BaseSubject::of(&summary.subject()),
        id: field(SummaryField::MessageId).next().unwrap_or_default(),
        references,
    }
}
