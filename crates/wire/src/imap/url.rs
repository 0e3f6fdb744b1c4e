//! IMAP URLs as CATENATE names messages with them (RFC 5092): relative ones, of the caller's own mailbox.

use crate::imap::scan::{Parsed, Scanner};
use crate::imap::{BodyItem, fetch};

/// What a relative URL names: `/INBOX;UIDVALIDITY=3/;UID=20/;SECTION=1.2/;PARTIAL=0.100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageUrl {
    /// The mailbox, decoded; `None` where the URL leaves it out: the selected one.
    pub mailbox: Option<String>,
    /// Its UIDVALIDITY must be this.
    pub uid_validity: Option<u32>,
    /// The message.
    pub uid: u32,
    /// Which of its bytes; the whole message where nothing is said.
    pub body: Option<BodyItem>,
}

impl MessageUrl {
    /// Reads a URL. `None`: it names no bytes here.
    pub fn parse(url: &str) -> Option<Self> {
        let (before, after) = split_word(url, ";UID=")?;
        let before = before.strip_suffix('/').unwrap_or(before);
        let (mailbox, uid_validity) = match split_word(before, ";UIDVALIDITY=") {
            Some((mailbox, validity)) => (mailbox, Some(validity.parse().ok()?)),
            None => (before, None),
        };
        let mailbox = mailbox.strip_prefix('/').unwrap_or(mailbox);
        let mailbox = if mailbox.is_empty() { None } else { Some(percent_decoded(mailbox)?) };
        let (uid, rest) = after.split_once("/;").map_or((after, None), |(uid, rest)| (uid, Some(rest)));
        let uid = uid.parse().ok().filter(|uid| *uid > 0)?;
        Some(MessageUrl { mailbox, uid_validity, uid, body: rest.map(bytes_of).transpose().ok()? })
    }
}

/// Splits at a word written in any case.
fn split_word<'u>(url: &'u str, word: &str) -> Option<(&'u str, &'u str)> {
    let at = url.to_ascii_uppercase().find(word)?;
    Some((&url[..at], &url[at + word.len()..]))
}

/// `SECTION=1.2/;PARTIAL=0.100`, either or both.
fn bytes_of(text: &str) -> Parsed<BodyItem> {
    let (section, partial) = match split_word(text, "PARTIAL=") {
        Some((section, partial)) => (section.trim_end_matches("/;"), Some(partial)),
        None => (text, None),
    };
    let section = split_word(section, "SECTION=").map_or("", |(_, section)| section);
    let section = percent_decoded(section).unwrap_or_default();
    let item = match partial {
        // A length that is left out means all that follows.
        Some(partial) if !partial.contains('.') => format!("BODY.PEEK[{section}]<{partial}.{}>", u32::MAX),
        Some(partial) => format!("BODY.PEEK[{section}]<{partial}>"),
        None => format!("BODY.PEEK[{section}]"),
    };
    let item = bytes::Bytes::from(item);
    let mut s = Scanner::new(&item);
    let body = fetch::body_item(&mut s)?;
    s.end().map(|()| body)
}

/// Undoes `%41`.
fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url = MessageUrl::parse("/A%20b;uidvalidity=3/;uid=20/;section=1.2/;partial=0.9").unwrap();
        assert_eq!((url.mailbox.as_deref(), url.uid_validity, url.uid), (Some("A b"), Some(3), 20));
        let body = url.body.unwrap();
        assert_eq!((body.section.part, body.partial), (vec![1, 2], Some((0, 9))));
        let plain = MessageUrl::parse("/INBOX/;UID=7").unwrap();
        assert_eq!((plain.mailbox.as_deref(), plain.uid, plain.body), (Some("INBOX"), 7, None));
        assert_eq!(MessageUrl::parse("/;UID=7").unwrap().mailbox, None);
        let header = MessageUrl::parse("/INBOX/;UID=7/;SECTION=HEADER").unwrap().body.unwrap();
        assert_eq!(header.label, "BODY[HEADER]");
        for bad in [
            "",
            "/INBOX",
            "/INBOX/;UID=0",
            "/INBOX/;UID=x",
            "/%zz/;UID=1",
            "/a;UIDVALIDITY=x/;UID=1",
            "/a/;UID=1/;SECTION=]",
        ] {
            assert_eq!(MessageUrl::parse(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(url in "[/;a-zA-Z=%.0-9é]{0,40}", tail in "(/;UID=[0-9]{1,3})?(/;SECTION=[A-Z.0-9]{0,6})?(/;PARTIAL=[0-9.]{0,5})?") {
            let _ = MessageUrl::parse(&format!("{url}{tail}"));
        }
    }
}
