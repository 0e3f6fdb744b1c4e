//! What SEARCH, SORT and THREAD ask for (RFC 3501 section 6.4.4, RFC 4731, RFC 5182, RFC 5256, RFC 5267, RFC 7162,
//! RFC 8474, RFC 8514, RFC 9394).

use crate::{
    imap::{
        flags::{self, SYSTEM_FLAGS},
        scan::{ParseError, Parsed, Scanner},
        set::SequenceSet,
        window::Window,
    },
    mime::{date, words::decode_charset},
};

/// How deep keys may nest.
pub const NESTING_MAX: usize = 32;
/// Keys one search may hold.
const KEYS_MAX: usize = 1_024;

/// How a day or size compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Smaller than, earlier than.
    Less,
    /// On that day.
    Equal,
    /// Larger than; on that day or later.
    Greater,
}

/// A search key. Days count from 1970-01-01; text is lower case already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Every message; `false`: none.
    All(bool),
    /// All of these.
    And(Vec<Key>),
    /// Either.
    Or(Box<(Key, Key)>),
    /// Not this.
    Not(Box<Key>),
    /// By sequence number.
    Set(SequenceSet),
    /// By UID.
    Uid(SequenceSet),
    /// A system flag's bit, and whether it is set.
    Flag(u8, bool),
    /// A keyword, and whether it is set.
    Keyword(String, bool),
    /// The day of INTERNALDATE.
    Received(Compare, i64),
    /// Received within so many seconds (`true`), or longer ago (RFC 5032).
    Within(bool, u32),
    /// The day the `Date` field names.
    Sent(Compare, i64),
    /// RFC822.SIZE.
    Size(Compare, u64),
    /// A header field (its name) contains the text, or is there at all where the text is empty.
    Header(String, String),
    /// The body contains the text.
    Body(String),
    /// Header or body contain the text.
    Text(String),
    /// The modification sequence is at least this.
    ModSeq(u64),
    /// The day it came into this folder.
    Saved(Compare, i64),
    /// EMAILID.
    EmailId(String),
    /// THREADID.
    ThreadId(String),
}

impl Key {
    /// Whether the key holds a key that `wanted` holds for. The recursion is bounded by [`NESTING_MAX`].
    pub fn any(&self, wanted: &dyn Fn(&Key) -> bool) -> bool {
        wanted(self)
            || match self {
                Key::And(keys) => keys.iter().any(|key| key.any(wanted)),
                Key::Or(pair) => pair.0.any(wanted) || pair.1.any(wanted),
                Key::Not(key) => key.any(wanted),
                _ => false,
            }
    }
}

/// The results an extended search returns (RFC 4731).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Return {
    /// The lowest number.
    pub min: bool,
    /// The highest number.
    pub max: bool,
    /// All of them, as a set.
    pub all: bool,
    /// How many.
    pub count: bool,
    /// Those in a window.
    pub window: Option<Window>,
    /// Keep what was found as `$`.
    pub save: bool,
    /// Tell of changes to the result until the client cancels (RFC 5267).
    pub update: bool,
}

/// What SORT orders by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// INTERNALDATE
    Arrival,
    /// The first address of `Cc`
    Cc,
    /// The day and time the message was sent
    Date,
    /// The first address of `From`
    From,
    /// RFC822.SIZE
    Size,
    /// The base subject
    Subject,
    /// The first address of `To`
    To,
    /// The name shown for `From` (RFC 5957)
    DisplayFrom,
    /// The name shown for `To` (RFC 5957)
    DisplayTo,
}

/// SORT's keys by name.
const SORT_KEYS: [(&str, SortKey); 9] = [
    ("ARRIVAL", SortKey::Arrival),
    ("CC", SortKey::Cc),
    ("DATE", SortKey::Date),
    ("FROM", SortKey::From),
    ("SIZE", SortKey::Size),
    ("SUBJECT", SortKey::Subject),
    ("TO", SortKey::To),
    ("DISPLAYFROM", SortKey::DisplayFrom),
    ("DISPLAYTO", SortKey::DisplayTo),
];

/// How THREAD puts messages together (RFC 5256).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// By base subject alone.
    OrderedSubject,
    /// By the message identifiers they refer to, then by subject.
    References,
}

/// SEARCH's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// `RETURN (…)`; `None` for the plain form.
    pub results: Option<Return>,
    /// The charset named is one that is not known here.
    pub unknown_charset: bool,
    /// What is sought.
    pub key: Key,
}

impl Search {
    /// Reads SEARCH's arguments up to the end of the command.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let results = results_before(s)?;
        let mut charset = b"UTF-8".to_vec();
        if s.take_word("CHARSET ") {
            charset = s.astring()?.into_owned();
            s.space()?;
        }
        Self::rest(s, results, charset)
    }

    /// Reads SORT's arguments: what to order by, each reversed or not, and what is sought.
    pub fn parse_sort(s: &mut Scanner<'_>) -> Parsed<(Vec<(SortKey, bool)>, Self)> {
        let results = results_before(s)?;
        let order = s.list(SORT_KEYS.len(), false, |s| {
            let reverse = s.take_word("REVERSE ");
            let word = s.word()?;
            let found = SORT_KEYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            found.map(|(_, key)| (*key, reverse)).ok_or(ParseError("Unknown SORT key"))
        })?;
        s.space()?;
        let charset = s.astring()?.into_owned();
        s.space()?;
        Ok((order, Self::rest(s, results, charset)?))
    }

    /// Reads THREAD's arguments.
    pub fn parse_thread(s: &mut Scanner<'_>) -> Parsed<(Threading, Self)> {
        let threading = match s.word()?.to_ascii_uppercase().as_str() {
            "ORDEREDSUBJECT" => Threading::OrderedSubject,
            "REFERENCES" => Threading::References,
            _ => return Err(ParseError("Unknown THREAD algorithm")),
        };
        s.space()?;
        let charset = s.astring()?.into_owned();
        s.space()?;
        Ok((threading, Self::rest(s, None, charset)?))
    }

    fn rest(s: &mut Scanner<'_>, results: Option<Return>, charset: Vec<u8>) -> Parsed<Self> {
        let unknown_charset = encoding_rs::Encoding::for_label(&charset).is_none();
        let key = Keys { charset, left: KEYS_MAX }.keys(s, NESTING_MAX)?;
        s.end()?;
        Ok(Search { results, unknown_charset, key })
    }
}

fn results_before(s: &mut Scanner<'_>) -> Parsed<Option<Return>> {
    if !s.take_word("RETURN ") {
        return Ok(None);
    }
    let results = results(s)?;
    s.space()?;
    Ok(Some(results))
}

fn results(s: &mut Scanner<'_>) -> Parsed<Return> {
    let mut wanted = Return::default();
    s.list(8, true, |s| {
        match s.word()?.to_ascii_uppercase().as_str() {
            "MIN" => wanted.min = true,
            "MAX" => wanted.max = true,
            "ALL" => wanted.all = true,
            "COUNT" => wanted.count = true,
            "SAVE" => wanted.save = true,
            "UPDATE" => wanted.update = true,
            // Only a hint that more will be asked of the same search.
            "CONTEXT" => {}
            "PARTIAL" => {
                s.space()?;
                wanted.window = Some(Window::parse(s)?);
            }
            _ => return Err(ParseError("Unknown SEARCH return option")),
        }
        Ok(())
    })?;
    let Return { min, max, all, count, window, save, update } = wanted;
    if all && window.is_some() {
        return Err(ParseError("ALL and PARTIAL exclude each other"));
    }
    wanted.all |= !(min || max || count || window.is_some() || save || update);
    Ok(wanted)
}

/// Keys without arguments.
const PLAIN: [(&str, Key); 15] = [
    ("ALL", Key::All(true)),
    ("ANSWERED", Key::Flag(SYSTEM_FLAGS[0].1, true)),
    ("UNANSWERED", Key::Flag(SYSTEM_FLAGS[0].1, false)),
    ("FLAGGED", Key::Flag(SYSTEM_FLAGS[1].1, true)),
    ("UNFLAGGED", Key::Flag(SYSTEM_FLAGS[1].1, false)),
    ("DELETED", Key::Flag(SYSTEM_FLAGS[2].1, true)),
    ("UNDELETED", Key::Flag(SYSTEM_FLAGS[2].1, false)),
    ("SEEN", Key::Flag(SYSTEM_FLAGS[3].1, true)),
    ("UNSEEN", Key::Flag(SYSTEM_FLAGS[3].1, false)),
    ("DRAFT", Key::Flag(SYSTEM_FLAGS[4].1, true)),
    ("UNDRAFT", Key::Flag(SYSTEM_FLAGS[4].1, false)),
    // No session is told of \Recent: nothing is recent or new, everything is old.
    ("RECENT", Key::All(false)),
    ("NEW", Key::All(false)),
    ("OLD", Key::All(true)),
    ("SAVEDATESUPPORTED", Key::All(true)),
];

/// What the keys of one search share.
struct Keys {
    /// The charset of its texts.
    charset: Vec<u8>,
    /// Keys that may still come.
    left: usize,
}

impl Keys {
    /// Keys separated by spaces: all of them.
    fn keys(&mut self, s: &mut Scanner<'_>, depth: usize) -> Parsed<Key> {
        let mut keys = vec![self.key(s, depth)?];
        while s.take(b' ') {
            keys.push(self.key(s, depth)?);
        }
        Ok(if keys.len() == 1 { keys.swap_remove(0) } else { Key::And(keys) })
    }

    /// One key. The recursion is bounded by `depth`, which starts at [`NESTING_MAX`].
    fn key(&mut self, s: &mut Scanner<'_>, depth: usize) -> Parsed<Key> {
        let depth = depth.checked_sub(1).ok_or(ParseError("SEARCH nested too deeply"))?;
        self.left = self.left.checked_sub(1).ok_or(ParseError("Too many SEARCH keys"))?;
        match s.peek() {
            Some(b'(') => {
                s.expect(b'(')?;
                let inner = self.keys(s, depth)?;
                s.expect(b')')?;
                return Ok(inner);
            }
            Some(b'*' | b'$' | b'0'..=b'9') => return Ok(Key::Set(SequenceSet::parse(s)?)),
            _ => {}
        }
        let word = s.word()?.to_ascii_uppercase();
        if let Some((_, key)) = PLAIN.iter().find(|(name, _)| *name == word) {
            return Ok(key.clone());
        }
        s.space().map_err(|_| ParseError("Unknown SEARCH key or missing argument"))?;
        Ok(match word.as_str() {
            "NOT" => Key::Not(Box::new(self.key(s, depth)?)),
            "OR" => {
                let first = self.key(s, depth)?;
                s.space()?;
                Key::Or(Box::new((first, self.key(s, depth)?)))
            }
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Key::Header(word.to_lowercase(), self.needle(s)?),
            "HEADER" => {
                let name = s.text_string()?.to_lowercase();
                s.space()?;
                Key::Header(name, self.needle(s)?)
            }
            "BODY" => Key::Body(self.needle(s)?),
            "TEXT" => Key::Text(self.needle(s)?),
            _ => with_argument(s, &word)?,
        })
    }

    /// Text to look for, in lower case.
    fn needle(&self, s: &mut Scanner<'_>) -> Parsed<String> {
        let bytes = s.astring()?;
        if bytes.contains(&0) {
            return Err(ParseError("NUL in text"));
        }
        if self.charset.eq_ignore_ascii_case(b"UTF-8") {
            let text = std::str::from_utf8(&bytes).map_err(|_| ParseError("Text is not UTF-8"))?;
            return Ok(text.to_lowercase());
        }
        Ok(decode_charset(&self.charset, &bytes).to_lowercase())
    }
}

/// A key whose argument is no text to look for.
fn with_argument(s: &mut Scanner<'_>, word: &str) -> Parsed<Key> {
    Ok(match word {
        "UID" => Key::Uid(SequenceSet::parse(s)?),
        "KEYWORD" => Key::Keyword(flags::keyword(s)?, true),
        "UNKEYWORD" => Key::Keyword(flags::keyword(s)?, false),
        "BEFORE" => Key::Received(Compare::Less, day(s)?),
        "ON" => Key::Received(Compare::Equal, day(s)?),
        "SINCE" => Key::Received(Compare::Greater, day(s)?),
        "SAVEDBEFORE" => Key::Saved(Compare::Less, day(s)?),
        "SAVEDON" => Key::Saved(Compare::Equal, day(s)?),
        "SAVEDSINCE" => Key::Saved(Compare::Greater, day(s)?),
        "YOUNGER" => Key::Within(true, s.number()?),
        "OLDER" => Key::Within(false, s.number()?),
        "SENTBEFORE" => Key::Sent(Compare::Less, day(s)?),
        "SENTON" => Key::Sent(Compare::Equal, day(s)?),
        "SENTSINCE" => Key::Sent(Compare::Greater, day(s)?),
        "LARGER" => Key::Size(Compare::Greater, s.number64()?),
        "SMALLER" => Key::Size(Compare::Less, s.number64()?),
        "EMAILID" => Key::EmailId(s.atom()?.to_owned()),
        "THREADID" => Key::ThreadId(s.atom()?.to_owned()),
        "MODSEQ" => {
            // An entry name and type may stand before the number; all flags share one sequence here.
            if s.peek() == Some(b'"') {
                s.string()?;
                s.space()?;
                s.atom()?;
                s.space()?;
            }
            Key::ModSeq(s.number64()?)
        }
        _ => return Err(ParseError("Unknown SEARCH key")),
    })
}

/// `d-Mon-yyyy`, quoted or not, as days from 1970-01-01.
fn day(s: &mut Scanner<'_>) -> Parsed<i64> {
    let text = s.astring()?;
    std::str::from_utf8(&text).ok().and_then(date::parse_imap_day).ok_or(ParseError("Invalid date"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(text: &str) -> Parsed<Search> {
        Search::parse(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn keys() {
        for (text, expected) in [
            ("ALL", "All(true)"),
            ("unseen", "Flag(1, false)"),
            ("SINCE 2-Jan-1970 NOT SEEN", "And([Received(Greater, 1), Not(Flag(1, true))])"),
            (
                "OR FROM Ann (TO {1}\r\nB TEXT \"x Y\")",
                "Or((Header(\"from\", \"ann\"), And([Header(\"to\", \"b\"), Text(\"x y\")])))",
            ),
            ("HEADER X-Y \"\"", "Header(\"x-y\", \"\")"),
            ("CHARSET UTF-8 KEYWORD $Work LARGER 10", "And([Keyword(\"$Work\", true), Size(Greater, 10)])"),
            ("MODSEQ \"/flags/\\\\draft\" all 7", "ModSeq(7)"),
        ] {
            assert_eq!(parse(text).map(|search| format!("{:?}", search.key)), Ok(expected.into()), "{text}");
        }
        for bad in
            ["", "NOPE", "NOT", "OR SEEN", "(SEEN", "SEEN)", "ON 32-Jan-2020", "RETURN (X) ALL", "LARGER x"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("CHARSET klingon ALL").unwrap().unknown_charset);
        let koi = Bytes::from_static(b"CHARSET koi8-r SUBJECT {3}\r\n\xcd\xc9\xd2");
        let koi = Search::parse(&mut Scanner::new(&koi)).unwrap();
        assert_eq!((koi.unknown_charset, koi.key), (false, Key::Header("subject".into(), "мир".into())));
        let results = parse("RETURN (MIN COUNT) ALL").unwrap().results.unwrap();
        assert_eq!(results, Return { min: true, count: true, ..Return::default() });
        assert!(parse("RETURN () ALL").unwrap().results.unwrap().all);
        let saved = parse("RETURN (SAVE) UID $").unwrap().results.unwrap();
        assert!(saved.save && !saved.all);
        assert!(parse("RETURN (ALL PARTIAL 1:2) ALL").is_err());
    }

    #[test]
    fn sort_and_thread() {
        let scan = |text: &'static str| Bytes::from_static(text.as_bytes());
        let text = scan("RETURN (COUNT) (REVERSE DATE SUBJECT) UTF-8 UNSEEN");
        let (order, search) = Search::parse_sort(&mut Scanner::new(&text)).unwrap();
        assert_eq!(order, [(SortKey::Date, true), (SortKey::Subject, false)]);
        assert!(search.results.unwrap().count);
        let text = scan("REFERENCES us-ascii ALL");
        assert_eq!(Search::parse_thread(&mut Scanner::new(&text)).unwrap().0, Threading::References);
        for bad in ["() UTF-8 ALL", "(NOPE) UTF-8 ALL", "(DATE) ALL", "(DATE) UTF-8", "(REVERSE) UTF-8 ALL"] {
            assert!(Search::parse_sort(&mut Scanner::new(&scan(bad))).is_err(), "{bad}");
        }
        assert!(Search::parse_thread(&mut Scanner::new(&scan("REFS UTF-8 ALL"))).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(parse(&("NOT ".repeat(30) + "SEEN")).is_ok());
        for bomb in
            ["NOT ".repeat(40) + "SEEN", "(".repeat(60_000), "OR ".repeat(20_000), "SEEN ".repeat(2_000)]
        {
            assert!(parse(&bomb).is_err());
        }
    }
}
