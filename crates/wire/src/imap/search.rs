//! What SEARCH asks for (RFC 3501 section 6.4.4, RFC 4731, RFC 7162).

use crate::{
    imap::{
        flags::{self, SYSTEM_FLAGS},
        scan::{ParseError, Parsed, Scanner},
        set::SequenceSet,
    },
    mime::date,
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
    /// Reads the arguments up to the end of the command.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let results = if s.take_word("RETURN ") { Some(results(s)?) } else { None };
        if results.is_some() {
            s.space()?;
        }
        let mut unknown_charset = false;
        if s.take_word("CHARSET ") {
            let charset = s.astring()?;
            unknown_charset =
                !["UTF-8", "US-ASCII"].iter().any(|c| c.as_bytes().eq_ignore_ascii_case(&charset));
            s.space()?;
        }
        let mut left = KEYS_MAX;
        let key = keys(s, NESTING_MAX, &mut left)?;
        s.end()?;
        Ok(Search { results, unknown_charset, key })
    }
}

fn results(s: &mut Scanner<'_>) -> Parsed<Return> {
    let mut wanted = Return::default();
    s.list(8, true, |s| {
        match s.word()?.to_ascii_uppercase().as_str() {
            "MIN" => wanted.min = true,
            "MAX" => wanted.max = true,
            "ALL" => wanted.all = true,
            "COUNT" => wanted.count = true,
            _ => return Err(ParseError("Unknown SEARCH return option")),
        }
        Ok(())
    })?;
    if wanted == Return::default() {
        wanted.all = true;
    }
    Ok(wanted)
}

/// Keys separated by spaces: all of them.
fn keys(s: &mut Scanner<'_>, depth: usize, left: &mut usize) -> Parsed<Key> {
    let mut keys = vec![key(s, depth, left)?];
    while s.take(b' ') {
        keys.push(key(s, depth, left)?);
    }
    Ok(if keys.len() == 1 { keys.swap_remove(0) } else { Key::And(keys) })
}

/// Keys without arguments.
const PLAIN: [(&str, Key); 14] = [
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
];

/// One key. The recursion is bounded by `depth`, which starts at [`NESTING_MAX`].
fn key(s: &mut Scanner<'_>, depth: usize, left: &mut usize) -> Parsed<Key> {
    let depth = depth.checked_sub(1).ok_or(ParseError("SEARCH nested too deeply"))?;
    *left = left.checked_sub(1).ok_or(ParseError("Too many SEARCH keys"))?;
    match s.peek() {
        Some(b'(') => {
            s.expect(b'(')?;
            let inner = keys(s, depth, left)?;
            s.expect(b')')?;
            return Ok(inner);
        }
        Some(b'*' | b'0'..=b'9') => return Ok(Key::Set(SequenceSet::parse(s)?)),
        _ => {}
    }
    let word = s.word()?.to_ascii_uppercase();
    if let Some((_, key)) = PLAIN.iter().find(|(name, _)| *name == word) {
        return Ok(key.clone());
    }
    s.space().map_err(|_| ParseError("Unknown SEARCH key or missing argument"))?;
    Ok(match word.as_str() {
        "NOT" => Key::Not(Box::new(key(s, depth, left)?)),
        "OR" => {
            let first = key(s, depth, left)?;
            s.space()?;
            Key::Or(Box::new((first, key(s, depth, left)?)))
        }
        "UID" => Key::Uid(SequenceSet::parse(s)?),
        "KEYWORD" => Key::Keyword(flags::keyword(s)?, true),
        "UNKEYWORD" => Key::Keyword(flags::keyword(s)?, false),
        "BEFORE" => Key::Received(Compare::Less, day(s)?),
        "ON" => Key::Received(Compare::Equal, day(s)?),
        "SINCE" => Key::Received(Compare::Greater, day(s)?),
        "YOUNGER" => Key::Within(true, s.number()?),
        "OLDER" => Key::Within(false, s.number()?),
        "SENTBEFORE" => Key::Sent(Compare::Less, day(s)?),
        "SENTON" => Key::Sent(Compare::Equal, day(s)?),
        "SENTSINCE" => Key::Sent(Compare::Greater, day(s)?),
        "LARGER" => Key::Size(Compare::Greater, s.number64()?),
        "SMALLER" => Key::Size(Compare::Less, s.number64()?),
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Key::Header(word.to_lowercase(), needle(s)?),
        "HEADER" => {
            let name = s.text_string()?.to_lowercase();
            s.space()?;
            Key::Header(name, needle(s)?)
        }
        "BODY" => Key::Body(needle(s)?),
        "TEXT" => Key::Text(needle(s)?),
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

fn needle(s: &mut Scanner<'_>) -> Parsed<String> {
    s.text_string().map(|text| text.to_lowercase())
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
        assert!(parse("CHARSET koi8-r ALL").unwrap().unknown_charset);
        let results = parse("RETURN (MIN COUNT) ALL").unwrap().results.unwrap();
        assert_eq!(results, Return { min: true, count: true, ..Return::default() });
        assert!(parse("RETURN () ALL").unwrap().results.unwrap().all);
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
