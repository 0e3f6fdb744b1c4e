//! SEARCH: what is cheap is asked first; summaries and bodies are read only for messages it leaves
//! undecided (RFC 3501 section 6.4.4, RFC 9585).

use std::sync::Arc;

use base::{Fault, FaultKind, Timestamp};
use bytes::Bytes;
use services::{
    Mailbox,
    mailbox::{Flags, FolderId, Item, Provenance},
};
use wire::{
    imap::{Key, Ranges, Return, Search, set},
    mime::Summary,
};

use super::{
    criteria::{Known, Test},
    pages::{self, Page, Pages},
    reply::{Failure, Outcome, done, no},
    results::{Results, to_save},
    session::Session,
};

/// A search that takes longer says so as often, microseconds (RFC 9585).
const PATIENCE: i64 = 10_000_000;

/// What a search found.
#[derive(Default)]
pub(super) struct Found {
    /// Ascending.
    pub(super) uids: Vec<u32>,
    /// The highest modification sequence among them, where the search asks for such.
    pub(super) modseq: Option<u64>,
}

impl Session {
    pub(super) async fn search(&mut self, tag: &str, uid: bool, search: &Search) -> Outcome {
        let Found { uids, modseq } = self.find(tag, search).await?;
        self.follow(tag, uid, search, &uids)?;
        self.tell_results("SEARCH", tag, uid, search.results, &uids, modseq)
    }

    /// Tells what was found, in its order, and keeps it where that is asked.
    pub(super) fn tell_results(
        &mut self,
        verb: &'static str,
        tag: &str,
        uid: bool,
        wanted: Option<Return>,
        uids: &[u32],
        modseq: Option<u64>,
    ) -> Outcome {
        let Some(view) = &mut self.view else { return done("Completed") };
        if let Some(wanted) = wanted.filter(|wanted| wanted.save) {
            view.save(to_save(wanted, uids));
        }
        let numbers = view.numbers(uids, uid);
        let results = Results { verb, tag, uid, numbers: &numbers, modseq };
        let rev2 = (self.enabled.rev2 && verb == "SEARCH").then(|| Return { all: true, ..Return::default() });
        match wanted.or(rev2) {
            None => results.write_plain(&mut self.link.output),
            Some(wanted) => results.write_extended(wanted, &mut self.link.output),
        }
        done("Completed")
    }

    /// What the selected folder holds that fits. A search that was to save and fails saves nothing.
    pub(super) async fn find(&mut self, tag: &str, search: &Search) -> Result<Found, Failure> {
        let found = self.try_find(tag, search).await;
        if found.is_err()
            && search.results.is_some_and(|wanted| wanted.save)
            && let Some(view) = &mut self.view
        {
            view.save(Vec::new());
        }
        found
    }

    async fn try_find(&mut self, tag: &str, search: &Search) -> Result<Found, Failure> {
        if search.unknown_charset {
            return Err(no("BADCHARSET (UTF-8 US-ASCII)", "Unknown charset"));
        }
        let with_modseq = search.key.any(&|key| matches!(key, Key::ModSeq(_)));
        self.enabled.condstore |= with_modseq;
        let (mailbox, view) = self.selected()?;
        let test = Test::new(&search.key, view, self.server.clock.now().secs());
        let mut found = match test {
            Test::Const(true) => Found { uids: view.uids().to_vec(), modseq: None },
            Test::Const(false) => Found::default(),
            test => self.seek(tag, mailbox, test).await?,
        };
        found.modseq = found.modseq.filter(|_| with_modseq);
        Ok(found)
    }

    /// Reads the messages the test does not rule out by their UID.
    async fn seek(&mut self, tag: &str, mailbox: Arc<Mailbox>, test: Test) -> Result<Found, Failure> {
        let (_, view) = self.selected()?;
        let mut ranges = view.uids().last().map(|last| 1..=*last).into_iter().collect();
        for test in if let Test::All(tests) = &test { tests } else { std::slice::from_ref(&test) } {
            match test {
                Test::Uids(uids) => ranges = set::intersect(&ranges, uids),
                Test::Flag(Flags::SEEN, false) if mailbox.status(view.folder)?.unread == 0 => ranges.clear(),
                _ => {}
            }
        }
        let (test, mut found) = (Arc::new(test), Found::default());
        let mut pages = Pages::new(mailbox, view.folder, ranges);
        let mut told = self.server.clock.now();
        loop {
            let test = test.clone();
            let sift = move |mailbox: &Mailbox, folder, ranges: &Ranges| sift(mailbox, folder, ranges, &test);
            let Some(page) = pages.next(sift).await? else { return Ok(found) };
            for item in page {
                if self.view.as_ref().is_some_and(|view| view.sequence(item.uid).is_some()) {
                    found.uids.push(item.uid);
                    found.modseq = found.modseq.max(Some(item.modseq));
                }
            }
            self.tell_progress(tag, &mut told).await?;
        }
    }

    /// Says now and then that a long search goes on.
    async fn tell_progress(&mut self, tag: &str, told: &mut Timestamp) -> Result<(), Failure> {
        let now = self.server.clock.now();
        if now.micros - told.micros >= PATIENCE {
            *told = now;
            self.link.say(&format!("* OK [INPROGRESS (\"{tag}\" NIL NIL)] Still searching\r\n"));
            self.link.flush().await?;
        }
        Ok(())
    }
}

/// The items of the next page that fit.
fn sift(mailbox: &Mailbox, folder: FolderId, ranges: &Ranges, test: &Test) -> Page<Item> {
    let (page, last) = pages::items(mailbox, folder, ranges)?;
    Ok((fitting(mailbox, page, test)?, last))
}

/// Those of the items that fit.
pub(super) fn fitting(mailbox: &Mailbox, page: Vec<Item>, test: &Test) -> Result<Vec<Item>, Fault> {
    let first = |item: &Item| test.holds(&Known { item, provenance: None, summary: None, message: None });
    let open: Vec<_> = page.iter().filter(|item| first(item).is_none()).map(|item| item.id).collect();
    let mut summaries = mailbox.summaries(&open)?.into_iter();
    let mut provenances =
        if test.asks_provenance() { mailbox.provenances(&open)? } else { Vec::new() }.into_iter();
    let mut found = Vec::new();
    for item in page {
        let fits = match first(&item) {
            Some(fits) => fits,
            None => {
                let provenance = provenances.next().flatten();
                look_closer(mailbox, test, &item, summaries.next().unwrap_or_default(), provenance)?
            }
        };
        found.extend(fits.then_some(item));
    }
    Ok(found)
}

/// Decides by the summary, and where that is not enough by the message.
fn look_closer(
    mailbox: &Mailbox,
    test: &Test,
    item: &Item,
    summary: Bytes,
    provenance: Option<Provenance>,
) -> Result<bool, Fault> {
    let summary = Summary::decode(summary).ok();
    let mut known = Known { item, provenance: provenance.as_ref(), summary: summary.as_ref(), message: None };
    if let Some(fits) = test.holds(&known) {
        return Ok(fits);
    }
    let message = match mailbox.body(item.id) {
        Ok(message) => message,
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(false),
        Err(fault) => return Err(fault),
    };
    let parsed = if summary.is_none() { Some(Summary::parse(&message)) } else { None };
    known.summary = known.summary.or(parsed.as_ref());
    known.message = Some(&message);
    Ok(test.holds(&known).unwrap_or(false))
}
