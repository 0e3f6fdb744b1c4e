//! The arguments of LIST, STATUS and their relatives (RFC 3501, 5258, 5819, 6154, 8438, 7889).

use crate::imap::{
    metadata::Entry,
    scan::{ParseError, Parsed, Scanner},
};

/// Patterns one LIST may hold.
const PATTERNS_MAX: usize = 32;
/// Their length together with the reference, bytes: what is matched against every folder's name.
const PATTERN_BYTES_MAX: usize = 1_024;

/// A figure STATUS can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// `MESSAGES`
    Messages,
    /// `RECENT`
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`
    Unseen,
    /// `DELETED`
    Deleted,
    /// `SIZE`
    Size,
    /// `HIGHESTMODSEQ`
    HighestModSeq,
    /// `APPENDLIMIT`
    AppendLimit,
    /// `MAILBOXID` (RFC 8474)
    MailboxId,
    /// `DELETED-STORAGE` (RFC 9208)
    DeletedStorage,
}

use StatusItem as I;

/// The figures and their names.
pub const STATUS_ITEMS: [(&str, StatusItem); 11] = [
    ("MESSAGES", I::Messages),
    ("RECENT", I::Recent),
    ("UIDNEXT", I::UidNext),
    ("UIDVALIDITY", I::UidValidity),
    ("UNSEEN", I::Unseen),
    ("DELETED", I::Deleted),
    ("SIZE", I::Size),
    ("HIGHESTMODSEQ", I::HighestModSeq),
    ("APPENDLIMIT", I::AppendLimit),
    ("MAILBOXID", I::MailboxId),
    ("DELETED-STORAGE", I::DeletedStorage),
];

/// Reads `(item …)`.
pub fn status_items(s: &mut Scanner<'_>) -> Parsed<Vec<StatusItem>> {
    let mut items = s.list(32, false, |s| {
        let word = s.word()?;
        let found = STATUS_ITEMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map(|(_, item)| *item).ok_or(ParseError("Unknown STATUS item"))
    })?;
    let mut seen = Vec::new();
    items.retain(|item| {
        !seen.contains(item) && {
            seen.push(*item);
            true
        }
    });
    Ok(items)
}

/// LIST and LSUB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Only subscribed folders.
    pub select_subscribed: bool,
    /// Only folders with a special use.
    pub select_special_use: bool,
    /// Folders above selected ones too, marked CHILDINFO.
    pub recursive_match: bool,
    /// What the patterns are relative to.
    pub reference: String,
    /// Names with `*` and `%`.
    pub patterns: Vec<String>,
    /// Tell subscriptions.
    pub return_subscribed: bool,
    /// Tell whether there are children (always told here).
    pub return_children: bool,
    /// Tell special uses (always told here).
    pub return_special_use: bool,
    /// Tell these figures.
    pub return_status: Vec<StatusItem>,
    /// Tell what the caller may do (RFC 8440).
    pub return_my_rights: bool,
    /// Tell these metadata entries (RFC 9590).
    pub return_metadata: Vec<String>,
}

impl List {
    /// Reads the arguments of LIST with its extensions.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let mut list = List::default();
        if s.peek() == Some(b'(') {
            s.list(8, true, |s| {
                match s.word()?.to_ascii_uppercase().as_str() {
                    "SUBSCRIBED" => list.select_subscribed = true,
                    "SPECIAL-USE" => list.select_special_use = true,
                    "RECURSIVEMATCH" => list.recursive_match = true,
                    "REMOTE" => {}
                    _ => return Err(ParseError("Unknown LIST selection option")),
                }
                Ok(())
            })?;
            if list.recursive_match && !list.select_subscribed && !list.select_special_use {
                return Err(ParseError("RECURSIVEMATCH needs another selection option"));
            }
            s.space()?;
        }
        list.reference = s.mailbox()?;
        s.space()?;
        list.patterns = if s.peek() == Some(b'(') {
            s.list(PATTERNS_MAX, false, Scanner::list_mailbox)?
        } else {
            vec![s.list_mailbox()?]
        };
        if s.take_word(" RETURN ") {
            list.returns(s)?;
        }
        s.end()?;
        list.check_patterns()?;
        // A client that selects by a quality wants to see it (RFC 5258 section 3.1).
        list.return_subscribed |= list.select_subscribed;
        Ok(list)
    }

    fn returns(&mut self, s: &mut Scanner<'_>) -> Parsed<()> {
        s.list(8, true, |s| {
            match s.word()?.to_ascii_uppercase().as_str() {
                "SUBSCRIBED" => self.return_subscribed = true,
                "CHILDREN" => self.return_children = true,
                "SPECIAL-USE" => self.return_special_use = true,
                "MYRIGHTS" => self.return_my_rights = true,
                "METADATA" => {
                    s.space()?;
                    self.return_metadata = s.list(32, false, Entry::parse_name)?;
                }
                "STATUS" => {
                    s.space()?;
                    self.return_status = status_items(s)?;
                }
                _ => return Err(ParseError("Unknown LIST return option")),
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Reads the arguments of LSUB.
    pub fn parse_lsub(s: &mut Scanner<'_>) -> Parsed<Self> {
        let reference = s.mailbox()?;
        s.space()?;
        let patterns = vec![s.list_mailbox()?];
        s.end()?;
        let list = List { reference, patterns, select_subscribed: true, ..List::default() };
        list.check_patterns()?;
        Ok(list)
    }

    fn check_patterns(&self) -> Parsed<()> {
        let bytes: usize = self.patterns.iter().map(|pattern| pattern.len() + self.reference.len()).sum();
        if bytes > PATTERN_BYTES_MAX { Err(ParseError("Mailbox pattern too long")) } else { Ok(()) }
    }
}

/// Whether a name fits a pattern: `*` stands for anything, `%` for anything but the delimiter
/// (RFC 3501 section 6.3.8). Time is the product of the lengths, memory that of the name.
pub fn pattern_matches(pattern: &str, name: &str, delimiter: char) -> bool {
    let name: Vec<char> = name.chars().collect();
    // reached[i]: the pattern so far can have taken the first i characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for wanted in pattern.chars() {
        if matches!(wanted, '*' | '%') {
            for i in 0..name.len() {
                reached[i + 1] |= reached[i] && (wanted == '*' || name[i] != delimiter);
            }
        } else {
            for i in (0..name.len()).rev() {
                reached[i + 1] = reached[i] && name[i] == wanted;
            }
            reached[0] = false;
        }
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(text: &str) -> Parsed<List> {
        List::parse(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn list_forms() {
        let plain = parse("\"\" *").unwrap();
        assert_eq!((plain.reference.as_str(), plain.patterns), ("", vec!["*".to_owned()]));
        let full = parse("(SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX \"a/%\") RETURN (CHILDREN STATUS (MESSAGES SIZE messages))").unwrap();
        assert_eq!(full.return_status, [StatusItem::Messages, StatusItem::Size]);
        assert!(full.select_subscribed && full.recursive_match && full.return_subscribed);
        assert_eq!(full.patterns, ["INBOX", "a/%"]);
        assert!(parse(&format!("\"\" {}", "*%".repeat(600))).is_err());
        for bad in ["\"\"", "(X) \"\" *", "(RECURSIVEMATCH) \"\" *", "\"\" * RETURN (X)", "\"\" * x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a*c", "a/b/c", true),
            ("a", "ab", false),
            ("", "", true),
            ("%b*", "xxb/y", true),
            ("", "a", false),
        ] {
            assert_eq!(pattern_matches(pattern, name, '/'), fits, "{pattern} {name}");
        }
        assert!(!pattern_matches(&"*a".repeat(1_000), &"a".repeat(500), '/'));
    }
}
