//! `Content-Type` and `Content-Disposition` values with their parameters (RFC 2045 section 5.1, RFC 2183).

use std::borrow::Cow;

/// Parameters reported of one field; more are passed over.
const PARAMS_MAX: usize = 64;

/// A field value such as `text/plain; charset=utf-8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameterised<'a> {
    /// What stands before the first `;`, without white space and comments around it.
    pub main: &'a [u8],
    /// Names and values in order, raw: quotes undone, nothing else.
    pub params: Vec<(&'a [u8], Cow<'a, [u8]>)>,
}

impl<'a> Parameterised<'a> {
    /// Reads a raw field value.
    pub fn parse(value: &'a [u8]) -> Self {
        let main_end = value.iter().position(|b| b";(".contains(b)).unwrap_or(value.len());
        let (main, mut rest) = value.split_at(main_end);
        let mut params = Vec::new();
        while let Some(start) = memchr::memchr(b';', rest) {
            if params.len() == PARAMS_MAX {
                break;
            }
            rest = &rest[start + 1..];
            let name_end = rest.iter().position(|b| b";=".contains(b)).unwrap_or(rest.len());
            let name = rest[..name_end].trim_ascii();
            rest = &rest[name_end..];
            let Some(after) = rest.strip_prefix(b"=") else { continue };
            let (param, after) = param_value(after);
            rest = after;
            if !name.is_empty() {
                params.push((name, param));
            }
        }
        Parameterised { main: main.trim_ascii(), params }
    }

    /// The value of the parameter called `name`.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        let found = self.params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_ref())
    }

    /// Type and subtype, where `main` is a media type.
    pub fn media_type(&self) -> Option<(&'a [u8], &'a [u8])> {
        let slash = memchr::memchr(b'/', self.main)?;
        let (kind, subtype) = (self.main[..slash].trim_ascii(), self.main[slash + 1..].trim_ascii());
        (!kind.is_empty() && !subtype.is_empty()).then_some((kind, subtype))
    }
}

/// A token or quoted string, and what follows it.
fn param_value(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end =
            text.iter().position(|b| b";(".contains(b) || b.is_ascii_whitespace()).unwrap_or(text.len());
        return (text[..end].into(), &text[end..]);
    };
    let end = memchr::memchr3(b'"', b'\\', b'\n', quoted).unwrap_or(quoted.len());
    if quoted.get(end) == Some(&b'"') || end == quoted.len() {
        return (quoted[..end].into(), &quoted[quoted.len().min(end + 1)..]);
    }
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(&byte) = quoted.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                value.extend(quoted.get(at));
                at += 1;
            }
            b'\r' | b'\n' | 0 => {}
            _ => value.push(byte),
        }
    }
    (value.into(), &quoted[at.min(quoted.len())..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads() {
        let value = Parameterised::parse(
            b" Text/Plain (c); charset=\"us\\-ascii\";\r\n format = flowed ; bad; name=\"a;b\r\n c\"; x=\"open",
        );
        assert_eq!(value.media_type(), Some((&b"Text"[..], &b"Plain"[..])));
        assert_eq!(value.param("CHARSET"), Some(&b"us-ascii"[..]));
        assert_eq!(value.param("format"), Some(&b"flowed"[..]));
        assert_eq!(value.param("name"), Some(&b"a;b c"[..]));
        assert_eq!(value.param("x"), Some(&b"open"[..]));
        assert_eq!(value.params.len(), 4);
        assert_eq!(Parameterised::parse(b"text").media_type(), None);
        assert_eq!(Parameterised::parse(&b";a=b".repeat(100_000)).params.len(), PARAMS_MAX);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(value in "[a/;=\"\\\\ (\r\n]{0,40}") {
            Parameterised::parse(value.as_bytes());
        }
    }
}
