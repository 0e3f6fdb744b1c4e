//! The bytes a section of a message names (RFC 3501 section 6.4.5), exactly as received.

use std::{borrow::Cow, cell::OnceCell};

use crate::mime::{Kind, Structure, field, fields, header_len, transfer};

/// Which bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Part numbers; empty for the whole message.
    pub part: Vec<u32>,
    /// What of the part.
    pub text: SectionText,
}

/// What of a message or part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// The whole message, or a part's body.
    Whole,
    /// The header of a message.
    Header,
    /// The fields named.
    Fields(Vec<String>),
    /// The fields not named.
    FieldsNot(Vec<String>),
    /// The body of a message.
    Text,
    /// The MIME header of a part.
    Mime,
}

/// A message; its structure is found when first asked for.
#[derive(Debug)]
pub struct Message<'m> {
    bytes: &'m [u8],
    structure: OnceCell<Structure>,
}

impl<'m> Message<'m> {
    /// Wraps the received bytes.
    pub fn new(bytes: &'m [u8]) -> Self {
        Message { bytes, structure: OnceCell::new() }
    }

    /// The received bytes.
    pub fn bytes(&self) -> &'m [u8] {
        self.bytes
    }

    /// The parts.
    pub fn structure(&self) -> &Structure {
        self.structure.get_or_init(|| Structure::parse(self.bytes))
    }

    /// The bytes of a section; `None` where the message has no such part.
    pub fn section(&self, section: &Section) -> Option<Cow<'m, [u8]>> {
        if section.part.is_empty() {
            let split = || self.bytes.split_at(header_len(self.bytes));
            return Some(match &section.text {
                SectionText::Whole => self.bytes.into(),
                SectionText::Text => split().1.into(),
                text => header_text(split().0, text),
            });
        }
        let structure = self.structure();
        let index = structure.find(&section.part)?;
        let part = structure.parts().get(index)?;
        let inner = structure.parts().get(index + 1).filter(|_| part.kind == Kind::Message);
        match &section.text {
            SectionText::Whole => Some(self.bytes[part.body.clone()].into()),
            SectionText::Mime => Some(self.bytes[part.header.clone()].into()),
            SectionText::Text => inner.map(|inner| self.bytes[inner.body.clone()].into()),
            text => inner.map(|inner| header_text(&self.bytes[inner.header.clone()], text)),
        }
    }
}

/// The transfer encoding of a part is not one known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEncoding;

impl<'m> Message<'m> {
    /// The bytes of a part with its transfer encoding undone (RFC 3516); `None` where there is no such part.
    pub fn binary(&self, part: &[u32]) -> Option<Result<Cow<'m, [u8]>, UnknownEncoding>> {
        if part.is_empty() {
            return Some(Ok(self.bytes.into()));
        }
        let structure = self.structure();
        let part = structure.parts().get(structure.find(part)?)?;
        let body = &self.bytes[part.body.clone()];
        let encoding = field(&self.bytes[part.header.clone()], "Content-Transfer-Encoding");
        let encoding = encoding.unwrap_or_default().trim_ascii().to_ascii_lowercase();
        Some(match encoding.as_slice() {
            _ if part.kind != Kind::Leaf => Ok(body.into()),
            b"" | b"7bit" | b"8bit" | b"binary" => Ok(body.into()),
            b"base64" => Ok(transfer::base64(body).into()),
            b"quoted-printable" => Ok(transfer::quoted_printable(body).into()),
            _ => Err(UnknownEncoding),
        })
    }
}

fn header_text<'m>(header: &'m [u8], text: &SectionText) -> Cow<'m, [u8]> {
    let (names, wanted) = match text {
        SectionText::Fields(names) => (names, true),
        SectionText::FieldsNot(names) => (names, false),
        _ => return header.into(),
    };
    let mut out = Vec::new();
    for field in fields(header) {
        if names.iter().any(|name| field.is(name)) == wanted {
            out.extend_from_slice(field.raw);
        }
    }
    if !matches!(out.last(), None | Some(b'\n')) {
        // The last field of a message without a body may lack its line end.
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.into()
}

/// The `count` bytes from `start`, as far as there are any.
pub fn partial(bytes: &[u8], start: u32, count: u32) -> &[u8] {
    let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    &bytes[start..bytes.len().min(start.saturating_add(count))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"Subject: s\r\nTo: a\r\n b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\nX: 1\r\n\r\none\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nTo: z\r\n\r\nbody\r\n--b--\r\n";

    #[test]
    fn binary_parts() {
        let text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: BASE64\r\n\r\nAAE=\r\n\
            --b\r\nContent-Transfer-Encoding: x-odd\r\n\r\nz\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9\r\n--b--";
        let message = Message::new(text.as_bytes());
        let get = |part: &[u32]| message.binary(part).map(|bytes| bytes.map(Cow::into_owned));
        assert_eq!(get(&[1]), Some(Ok(vec![0, 1])));
        assert_eq!(get(&[2]), Some(Err(UnknownEncoding)));
        assert_eq!(get(&[3]), Some(Ok("é".into())));
        assert_eq!(get(&[4]), None);
        assert_eq!(get(&[]), Some(Ok(text.into())));
    }

    #[test]
    fn sections() {
        let message = Message::new(MESSAGE);
        let get = |part: &[u32], text| message.section(&Section { part: part.to_vec(), text });
        let fields = || SectionText::Fields(vec!["TO".into()]);
        for (part, text, expected) in [
            (&[][..], SectionText::Whole, Some(MESSAGE)),
            (&[], fields(), Some(b"To: a\r\n b\r\n\r\n")),
            (
                &[],
                SectionText::FieldsNot(vec!["to".into(), "content-type".into()]),
                Some(b"Subject: s\r\n\r\n"),
            ),
            (&[1], SectionText::Whole, Some(b"one")),
            (&[1], SectionText::Mime, Some(b"X: 1\r\n\r\n")),
            (&[1], SectionText::Header, None),
            (&[2], SectionText::Header, Some(b"Subject: inner\r\nTo: z\r\n\r\n")),
            (&[2], fields(), Some(b"To: z\r\n\r\n")),
            (&[2], SectionText::Text, Some(b"body")),
            (&[2, 1], SectionText::Whole, Some(b"body")),
            (&[2, 1], SectionText::Mime, Some(b"Subject: inner\r\nTo: z\r\n\r\n")),
            (&[3], SectionText::Whole, None),
        ] {
            assert_eq!(get(part, text.clone()).as_deref(), expected, "{part:?} {text:?}");
        }
        let header = get(&[], SectionText::Header).unwrap();
        let body = get(&[], SectionText::Text).unwrap();
        assert_eq!([&header[..], &body[..]].concat(), MESSAGE);
        assert_eq!(
            (partial(b"abc", 1, 1), partial(b"abc", 2, 9), partial(b"abc", 9, 9)),
            (&b"b"[..], &b"c"[..], &b""[..])
        );
    }
}
