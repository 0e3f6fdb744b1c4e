//! Metadata entries (RFC 5464): their names and values.

use crate::imap::scan::{ParseError, Parsed, Scanner};

/// The longest name, bytes.
const NAME_MAX: usize = 255;

/// An entry a client sets; without a value it is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Lower case: names differ not by case.
    pub name: String,
    /// What it holds.
    pub value: Option<Vec<u8>>,
}

impl Entry {
    /// Reads `name value`.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let name = Self::parse_name(s)?;
        if name.matches('/').count() < 2 {
            return Err(ParseError("Invalid metadata entry name"));
        }
        s.space()?;
        s.take(b'~');
        let value = s.nstring()?.map(std::borrow::Cow::into_owned);
        Ok(Entry { name, value })
    }

    /// Reads a name: `/private…` or `/shared…`, no part of it empty, no wildcard in it.
    pub fn parse_name(s: &mut Scanner<'_>) -> Parsed<String> {
        let name = s.text_string()?.to_ascii_lowercase();
        let known = ["/private", "/shared"]
            .iter()
            .any(|root| name.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let plain = name.bytes().all(|b| (b' '..=b'~').contains(&b) && !b"*%".contains(&b));
        let whole = !name.contains("//") && !name.ends_with('/') && name.len() <= NAME_MAX;
        if known && plain && whole { Ok(name) } else { Err(ParseError("Invalid metadata entry name")) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn entries() {
        let parse = |text: &str| Entry::parse(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())));
        let entry = parse("/Private/Comment {2}\r\nab").unwrap();
        assert_eq!(entry, Entry { name: "/private/comment".into(), value: Some(b"ab".to_vec()) });
        assert_eq!(parse("/shared/comment NIL").unwrap().value, None);
        for bad in [
            "comment x",
            "/private/ NIL",
            "/private//a NIL",
            "/private/a* NIL",
            "/shared/a",
            "/shared NIL",
            "/sharedx/a NIL",
            "/other/a NIL",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
