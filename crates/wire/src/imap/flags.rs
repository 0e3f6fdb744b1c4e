//! Message flags (RFC 3501 section 2.3.2): read, written.

use crate::imap::scan::{ParseError, Parsed, Scanner};

/// The system flags in the order they are written, each with its bit in [`FlagList::system`].
pub const SYSTEM_FLAGS: [(&str, u8); 5] =
    [("\\Answered", 2), ("\\Flagged", 4), ("\\Deleted", 8), ("\\Seen", 1), ("\\Draft", 16)];

/// Keywords one list may hold.
const KEYWORDS_MAX: usize = 64;
/// The longest keyword, bytes.
const KEYWORD_MAX: usize = 128;

/// Flags as a client sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagList {
    /// Bits of [`SYSTEM_FLAGS`].
    pub system: u8,
    /// Keywords, as spelt.
    pub keywords: Vec<String>,
}

impl FlagList {
    /// Reads `(flag …)`.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let mut flags = FlagList::default();
        s.list(KEYWORDS_MAX + SYSTEM_FLAGS.len(), true, |s| flags.add(s))?;
        Ok(flags)
    }

    /// Reads `(flag …)` or flags without parentheses (STORE).
    pub fn parse_bare(s: &mut Scanner<'_>) -> Parsed<Self> {
        if s.peek() == Some(b'(') {
            return Self::parse(s);
        }
        let mut flags = FlagList::default();
        flags.add(s)?;
        while s.take(b' ') {
            flags.add(s)?;
        }
        Ok(flags)
    }

    fn add(&mut self, s: &mut Scanner<'_>) -> Parsed<()> {
        if s.take(b'\\') {
            let name = s.atom()?;
            // \Recent is the server's alone: asking for it changes nothing.
            if !name.eq_ignore_ascii_case("Recent") {
                self.system |= system_flag(name).ok_or(ParseError("Unknown system flag"))?;
            }
            return Ok(());
        }
        let keyword = keyword(s)?;
        if !self.keywords.iter().any(|known| known.eq_ignore_ascii_case(&keyword)) {
            self.keywords.push(keyword);
        }
        if self.keywords.len() > KEYWORDS_MAX { Err(ParseError("Too many keywords")) } else { Ok(()) }
    }
}

/// Reads one keyword.
pub fn keyword(s: &mut Scanner<'_>) -> Parsed<String> {
    let keyword = s.atom()?;
    if keyword.len() > KEYWORD_MAX { Err(ParseError("Keyword too long")) } else { Ok(keyword.to_owned()) }
}

/// The bit of a system flag, its name without `\`.
fn system_flag(name: &str) -> Option<u8> {
    SYSTEM_FLAGS.iter().find(|(flag, _)| flag[1..].eq_ignore_ascii_case(name)).map(|(_, bit)| *bit)
}

/// Appends `(flag …)`.
pub fn write(out: &mut Vec<u8>, system: u8, keywords: &[String]) {
    out.push(b'(');
    let start = out.len();
    let set = SYSTEM_FLAGS.iter().filter(|(_, bit)| system & bit != 0).map(|(flag, _)| *flag);
    for flag in set.chain(keywords.iter().map(String::as_str)) {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_bytes());
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn round_trip() {
        let text = Bytes::from_static(b"(\\Flagged \\SEEN $Work \\Recent $work x)");
        let flags = FlagList::parse(&mut Scanner::new(&text)).unwrap();
        assert_eq!(flags, FlagList { system: 5, keywords: vec!["$Work".into(), "x".into()] });
        let mut out = Vec::new();
        write(&mut out, flags.system, &flags.keywords);
        assert_eq!(out, b"(\\Flagged \\Seen $Work x)");
        for bad in ["(\\Nope)", "(a", "(\\)", "((a))"] {
            assert!(
                FlagList::parse(&mut Scanner::new(&Bytes::from_static(bad.as_bytes()))).is_err(),
                "{bad}"
            );
        }
        let bare = Bytes::from_static(b"\\Seen a");
        assert_eq!(FlagList::parse_bare(&mut Scanner::new(&bare)).unwrap().keywords, ["a"]);
    }
}
