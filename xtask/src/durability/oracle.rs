//! Counts what is in the mailboxes, over IMAP, and holds it against the ledger.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use bench::imap::{Fetched, Imap};

use super::load::{Ledger, Load};
use crate::{Outcome, server::Server};

const POLL: Duration = Duration::from_millis(50);
/// UIDs in one FETCH.
const BATCH: usize = 500;

/// What has been seen so far.
#[derive(Debug)]
pub(super) struct Oracle {
    /// How long nothing new may arrive while accepted messages are not in their mailboxes.
    settle: Duration,
    /// Message number to how often it is there.
    seen: BTreeMap<u64, u32>,
    /// Per recipient: the highest UID seen, and how many messages.
    marks: Vec<(u32, u64)>,
}

/// What was found wrong; all empty when all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Acknowledged and not there.
    pub(super) lost: Vec<u64>,
    /// There more than once.
    pub(super) doubled: Vec<u64>,
    /// There, but not as sent; or things that were never sent.
    pub(super) strange: Vec<String>,
}

impl Verdict {
    /// True when nothing is wrong.
    pub(super) fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let some =
            |numbers: &[u64]| numbers.iter().take(10).map(u64::to_string).collect::<Vec<_>>().join(" ");
        write!(f, "{} lost ({}), ", self.lost.len(), some(&self.lost))?;
        write!(f, "{} doubled ({}), ", self.doubled.len(), some(&self.doubled))?;
        let strange: Vec<&str> = self.strange.iter().take(5).map(String::as_str).collect();
        write!(f, "{} strange ({})", self.strange.len(), strange.join("; "))
    }
}

impl Oracle {
    /// Has seen nothing yet.
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, seen: BTreeMap::new(), marks: Vec::new() }
    }

    /// Different messages in the mailboxes.
    pub(super) fn stored(&self) -> usize {
        self.seen.len()
    }

    /// Reads what is new since the last time, waiting for the queue to empty, and judges everything.
    pub(super) fn judge(&mut self, server: &Server, load: &Load, ledger: &Ledger) -> Outcome<Verdict> {
        let acknowledged = ledger.acknowledged();
        let imap = server.address("imap")?;
        let mut deadline = Instant::now() + self.settle;
        let mut verdict = Verdict::default();
        self.marks.resize(load.recipients.len(), (0, 0));
        loop {
            let before = self.seen.len();
            for (index, mark) in self.marks.iter_mut().enumerate() {
                let account = &load.recipients[index];
                let mut connection = Imap::log_on(&imap, &account.address, &account.password)
                    .map_err(|e| format!("logging on as {}: {e}", account.address))?;
                let exists = connection.select("INBOX").map_err(|e| format!("SELECT INBOX: {e}"))?;
                read_new(&mut connection, load, mark, &mut self.seen, &mut verdict)?;
                if exists < mark.1 {
                    let (was, user) = (mark.1, &account.address);
                    verdict.strange.push(format!("{user} had {was} messages and now has {exists}"));
                }
            }
            if self.seen.len() > before {
                deadline = Instant::now() + self.settle;
            }
            let all_here = acknowledged.iter().all(|number| self.seen.contains_key(number));
            if all_here || !verdict.is_clean() || Instant::now() >= deadline {
                break;
            }
            thread::sleep(POLL);
        }
        verdict.lost = acknowledged.iter().filter(|n| !self.seen.contains_key(n)).copied().collect();
        verdict.doubled = self.seen.iter().filter(|(_, times)| **times > 1).map(|(n, _)| *n).collect();
        let never_sent = self.seen.keys().filter(|n| **n >= ledger.tried());
        verdict.strange.extend(never_sent.map(|n| format!("{n} was never sent")));
        Ok(verdict)
    }

    /// Reads all mailboxes from the start again and judges, trusting nothing seen before.
    pub(super) fn judge_again(&self, server: &Server, load: &Load, ledger: &Ledger) -> Outcome<Verdict> {
        Self::new(self.settle).judge(server, load, ledger)
    }
}

/// Fetches the messages above the mark and compares each with what was sent, to the byte.
fn read_new(
    connection: &mut Imap,
    load: &Load,
    mark: &mut (u32, u64),
    seen: &mut BTreeMap<u64, u32>,
    verdict: &mut Verdict,
) -> Outcome<()> {
    loop {
        let top = mark.0.saturating_add(u32::try_from(BATCH).unwrap_or(u32::MAX));
        let mut batch = fetch(connection, &format!("{}:{top}", mark.0 + 1))?;
        if batch.is_empty() {
            // UIDs may have gaps: look whether anything is left above.
            batch = fetch(connection, &format!("{}:*", mark.0 + 1))?;
            batch.retain(|m| m.uid > mark.0);
        }
        if batch.is_empty() {
            return Ok(());
        }
        for fetched in batch {
            mark.0 = mark.0.max(fetched.uid);
            mark.1 += 1;
            match number_of(&fetched.content, load.seed) {
                Some(number) if fetched.content.ends_with(&load.content(number)) => {
                    *seen.entry(number).or_default() += 1;
                }
                Some(number) => verdict.strange.push(format!("message {number} differs from what was sent")),
                None => verdict.strange.push(format!("UID {} is not a message of this run", fetched.uid)),
            }
        }
    }
}

fn fetch(connection: &mut Imap, uids: &str) -> Outcome<Vec<Fetched>> {
    connection.fetch(uids, "BODY.PEEK[]").map_err(|e| format!("UID FETCH {uids}: {e}"))
}

/// The message's number, from its Message-ID.
fn number_of(content: &[u8], seed: u64) -> Option<u64> {
    let text = String::from_utf8_lossy(content);
    let (_, rest) = text.split_once(&format!("<{seed:x}."))?;
    rest.split_once('@')?.0.parse().ok()
}
