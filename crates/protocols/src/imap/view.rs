//! The selected folder as this session's client knows it: sequence numbers, and what was not told yet.

use services::mailbox::{Changes, FolderId, Item};
use tokio::sync::watch;

use super::capability::Enabled;
use wire::imap::{
    Ranges, SequenceSet,
    flags::{self, SYSTEM_FLAGS},
    set::{self, from_sorted},
    write,
};

/// The selected folder. Sequence number `n` is `uids[n - 1]`, whatever happened in the folder since.
pub(super) struct View {
    pub(super) folder: FolderId,
    /// EXAMINEd.
    pub(super) read_only: bool,
    /// What the client knows, ascending; changes only when the client is told.
    uids: Vec<u32>,
    /// The modification sequence the client was brought up to.
    modseq: u64,
    watch: watch::Receiver<u64>,
    /// UIDs that left the folder and may not be told yet, ascending.
    gone: Vec<u32>,
    /// UIDs whose flags this command tells by itself, or was asked not to tell.
    told: Ranges,
    /// Keywords the client was told of.
    keywords: Vec<String>,
    /// What `$` stands for: UIDs, ascending (RFC 5182).
    saved: Vec<u32>,
}

impl View {
    /// A view of what `uids` names at `modseq`; the watch was opened before both were read.
    pub(super) fn new(
        folder: FolderId,
        read_only: bool,
        uids: Vec<u32>,
        modseq: u64,
        watch: watch::Receiver<u64>,
        keywords: Vec<String>,
    ) -> Self {
        View {
            folder,
            read_only,
            uids,
            modseq,
            watch,
            gone: Vec::new(),
            told: Ranges::new(),
            keywords,
            saved: Vec::new(),
        }
    }

    /// Keeps what a search found as `$`.
    pub(super) fn save(&mut self, uids: Vec<u32>) {
        self.saved = uids;
    }

    /// The UIDs the client knows of, ascending.
    pub(super) fn uids(&self) -> &[u32] {
        &self.uids
    }

    /// The sequence number of a UID.
    pub(super) fn sequence(&self, uid: u32) -> Option<u32> {
        let index = self.uids.binary_search(&uid).ok()?;
        u32::try_from(index + 1).ok()
    }

    /// The UIDs a set means, as ranges; numbers the client does not know of are passed over.
    pub(super) fn ranges(&self, set: &SequenceSet, uid: bool) -> Ranges {
        if set.is_saved() {
            return from_sorted(self.saved.iter().copied().filter(|uid| self.sequence(*uid).is_some()));
        }
        let last = self.uids.last().copied().unwrap_or(0);
        if uid {
            return set.resolve(last);
        }
        let numbers = set.resolve(u32::try_from(self.uids.len()).unwrap_or(u32::MAX));
        set::merge(numbers.iter().flat_map(|range| self.uids_at(range)).collect())
    }

    /// The UIDs a set means, as far as the client knows of them.
    pub(super) fn uids_of(&self, set: &SequenceSet, uid: bool) -> Vec<u32> {
        self.known(&self.ranges(set, uid))
    }

    /// The known UIDs in the ranges.
    pub(super) fn known(&self, ranges: &Ranges) -> Vec<u32> {
        let within = |range: &std::ops::RangeInclusive<u32>| {
            let start = self.uids.partition_point(|uid| uid < range.start());
            let end = self.uids.partition_point(|uid| uid <= range.end());
            &self.uids[start..end]
        };
        ranges.iter().flat_map(within).copied().collect()
    }

    /// The UIDs of consecutive sequence numbers, as ranges with no unknown UID in them.
    fn uids_at(&self, numbers: &std::ops::RangeInclusive<u32>) -> Ranges {
        let uids = &self.uids[*numbers.start() as usize - 1..*numbers.end() as usize];
        match uids {
            [first, .., last] if (last - first) as usize + 1 == uids.len() => vec![*first..=*last],
            uids => from_sorted(uids.iter().copied()),
        }
    }

    /// UIDs as the numbers of an answer: themselves, or their sequence numbers.
    pub(super) fn numbers(&self, uids: &[u32], uid: bool) -> Vec<u32> {
        if uid { uids.to_vec() } else { uids.iter().filter_map(|uid| self.sequence(*uid)).collect() }
    }

    /// These flags need no further word: the command tells them, or must not.
    pub(super) fn told(&mut self, uids: Ranges) {
        self.told.extend(uids);
        self.told = set::merge(std::mem::take(&mut self.told));
    }

    /// Every flag that messages may show, as FLAGS lists them.
    pub(super) fn known_flags(&self) -> String {
        let known =
            SYSTEM_FLAGS.iter().map(|(flag, _)| *flag).chain(self.keywords.iter().map(String::as_str));
        known.collect::<Vec<_>>().join(" ")
    }

    /// Tells of keywords that the client has not heard of, before an answer shows them (RFC 3501 section
    /// 7.2.6).
    pub(super) fn introduce<'i>(&mut self, items: impl IntoIterator<Item = &'i Item>, out: &mut Vec<u8>) {
        let before = self.keywords.len();
        for keyword in items.into_iter().flat_map(|item| &item.flags.keywords) {
            if !self.keywords.contains(keyword) {
                self.keywords.push(keyword.clone());
            }
        }
        if self.keywords.len() > before {
            out.extend_from_slice(format!("* FLAGS ({})\r\n", self.known_flags()).as_bytes());
        }
    }

    /// Waits until the folder changes; returns at once if it has changed already.
    pub(super) async fn changed(&mut self) {
        if self.watch.changed().await.is_err() {
            // The store is closing; the session ends by shutdown.
            std::future::pending::<()>().await;
        }
    }

    /// Where there may be news: the modification sequence to read changes from. `None`: nothing to tell.
    pub(super) fn stale(&mut self, may_expunge: bool) -> Option<u64> {
        let newest = *self.watch.borrow_and_update();
        let news = newest != self.modseq || (may_expunge && !self.gone.is_empty());
        if !news {
            self.told.clear();
        }
        news.then_some(self.modseq)
    }

    /// Takes changes in and tells them: EXPUNGE where that is allowed now, EXISTS, FETCH.
    pub(super) fn absorb(
        &mut self,
        changes: &Changes,
        may_expunge: bool,
        enabled: Enabled,
        out: &mut Vec<u8>,
    ) {
        self.modseq = changes.modseq;
        let known = changes.vanished.iter().copied().filter(|uid| self.uids.binary_search(uid).is_ok());
        self.gone.extend(known);
        self.gone.sort_unstable();
        self.gone.dedup();
        if may_expunge {
            self.tell_expunged(enabled, out);
        }
        let last = self.uids.last().copied().unwrap_or(0);
        let before = self.uids.len();
        self.uids.extend(changes.changed.iter().map(|item| item.uid).filter(|uid| *uid > last));
        if self.uids.len() != before {
            tell_exists(out, self.uids.len());
        }
        self.introduce(&changes.changed, out);
        let told = std::mem::take(&mut self.told);
        let mut told = told.iter().peekable();
        for item in changes.changed.iter().take_while(|item| item.uid <= last) {
            while told.next_if(|range| *range.end() < item.uid).is_some() {}
            if told.peek().is_some_and(|range| range.contains(&item.uid)) {
                continue;
            }
            if let Some(number) = self.sequence(item.uid) {
                tell_flags(out, number, item, enabled);
            }
        }
    }

    fn tell_expunged(&mut self, enabled: Enabled, out: &mut Vec<u8>) {
        let gone = std::mem::take(&mut self.gone);
        if gone.is_empty() {
            return;
        }
        let vanished = enabled.qresync || enabled.uid_only;
        if vanished {
            out.extend_from_slice(b"* VANISHED ");
            write::set(out, &from_sorted(gone.iter().copied()));
            out.extend_from_slice(b"\r\n");
        }
        let mut gone = gone.into_iter().peekable();
        let mut number = 1;
        self.uids.retain(|uid| {
            let stays = gone.next_if_eq(uid).is_none();
            if stays {
                number += 1;
            } else if !vanished {
                out.extend_from_slice(b"* ");
                write::number(out, number);
                out.extend_from_slice(b" EXPUNGE\r\n");
            }
            stays
        });
    }
}

/// `* n EXISTS`
pub(super) fn tell_exists(out: &mut Vec<u8>, exists: usize) {
    out.extend_from_slice(b"* ");
    write::number(out, exists as u64);
    out.extend_from_slice(b" EXISTS\r\n");
}

/// `* n FETCH (`, or `* u UIDFETCH (` for clients that know no numbers (RFC 9586).
pub(super) fn fetch_head(out: &mut Vec<u8>, number: u32, uid: u32, enabled: Enabled) {
    out.extend_from_slice(b"* ");
    write::number(out, if enabled.uid_only { uid } else { number }.into());
    out.extend_from_slice(if enabled.uid_only { b" UIDFETCH (" } else { b" FETCH (" });
}

/// `* n FETCH (UID u FLAGS (…))`, with the modification sequence for clients that follow it.
pub(super) fn tell_flags(out: &mut Vec<u8>, number: u32, item: &Item, enabled: Enabled) {
    fetch_head(out, number, item.uid, enabled);
    if !enabled.uid_only {
        out.extend_from_slice(b"UID ");
        write::number(out, item.uid.into());
        out.push(b' ');
    }
    out.extend_from_slice(b"FLAGS ");
    flags::write(out, item.flags.system, &item.flags.keywords);
    if enabled.condstore {
        out.extend_from_slice(b" MODSEQ (");
        write::number(out, item.modseq);
        out.push(b')');
    }
    out.extend_from_slice(b")\r\n");
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use services::mailbox::{Flags, ItemId};

    use super::*;

    fn view(uids: &[u32]) -> View {
        let (_, watch) = watch::channel(5);
        View::new(FolderId(1), false, uids.to_vec(), 5, watch, Vec::new())
    }

    fn item(uid: u32, system: u8) -> Item {
        let flags = Flags { system, keywords: vec![] };
        Item { id: ItemId(uid.into()), uid, modseq: 9, flags, received: Timestamp::default(), size: 1 }
    }

    fn absorbed(view: &mut View, changed: Vec<Item>, vanished: &[u32], may_expunge: bool) -> String {
        absorbed_as(view, changed, vanished, may_expunge, Enabled::default())
    }

    fn absorbed_as(
        view: &mut View,
        changed: Vec<Item>,
        vanished: &[u32],
        may_expunge: bool,
        enabled: Enabled,
    ) -> String {
        let mut out = Vec::new();
        let changes = Changes { changed, vanished: vanished.to_vec(), modseq: 9 };
        view.absorb(&changes, may_expunge, enabled, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn clients_hear_what_they_switched_on() {
        let qresync = Enabled { qresync: true, condstore: true, ..Enabled::default() };
        let mut known = view(&[3, 4, 5, 9]);
        let text = absorbed_as(&mut known, vec![item(9, 1)], &[3, 4, 7], true, qresync);
        assert_eq!(text, "* VANISHED 3:4\r\n* 2 FETCH (UID 9 FLAGS (\\Seen) MODSEQ (9))\r\n");
        assert_eq!(known.uids(), [5, 9]);
        let uid_only = Enabled { uid_only: true, ..Enabled::default() };
        let text = absorbed_as(&mut known, vec![item(9, 0)], &[5], true, uid_only);
        assert_eq!(text, "* VANISHED 5\r\n* 9 UIDFETCH (FLAGS ())\r\n");
    }

    #[test]
    fn what_was_saved_and_is_gone_is_not_meant() {
        let mut known = view(&[3, 4, 5, 9]);
        known.save(vec![3, 4, 9]);
        let saved = bytes::Bytes::from_static(b"$");
        let saved = SequenceSet::parse(&mut wire::imap::Scanner::new(&saved)).unwrap();
        absorbed(&mut known, vec![], &[4], true);
        assert_eq!(known.ranges(&saved, true), [3..=3, 9..=9]);
        assert_eq!(known.known(&vec![4..=9]), [5, 9]);
    }

    #[test]
    fn sets_become_uid_ranges() {
        let view = view(&[3, 4, 5, 9, 12]);
        let set = |text: &'static str| {
            let bytes = bytes::Bytes::from_static(text.as_bytes());
            SequenceSet::parse(&mut wire::imap::Scanner::new(&bytes)).unwrap()
        };
        assert_eq!(view.ranges(&set("1:3"), false), [3..=5]);
        assert_eq!(view.ranges(&set("2:*"), false), [4..=5, 9..=9, 12..=12]);
        assert_eq!(view.ranges(&set("7"), false), []);
        assert_eq!(view.ranges(&set("4:*"), true), [4..=12]);
        assert_eq!(view.ranges(&set("*"), true), [12..=12]);
        assert_eq!(view.sequence(9), Some(4));
    }

    #[test]
    fn keywords_are_introduced_once() {
        let mut view = view(&[1, 2]);
        let mut work = item(1, 0);
        work.flags.keywords.push("Work".into());
        let text = absorbed(&mut view, vec![work.clone()], &[], true);
        assert_eq!(
            text,
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)\r\n* 1 FETCH (UID 1 FLAGS (Work))\r\n"
        );
        assert!(!absorbed(&mut view, vec![work], &[], true).contains("* FLAGS"));
    }

    #[test]
    fn expunges_wait_until_they_may_be_told() {
        let mut view = view(&[3, 4, 5, 9]);
        assert_eq!(absorbed(&mut view, vec![item(10, 0)], &[3, 5], false), "* 5 EXISTS\r\n");
        assert_eq!(view.sequence(9), Some(4));
        assert_eq!(
            absorbed(&mut view, vec![item(4, 1), item(11, 0)], &[7], true),
            "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n* 4 EXISTS\r\n* 1 FETCH (UID 4 FLAGS (\\Seen))\r\n"
        );
        assert_eq!(view.uids(), [4, 9, 10, 11]);
    }

    #[test]
    fn what_the_command_tells_is_not_told_twice() {
        let mut view = view(&[1, 2, 3]);
        view.told(vec![1..=2]);
        let text = absorbed(&mut view, vec![item(1, 1), item(2, 1), item(3, 1)], &[], true);
        assert_eq!(text, "* 3 FETCH (UID 3 FLAGS (\\Seen))\r\n");
        assert!(absorbed(&mut view, vec![item(1, 0)], &[], true).contains("UID 1"));
    }
}
