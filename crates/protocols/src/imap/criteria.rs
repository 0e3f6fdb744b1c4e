//! Whether a message fits what SEARCH asks, decided as soon as enough of it is known.

use services::mailbox::{Item, ItemId, Provenance};
use wire::{
    imap::{Compare, Key, set},
    mime::{
        Address, Summary, SummaryField, date, decode_words, fields, header_len,
        text::{any_header_text, any_text_part},
    },
};

use super::{
    objectid::{origin_of, thread_id},
    view::View,
};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A search key, made ready: sets are UIDs, of several tests the cheap ones come first.
pub(super) enum Test {
    Const(bool),
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Uids(set::Ranges),
    Flag(u8, bool),
    Keyword(String, bool),
    /// Received in these seconds since 1970: from, up to and without.
    Received(i64, i64),
    Sent(Compare, i64),
    Size(Compare, u64),
    Header(String, String),
    Body(String),
    Text(String),
    ModSeq(u64),
    /// Came into the folder in these seconds since 1970: from, up to and without.
    Saved(i64, i64),
    Email(ItemId),
    Thread(String),
}

/// What is known of a message so far.
pub(super) struct Known<'a> {
    pub(super) item: &'a Item,
    /// Once it was read.
    pub(super) provenance: Option<&'a Provenance>,
    /// Once it was read.
    pub(super) summary: Option<&'a Summary>,
    /// Once it was read.
    pub(super) message: Option<&'a [u8]>,
}

impl Test {
    /// Prepares a key. The recursion is bounded by the parser's nesting limit.
    pub(super) fn new(key: &Key, view: &View, now: i64) -> Test {
        let day = |compare: Compare, day: i64| match compare {
            Compare::Less => (i64::MIN, day * DAY),
            Compare::Equal => (day * DAY, (day + 1) * DAY),
            Compare::Greater => (day * DAY, i64::MAX),
        };
        let several = |keys: &mut dyn Iterator<Item = &Key>| {
            let mut tests: Vec<Test> = keys.map(|key| Test::new(key, view, now)).collect();
            tests.sort_by_key(Test::cost);
            tests
        };
        match key {
            Key::All(all) => Test::Const(*all),
            Key::And(keys) => Test::All(several(&mut keys.iter())),
            Key::Or(pair) => Test::Any(several(&mut [&pair.0, &pair.1].into_iter())),
            Key::Not(key) => Test::Not(Box::new(Test::new(key, view, now))),
            Key::Set(set) => Test::Uids(view.ranges(set, false)),
            Key::Uid(set) => Test::Uids(view.ranges(set, true)),
            Key::Flag(bit, set) => Test::Flag(*bit, *set),
            Key::Keyword(keyword, set) => Test::Keyword(keyword.clone(), *set),
            Key::Received(compare, at) => {
                let (from, to) = day(*compare, *at);
                Test::Received(from, to)
            }
            Key::Saved(compare, at) => {
                let (from, to) = day(*compare, *at);
                Test::Saved(from, to)
            }
            Key::EmailId(id) => origin_of(id).map_or(Test::Const(false), Test::Email),
            Key::ThreadId(id) => Test::Thread(id.clone()),
            Key::Within(younger, seconds) => {
                let at = now.saturating_sub(i64::from(*seconds));
                if *younger {
                    Test::Received(at, i64::MAX)
                } else {
                    Test::Received(i64::MIN, at.saturating_add(1))
                }
            }
            Key::Sent(compare, day) => Test::Sent(*compare, *day),
            Key::Size(compare, size) => Test::Size(*compare, *size),
            Key::Header(name, text) => Test::Header(name.clone(), text.clone()),
            Key::Body(text) => Test::Body(text.clone()),
            Key::Text(text) => Test::Text(text.clone()),
            Key::ModSeq(modseq) => Test::ModSeq(*modseq),
        }
    }

    /// What must be read: 0 nothing, 1 the item, 2 its summary, 3 the message.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Test::Const(_) | Test::Uids(_) => 0,
            Test::Flag(..) | Test::Keyword(..) | Test::Received(..) | Test::Size(..) | Test::ModSeq(_) => 1,
            Test::Sent(..) | Test::Saved(..) | Test::Email(_) | Test::Thread(_) => 2,
            Test::Header(name, _) => {
                if summary_field(name).is_some() {
                    2
                } else {
                    3
                }
            }
            Test::Body(_) | Test::Text(_) => 3,
            Test::Not(test) => test.cost(),
            Test::All(tests) | Test::Any(tests) => tests.iter().map(Test::cost).max().unwrap_or(0),
        }
    }

    /// Whether it matters where the message comes from.
    pub(super) fn asks_provenance(&self) -> bool {
        match self {
            Test::Saved(..) | Test::Email(_) => true,
            Test::Not(test) => test.asks_provenance(),
            Test::All(tests) | Test::Any(tests) => tests.iter().any(Test::asks_provenance),
            _ => false,
        }
    }

    /// Whether the message fits; `None` while too little is known.
    pub(super) fn holds(&self, known: &Known<'_>) -> Option<bool> {
        let item = known.item;
        Some(match self {
            Test::Const(fits) => *fits,
            Test::All(tests) => return settle(tests, known, false),
            Test::Any(tests) => return settle(tests, known, true),
            Test::Not(test) => !test.holds(known)?,
            Test::Uids(ranges) => in_ranges(ranges, item.uid),
            Test::Flag(bit, set) => (item.flags.system & bit != 0) == *set,
            Test::Keyword(keyword, set) => {
                item.flags.keywords.iter().any(|k| k.eq_ignore_ascii_case(keyword)) == *set
            }
            Test::Received(from, to) => (*from..*to).contains(&item.received.secs()),
            Test::Sent(compare, day) => {
                let sent = known.summary?.text(SummaryField::Date).and_then(date::parse_sent_date);
                // What has no date was sent when it came.
                let sent = sent.map_or(item.received.secs().div_euclid(DAY), |sent| sent.local_day);
                compares(*compare, sent, *day, true)
            }
            Test::Size(compare, size) => compares(*compare, item.size.into(), *size, false),
            Test::ModSeq(modseq) => item.modseq >= *modseq,
            // What was not noted came when it was received.
            Test::Saved(from, to) => {
                (*from..*to).contains(&known.provenance?.saved.unwrap_or(item.received).secs())
            }
            Test::Email(origin) => known.provenance?.origin == *origin,
            Test::Thread(id) => thread_id(known.summary?).as_ref() == Some(id),
            Test::Header(name, text) => match summary_field(name) {
                Some(field) => in_summary(known.summary?, field, text),
                None => in_header(known.message?, name, text),
            },
            Test::Body(text) => in_body(known.message?, text),
            Test::Text(text) => {
                let message = known.message?;
                any_header_text(&message[..header_len(message)], |line| contains(line, text))
                    || in_body(message, text)
            }
        })
    }
}

/// All of the tests (`decisive` false) or any (`decisive` true): the first decisive answer decides.
fn settle(tests: &[Test], known: &Known<'_>, decisive: bool) -> Option<bool> {
    let mut open = false;
    for test in tests {
        match test.holds(known) {
            Some(answer) if answer == decisive => return Some(decisive),
            Some(_) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(!decisive) }
}

fn compares<T: Ord>(compare: Compare, value: T, with: T, at_least: bool) -> bool {
    match compare {
        Compare::Less => value < with,
        Compare::Equal => value == with,
        Compare::Greater if at_least => value >= with,
        Compare::Greater => value > with,
    }
}

fn in_ranges(ranges: &set::Ranges, uid: u32) -> bool {
    let at = ranges.partition_point(|range| *range.end() < uid);
    ranges.get(at).is_some_and(|range| range.contains(&uid))
}

/// The field of the summary that answers for a header field in full.
fn summary_field(name: &str) -> Option<SummaryField> {
    let field = SummaryField::by_name(name.as_bytes())?;
    (!matches!(field, SummaryField::ContentType | SummaryField::References)).then_some(field)
}

/// Whether text contains a needle that is lower case already, whatever the case of the text.
fn contains(text: &str, needle: &str) -> bool {
    needle.is_empty() || memchr::memmem::find(text.to_lowercase().as_bytes(), needle.as_bytes()).is_some()
}

fn in_summary(summary: &Summary, field: SummaryField, needle: &str) -> bool {
    if needle.is_empty() {
        return summary.has(field);
    }
    if !field.is_address_list() {
        return summary.text(field).is_some_and(|raw| contains(&decode_words(raw), needle));
    }
    let mut text = String::new();
    for address in summary.addresses(field) {
        match address {
            Address::Mailbox { name, local, host } => {
                text.push_str(&name.map(decode_words).unwrap_or_default());
                text.push_str(" <");
                text.push_str(&String::from_utf8_lossy(local));
                text.push('@');
                text.push_str(&String::from_utf8_lossy(host));
                text.push_str(">, ");
            }
            Address::Group(name) => text.push_str(&decode_words(name)),
            Address::EndOfGroup => {}
        }
    }
    contains(&text, needle)
}

fn in_header(message: &[u8], name: &str, needle: &str) -> bool {
    fields(message).filter(|field| field.is(name)).any(|field| contains(&decode_words(field.value), needle))
}

fn in_body(message: &[u8], needle: &str) -> bool {
    any_text_part(message, |text| contains(text, needle))
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use bytes::Bytes;
    use services::mailbox::{Flags, FolderId, ItemId};
    use tokio::sync::watch;
    use wire::imap::Search;

    use super::*;

    const MESSAGE: &[u8] = b"From: =?utf-8?q?J=C3=B6rg?= <j@x.example>\r\nSubject: Hello World\r\n\
        Date: Mon, 2 Jan 2023 23:30:00 -0500\r\nX-Tag: Blue\r\n\r\nSome STRA\xc3\x9fE text\r\n";

    fn fits(text: &'static str) -> bool {
        let key = Search::parse(&mut wire::imap::Scanner::new(&Bytes::from_static(text.as_bytes())));
        let (_, watch) = watch::channel(1);
        let view = View::new(FolderId(1), false, vec![3, 7, 9], 1, watch, Vec::new());
        // 2023-01-03T12:00:00Z, an hour ago.
        let received = Timestamp::from_secs(1_672_747_200);
        let test = Test::new(&key.unwrap().key, &view, received.secs() + 3_600);
        let flags = Flags { system: Flags::SEEN, keywords: vec!["$Work".into()] };
        let item = Item { id: ItemId(1), uid: 7, modseq: 20, flags, received, size: 100 };
        let summary = Summary::parse(MESSAGE);
        let mut known = Known { item: &item, provenance: None, summary: None, message: None };
        let early = test.holds(&known);
        // 2023-01-05T12:00:00Z
        let provenance = Provenance { origin: ItemId(1), saved: Some(Timestamp::from_secs(1_672_920_000)) };
        (known.summary, known.provenance) = (Some(&summary), Some(&provenance));
        let later = test.holds(&known);
        known.message = Some(MESSAGE);
        let last = test.holds(&known);
        assert!(early.is_none() || early == last, "{text}");
        assert!(later.is_none() || later == last, "{text}");
        last.unwrap()
    }

    #[test]
    fn keys_hold() {
        for text in [
            "ALL",
            "SEEN",
            "UNFLAGGED",
            "KEYWORD $work",
            "2",
            "UID 7",
            "UID 1:*",
            "NOT 1",
            "ON 3-Jan-2023",
            "SINCE 3-Jan-2023",
            "BEFORE 4-Jan-2023",
            "SENTON 2-Jan-2023",
            "LARGER 99",
            "SMALLER 101",
            "FROM \"j\u{f6}rg\"",
            "FROM J@X.EXAMPLE",
            "SUBJECT \"lo wor\"",
            "HEADER X-Tag blue",
            "HEADER x-tag \"\"",
            "HEADER SUBJECT \"\"",
            "BODY text",
            "TEXT blue",
            "TEXT \"stra\u{df}e\"",
            "MODSEQ 20",
            "OR UNSEEN BODY some",
            "SEEN BODY some",
            "YOUNGER 3600",
            "OLDER 3600",
            "OLD",
            "EMAILID M1",
            "SAVEDON 5-Jan-2023",
            "NOT SAVEDBEFORE 5-Jan-2023",
            "SAVEDATESUPPORTED",
        ] {
            assert!(fits(text), "{text}");
        }
    }

    #[test]
    fn keys_do_not_hold() {
        for text in [
            "UNSEEN",
            "KEYWORD other",
            "1",
            "3:*",
            "UID 8",
            "NOT ALL",
            "ON 2-Jan-2023",
            "SENTON 3-Jan-2023",
            "SENTSINCE 3-Jan-2023",
            "LARGER 100",
            "SMALLER 100",
            "TO joe",
            "HEADER X-None \"\"",
            "HEADER TO \"\"",
            "BODY blue",
            "TEXT nowhere",
            "MODSEQ 21",
            "SEEN BODY nowhere",
            "OR UNSEEN BODY nowhere",
            "YOUNGER 3599",
            "OLDER 3601",
            "NEW",
            "EMAILID M2",
            "EMAILID X",
            "THREADID T1",
            "SAVEDSINCE 6-Jan-2023",
        ] {
            assert!(!fits(text), "{text}");
        }
    }
}
