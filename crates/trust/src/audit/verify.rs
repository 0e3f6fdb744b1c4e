//! Whether the log is as it was written: which entries were altered, which are missing.

use std::fmt;

use super::{
    chain::{self, Hash, Tip},
    head::Head,
};

/// Most findings kept.
const FINDINGS_MAX: usize = 1000;

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// Its text is not the one that was hashed behind the entry before it.
    Altered,
    /// It is no longer readable.
    Unreadable,
    /// It stands where another belongs.
    OutOfPlace,
    /// It and all to the number in [`Finding::through`] are gone.
    Missing,
    /// The log is consistent in itself but ends otherwise than the head says: it was rewritten.
    Rewritten,
    /// The head was gone: entries behind this one may have gone with it.
    HeadMissing,
}

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry's number.
    pub entry: u64,
    /// The last of several.
    pub through: u64,
    /// What is wrong.
    pub kind: FindingKind,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry;
        match self.kind {
            FindingKind::Altered => {
                let before = entry.saturating_sub(1);
                write!(f, "Entry {entry} was altered, or entry {before} was replaced as a whole.")
            }
            FindingKind::Unreadable => write!(f, "Entry {entry} can't be read."),
            FindingKind::OutOfPlace => write!(f, "Entry {entry} isn't where it belongs."),
            FindingKind::Missing if self.through == entry => write!(f, "Entry {entry} is missing."),
            FindingKind::Missing => write!(f, "Entries {entry} to {} are missing.", self.through),
            FindingKind::Rewritten => {
                write!(f, "The log up to entry {entry} isn't the one that was written: it was written anew.")
            }
            FindingKind::HeadMissing => {
                write!(f, "The log's head was missing when the server started at entry {entry}.")
            }
        }
    }
}

/// The outcome of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries were read.
    pub entries: u64,
    /// The first entry there should be.
    pub first: u64,
    /// The last entry there should be.
    pub last: u64,
    /// The last entry's hash, to be kept elsewhere.
    pub hash: Hash,
    /// What is wrong, in order.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Reads the log from its first entry to its last.
pub(super) struct Verifier {
    report: Report,
    /// The hash the next entry continues; nothing after one that cannot be read.
    previous: Option<Hash>,
    next: u64,
    /// The entry that the head names last, and the hash it should have.
    end: Option<(u64, Hash)>,
}

impl Verifier {
    pub(super) fn new(head: Option<&Head>) -> Self {
        let mut report = Report { first: head.map_or(1, |head| head.first), ..Report::default() };
        match head {
            Some(Head { remade: Some(entry), .. }) => {
                report.findings.push(Finding {
                    entry: *entry,
                    through: *entry,
                    kind: FindingKind::HeadMissing,
                });
            }
            None => report.findings.push(Finding { entry: 0, through: 0, kind: FindingKind::HeadMissing }),
            Some(_) => {}
        }
        Verifier {
            previous: head.map_or(Some(Hash::default()), |head| Some(head.before)),
            next: report.first,
            end: head.map(|head| (head.last, head.hash)),
            report,
        }
    }

    fn found(&mut self, entry: u64, through: u64, kind: FindingKind) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding { entry, through, kind });
        }
    }

    /// Reads the lines of one segment.
    pub(super) fn segment(&mut self, bytes: &[u8]) {
        let (lines, whole) = chain::lines(bytes);
        lines.for_each(|line| self.line(line));
        // What is torn at an end the head does not know of was never acknowledged.
        if whole < bytes.len() && self.end.is_some_and(|(last, _)| self.next <= last) {
            self.unreadable();
        }
    }

    fn unreadable(&mut self) {
        self.found(self.next, self.next, FindingKind::Unreadable);
        (self.previous, self.next) = (None, self.next + 1);
    }

    fn line(&mut self, line: &[u8]) {
        let Some(read) = chain::read(line) else { return self.unreadable() };
        let number = read.entry.number;
        if number < self.next {
            // Pruned segments may still be there after a crash.
            if number >= self.report.first {
                self.found(number, number, FindingKind::OutOfPlace);
            }
            return;
        }
        self.report.entries += 1;
        if number > self.next {
            self.found(self.next, number - 1, FindingKind::Missing);
            self.previous = None;
        }
        if let Some(previous) = self.previous
            && previous.then(read.text) != read.stated
        {
            self.found(number, number, FindingKind::Altered);
        }
        if self.end.is_some_and(|(last, hash)| last == number && hash != read.stated) {
            self.found(number, number, FindingKind::Rewritten);
        }
        (self.previous, self.next) = (Some(read.stated), number + 1);
    }

    /// The outcome; `tip` is the end as the running server knows it.
    pub(super) fn finish(mut self, tip: &Tip) -> Report {
        let last = self.end.map_or(0, |(last, _)| last).max(tip.number);
        if self.next <= last {
            self.found(self.next, last, FindingKind::Missing);
        }
        (self.report.last, self.report.hash) = (last, tip.hash);
        self.report
    }
}
