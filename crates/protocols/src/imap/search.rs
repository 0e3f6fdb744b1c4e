//! SEARCH: what is cheap is asked first; summaries and bodies are read only for messages it leaves
//! undecided (RFC 3501 section 6.4.4, RFC 4731).

use std::sync::Arc;

use base::{Fault, FaultKind};
use bytes::Bytes;
use services::{
    Mailbox,
    mailbox::{Flags, FolderId, Item},
};
use wire::{
    imap::{Key, Ranges, Return, Search, set, write},
    mime::Summary,
};

use super::{
    criteria::{Known, Test},
    pages::{self, Page, Pages},
    reply::{Failure, Outcome, done, no},
    session::Session,
};

/// What a search found.
#[derive(Default)]
struct Found {
    uids: Vec<u32>,
    modseq: u64,
}

impl Session {
    pub(super) async fn search(&mut self, tag: &str, uid: bool, search: &Search) -> Outcome {
        if search.unknown_charset {
            return Err(no("BADCHARSET (UTF-8 US-ASCII)", "Unknown charset"));
        }
        let with_modseq = mentions_modseq(&search.key);
        self.condstore |= with_modseq;
        let (mailbox, view) = self.selected()?;
        let test = Test::new(&search.key, view, self.server.clock.now().secs());
        let found = match test {
            Test::Const(true) => Found { uids: view.uids().to_vec(), modseq: 0 },
            Test::Const(false) => Found::default(),
            test => self.seek(mailbox, test).await?,
        };
        let Some(view) = &self.view else { return done("Completed") };
        let numbers = view.numbers(&found.uids, uid);
        let modseq = Some(found.modseq).filter(|modseq| with_modseq && *modseq > 0);
        match search.results {
            None => write_plain(&mut self.link.output, &numbers, modseq),
            Some(wanted) => write_extended(&mut self.link.output, tag, uid, wanted, &numbers, modseq),
        }
        done("Completed")
    }

    /// Reads the messages the test does not rule out by their UID.
    async fn seek(&mut self, mailbox: Arc<Mailbox>, test: Test) -> Result<Found, Failure> {
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
        loop {
            let test = test.clone();
            let sift = move |mailbox: &Mailbox, folder, ranges: &Ranges| sift(mailbox, folder, ranges, &test);
            let Some(page) = pages.next(sift).await? else { return Ok(found) };
            for item in page {
                if self.view.as_ref().is_some_and(|view| view.sequence(item.uid).is_some()) {
                    found.uids.push(item.uid);
                    found.modseq = found.modseq.max(item.modseq);
                }
            }
        }
    }
}

/// The items of the next page that fit.
fn sift(mailbox: &Mailbox, folder: FolderId, ranges: &Ranges, test: &Test) -> Page<Item> {
    let (page, last) = pages::items(mailbox, folder, ranges)?;
    let first = |item: &Item| test.holds(&Known { item, summary: None, message: None });
    let open: Vec<_> = page.iter().filter(|item| first(item).is_none()).map(|item| item.id).collect();
    let mut summaries = mailbox.summaries(&open)?.into_iter();
    let mut found = Vec::new();
    for item in page {
        let fits = match first(&item) {
            Some(fits) => fits,
            None => look_closer(mailbox, test, &item, summaries.next().unwrap_or_default())?,
        };
        found.extend(fits.then_some(item));
    }
    Ok((found, last))
}

/// Decides by the summary, and where that is not enough by the message.
fn look_closer(mailbox: &Mailbox, test: &Test, item: &Item, summary: Bytes) -> Result<bool, Fault> {
    let summary = Summary::decode(summary).ok();
    let mut known = Known { item, summary: summary.as_ref(), message: None };
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

/// Whether the key asks for modification sequences: then the answer tells the highest (RFC 7162).
fn mentions_modseq(key: &Key) -> bool {
    match key {
        Key::ModSeq(_) => true,
        Key::And(keys) => keys.iter().any(mentions_modseq),
        Key::Or(pair) => mentions_modseq(&pair.0) || mentions_modseq(&pair.1),
        Key::Not(key) => mentions_modseq(key),
        _ => false,
    }
}

/// `* SEARCH n …`
fn write_plain(out: &mut Vec<u8>, numbers: &[u32], modseq: Option<u64>) {
    out.extend_from_slice(b"* SEARCH");
    for number in numbers {
        out.push(b' ');
        write::number(out, (*number).into());
    }
    if let Some(modseq) = modseq {
        out.extend_from_slice(b" (MODSEQ ");
        write::number(out, modseq);
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// `* ESEARCH (TAG "t") …`
fn write_extended(
    out: &mut Vec<u8>,
    tag: &str,
    uid: bool,
    wanted: Return,
    numbers: &[u32],
    modseq: Option<u64>,
) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    write::string(out, tag.as_bytes());
    out.push(b')');
    if uid {
        out.extend_from_slice(b" UID");
    }
    let count = numbers.len() as u64;
    for (wanted, name, number) in [
        (wanted.min, " MIN ", numbers.first().map(|n| u64::from(*n))),
        (wanted.max, " MAX ", numbers.last().map(|n| u64::from(*n))),
        (wanted.count, " COUNT ", Some(count)),
        (true, " MODSEQ ", modseq),
    ] {
        if let Some(number) = number.filter(|_| wanted) {
            out.extend_from_slice(name.as_bytes());
            write::number(out, number);
        }
    }
    if wanted.all && !numbers.is_empty() {
        out.extend_from_slice(b" ALL ");
        write::set(out, &set::from_sorted(numbers.iter().copied()));
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let mut out = Vec::new();
        write_plain(&mut out, &[1, 5], Some(7));
        write_plain(&mut out, &[], None);
        let all = Return { min: true, max: true, all: true, count: true };
        write_extended(&mut out, "a1", true, all, &[1, 2, 5], None);
        write_extended(&mut out, "a1", false, all, &[], None);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "* SEARCH 1 5 (MODSEQ 7)\r\n* SEARCH\r\n* ESEARCH (TAG \"a1\") UID MIN 1 MAX 5 COUNT 3 ALL 1:2,5\r\n\
             * ESEARCH (TAG \"a1\") COUNT 0\r\n"
        );
    }
}
