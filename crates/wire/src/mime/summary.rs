//! The header summary stored with each item: the raw values an IMAP ENVELOPE and threading need, in a
//! compact form that is read back without copying.
//!
//! Layout: version (1 byte), hints (1 byte), then every [`SummaryField`] in order as a varint `n` and
//! `n - 1` bytes, `n` = 0 where the field is absent. Text is unfolded; address lists are sequences of
//! a tag byte and its strings (name, local, host), each again a varint `n` and `n - 1` bytes.

use bytes::Bytes;

use crate::mime::{
    address::{self, Address},
    header::{fields, unfold_into},
};

const VERSION: u8 = 1;
const HINT_ATTACHMENT: u8 = 1;
/// Bytes kept of one text field.
const TEXT_MAX: usize = 8 << 10;
/// Bytes kept of one address list, encoded.
const LIST_MAX: usize = 128 << 10;

const TAG_MAILBOX: u8 = 1;
const TAG_GROUP: u8 = 2;
const TAG_END: u8 = 3;

/// The header fields a summary keeps, in the order they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryField {
    /// `Date`
    Date,
    /// `Subject`
    Subject,
    /// `From`
    From,
    /// `Sender`
    Sender,
    /// `Reply-To`
    ReplyTo,
    /// `To`
    To,
    /// `Cc`
    Cc,
    /// `Bcc`
    Bcc,
    /// `In-Reply-To`
    InReplyTo,
    /// `Message-ID`
    MessageId,
    /// `References`; of a long chain the newest part.
    References,
    /// `Content-Type`, without its parameters, lower case.
    ContentType,
}

use SummaryField as F;

/// Every field, its name in a header and whether it is an address list.
const FIELDS: [(SummaryField, &str, bool); 12] = [
    (F::Date, "Date", false),
    (F::Subject, "Subject", false),
    (F::From, "From", true),
    (F::Sender, "Sender", true),
    (F::ReplyTo, "Reply-To", true),
    (F::To, "To", true),
    (F::Cc, "Cc", true),
    (F::Bcc, "Bcc", true),
    (F::InReplyTo, "In-Reply-To", false),
    (F::MessageId, "Message-ID", false),
    (F::References, "References", false),
    (F::ContentType, "Content-Type", false),
];

impl SummaryField {
    /// The field's name in a header.
    pub fn name(self) -> &'static str {
        FIELDS[self as usize].1
    }
    /// The summary field called `name` in a header, if there is one.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        FIELDS.iter().find(|(_, n, _)| n.as_bytes().eq_ignore_ascii_case(name)).map(|(field, ..)| *field)
    }
    /// Whether its value is an address list.
    pub fn is_address_list(self) -> bool {
        FIELDS[self as usize].2
    }
}

/// The stored bytes are not a summary of a version known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored header summary cannot be read")]
pub struct SummaryError;

/// The summary of one header; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    bytes: Bytes,
    /// Start and end of each field's payload; start > end where the field is absent.
    spans: [(u32, u32); FIELDS.len()],
}

const ABSENT: (u32, u32) = (1, 0);

impl Summary {
    /// Reads a header (or a whole message: reading stops at the empty line) in one pass. Where a field
    /// that must be single comes twice, the first counts.
    pub fn parse(header: &[u8]) -> Self {
        let mut values: [Option<&[u8]>; FIELDS.len()] = [None; FIELDS.len()];
        let mut left = FIELDS.len();
        for field in fields(header) {
            if left == 0 {
                break;
            }
            let Some(which) = SummaryField::by_name(field.name) else { continue };
            let value = &mut values[which as usize];
            if value.is_none() {
                *value = Some(field.value);
                left -= 1;
            }
        }
        Self::build(&values)
    }

    fn build(values: &[Option<&[u8]>; FIELDS.len()]) -> Self {
        let mut out = Vec::with_capacity(512);
        out.extend([VERSION, 0]);
        let mut spans = [ABSENT; FIELDS.len()];
        let mut payload = Vec::with_capacity(256);
        for ((field, _, is_list), value) in FIELDS.into_iter().zip(values) {
            payload.clear();
            match value {
                None => out.push(0),
                Some(value) => {
                    match field {
                        _ if is_list => encode_list(&mut payload, value),
                        F::References => encode_references(&mut payload, value),
                        F::ContentType => encode_content_type(&mut payload, value),
                        _ => unfold_into(&mut payload, value, TEXT_MAX),
                    }
                    push_string(&mut out, &payload);
                    spans[field as usize] = (index(out.len() - payload.len()), index(out.len()));
                }
            }
        }
        let mut summary = Summary { bytes: Bytes::new(), spans };
        let content_type = spans[F::ContentType as usize];
        if content_type != ABSENT
            && suggests_attachment(&out[content_type.0 as usize..content_type.1 as usize])
        {
            out[1] |= HINT_ATTACHMENT;
        }
        summary.bytes = out.into();
        summary
    }

    /// The stored form.
    pub fn encode(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Reads the stored form: a walk over twelve lengths, no text is touched.
    pub fn decode(bytes: Bytes) -> Result<Self, SummaryError> {
        let mut rest = match &bytes[..] {
            [VERSION, _hints, rest @ ..] => rest,
            _ => return Err(SummaryError),
        };
        let mut spans = [ABSENT; FIELDS.len()];
        for span in &mut spans {
            if let Some(payload) = take_string(&mut rest).ok_or(SummaryError)? {
                let end = bytes.len() - rest.len();
                *span = (index(end - payload.len()), index(end));
            }
        }
        Ok(Summary { bytes, spans })
    }

    /// A field's payload; `None` where the header has no such field.
    fn payload(&self, field: SummaryField) -> Option<&[u8]> {
        let (start, end) = self.spans[field as usize];
        self.bytes.get(start as usize..end as usize)
    }

    /// Whether the header has such a field.
    pub fn has(&self, field: SummaryField) -> bool {
        self.payload(field).is_some()
    }

    /// The unfolded raw text of a field that is no address list; `None` where it is absent.
    pub fn text(&self, field: SummaryField) -> Option<&[u8]> {
        self.payload(field).filter(|_| !field.is_address_list())
    }

    /// The addresses of a list, raw; empty for absent and for text fields.
    pub fn addresses(&self, field: SummaryField) -> Addresses<'_> {
        let rest = self.payload(field).filter(|_| field.is_address_list()).unwrap_or_default();
        Addresses { rest }
    }

    /// The subject for people: encoded words decoded.
    pub fn subject(&self) -> String {
        crate::mime::decode_words(self.text(F::Subject).unwrap_or_default())
    }

    /// The content type suggests an attachment; a guess made without reading the body.
    pub fn has_attachment(&self) -> bool {
        self.bytes.get(1).is_some_and(|hints| hints & HINT_ATTACHMENT != 0)
    }
}

/// Iterator over the addresses of a [`Summary`]; stops at damaged bytes.
#[derive(Clone, Debug)]
pub struct Addresses<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Addresses<'a> {
    type Item = Address<'a>;

    fn next(&mut self) -> Option<Address<'a>> {
        let (&tag, mut rest) = self.rest.split_first()?;
        let address = match tag {
            TAG_MAILBOX => Address::Mailbox {
                name: take_string(&mut rest)?,
                local: take_string(&mut rest)??,
                host: take_string(&mut rest)??,
            },
            TAG_GROUP => Address::Group(take_string(&mut rest)??),
            TAG_END => Address::EndOfGroup,
            _ => return None,
        };
        self.rest = rest;
        Some(address)
    }
}

fn encode_list(out: &mut Vec<u8>, value: &[u8]) {
    address::parse_list(value, |address| {
        // The end of a group is always kept, so that what is cut stays well formed.
        if out.len() > LIST_MAX && address != Address::EndOfGroup {
            return;
        }
        match address {
            Address::Mailbox { name, local, host } => {
                out.push(TAG_MAILBOX);
                match name {
                    Some(name) => push_string(out, &name[..name.len().min(TEXT_MAX)]),
                    None => out.push(0),
                }
                push_string(out, &local[..local.len().min(TEXT_MAX)]);
                push_string(out, &host[..host.len().min(TEXT_MAX)]);
            }
            Address::Group(name) => {
                out.push(TAG_GROUP);
                push_string(out, &name[..name.len().min(TEXT_MAX)]);
            }
            Address::EndOfGroup => out.push(TAG_END),
        }
    });
}

/// A thread grows at the end of `References`: of a long one the newest part is kept.
fn encode_references(out: &mut Vec<u8>, value: &[u8]) {
    let skipped = value.len().saturating_sub(TEXT_MAX);
    let kept = &value[skipped..];
    let whole = if skipped == 0 { 0 } else { memchr::memchr(b'<', kept).unwrap_or(kept.len()) };
    unfold_into(out, &kept[whole..], TEXT_MAX);
}

fn encode_content_type(out: &mut Vec<u8>, value: &[u8]) {
    let essence = value.split(|b| *b == b';').next().unwrap_or_default();
    unfold_into(out, essence, 128);
    out.make_ascii_lowercase();
}

fn suggests_attachment(content_type: &[u8]) -> bool {
    let inline = content_type.starts_with(b"text/") || content_type.starts_with(b"multipart/");
    content_type == b"multipart/mixed" || !(inline || content_type.is_empty())
}

fn index(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Appends the varint `len + 1` and the bytes.
fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut n = bytes.len() + 1;
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out.extend_from_slice(bytes);
}

/// Takes a string off `rest`: outer `None` where the bytes are damaged, inner where it is absent.
#[expect(clippy::option_option, reason = "damaged and absent are different, and both are common here")]
fn take_string<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let mut n = 0_usize;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        n |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let Some(len) = n.checked_sub(1) else { return Some(None) };
            let (string, after) = rest.split_at_checked(len)?;
            *rest = after;
            return Some(Some(string));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"Received: x\r\nDate: Mon, 23 Nov 2026 05:38:01 +0000\r\n\
        Subject: =?utf-8?q?=C3=A9?=\r\n t\xc3\xa9\r\nFrom: Ann <ann@a.example>\r\nTo: b@b.example,\r\n \
        G: c@c.example;\r\nMessage-ID: <1@a.example>\r\nFrom: other@x\r\n\
        Content-Type: Multipart/Mixed; boundary=x\r\nCc:\r\n\r\nSubject: no\r\n";

    #[test]
    fn parses_and_comes_back() {
        let summary = Summary::parse(HEADER);
        assert_eq!(Summary::decode(summary.encode()).unwrap(), summary);
        assert_eq!(summary.text(F::Subject), Some(&b"=?utf-8?q?=C3=A9?= t\xc3\xa9"[..]));
        assert_eq!(summary.subject(), "é té");
        assert_eq!(summary.text(F::ContentType), Some(&b"multipart/mixed"[..]));
        assert_eq!(summary.text(F::InReplyTo), None);
        assert!(summary.has_attachment());
        assert_eq!(
            summary.addresses(F::From).collect::<Vec<_>>(),
            [Address::Mailbox { name: Some(b"Ann"), local: b"ann", host: b"a.example" }]
        );
        assert_eq!(summary.addresses(F::To).count(), 4);
        assert_eq!(summary.addresses(F::Cc).count(), 0);
        assert!(summary.has(F::Cc) && !summary.has(F::Bcc));
    }

    #[test]
    fn long_references_keep_the_newest() {
        let ids = (0..1000).map(|i| format!("<{i}@a.example>\r\n ")).collect::<String>();
        let summary = Summary::parse(format!("References: {ids}\r\n\r\n").as_bytes());
        let text = summary.text(F::References).unwrap();
        assert!(text.len() <= TEXT_MAX && text.starts_with(b"<") && text.ends_with(b"<999@a.example>"));
    }

    #[test]
    fn hostile_headers_stay_small() {
        let header = "Subject: ".to_owned() + &"x".repeat(900_000) + "\r\nTo: " + &"a@b,".repeat(1 << 20);
        assert!(Summary::parse(header.as_bytes()).encode().len() < TEXT_MAX + 2 * LIST_MAX);
        let many = "A: b\r\n".repeat(2_000_000);
        assert_eq!(Summary::parse(many.as_bytes()).encode().len(), 2 + FIELDS.len());
    }

    proptest::proptest! {
        #[test]
        fn decode_of_encode_is_identity(header: Vec<u8>, to in "[a-z<>@,;:\" ]{0,80}") {
            for header in [header, format!("To: {to}\r\nSubject: {to}\r\n\r\n").into_bytes()] {
                let summary = Summary::parse(&header);
                proptest::prop_assert_eq!(Summary::decode(summary.encode()), Ok(summary));
            }
        }

        #[test]
        fn decode_never_panics(mut bytes: Vec<u8>) {
            bytes.insert(0, VERSION);
            if let Ok(summary) = Summary::decode(bytes.into()) {
                for (field, ..) in FIELDS {
                    summary.addresses(field).count();
                }
            }
        }
    }
}
