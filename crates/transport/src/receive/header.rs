//! What a receiving server must know of a message's header section: its size, its hops, its identity.

use memchr::memmem;

/// Facts of one header section.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HeaderFacts<'a> {
    /// Length with the empty line that ends it, bytes.
    pub(super) len: usize,
    /// `Received` fields.
    pub(super) hops: usize,
    /// Of these, how many this server wrote.
    pub(super) local_hops: usize,
    /// The `Message-ID`, as it stands.
    pub(super) message_id: Option<&'a str>,
    /// There is a `Date`.
    pub(super) dated: bool,
    /// The message starts with a field (or an empty line): fields can be put before it as they are.
    pub(super) starts_with_field: bool,
}

/// Reads the header section of `message`; `fqdn` is the name this server signs its `Received` fields with.
pub(super) fn examine<'a>(message: &'a [u8], fqdn: &str) -> HeaderFacts<'a> {
    let section = &message[..section_len(message)];
    let mut facts = HeaderFacts {
        len: section.len(),
        starts_with_field: section.starts_with(b"\r\n") || field_name(section).is_some(),
        ..HeaderFacts::default()
    };
    let by_us = format!(" by {fqdn} ");
    let mut rest = section;
    while !rest.is_empty() {
        let (field, after) = rest.split_at(field_len(rest));
        rest = after;
        let Some((name, value)) = field_name(field) else { continue };
        if name.eq_ignore_ascii_case(b"Received") {
            facts.hops += 1;
            facts.local_hops += usize::from(memmem::find(value, by_us.as_bytes()).is_some());
        } else if name.eq_ignore_ascii_case(b"Message-ID") {
            facts.message_id = facts.message_id.or_else(|| message_id(value));
        } else if name.eq_ignore_ascii_case(b"Date") {
            facts.dated = true;
        }
    }
    facts
}

/// Up to and with the first empty line, or all of it.
fn section_len(message: &[u8]) -> usize {
    if message.starts_with(b"\r\n") {
        return 2;
    }
    memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 4)
}

/// The length of the field at the head of `section`, its folded lines included.
fn field_len(section: &[u8]) -> usize {
    let mut len = 0;
    while let Some(end) = memchr::memchr(b'\n', &section[len..]) {
        len += end + 1;
        if !matches!(section.get(len), Some(b' ' | b'\t')) {
            return len;
        }
    }
    section.len()
}

/// A field's name and what follows its colon; `None` where the text is no field.
fn field_name(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = field.iter().position(|b| !matches!(b, b'!'..=b'9' | b';'..=b'~'))?;
    let named = colon > 0 && field[colon..].trim_ascii_start().starts_with(b":");
    let value = memchr::memchr(b':', field)? + 1;
    named.then(|| (&field[..colon], &field[value..]))
}

/// `<left@right>` without anything that could not stand in a reply.
fn message_id(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let usable = text.len() > 2 && text.len() <= 400 && text.starts_with('<') && text.ends_with('>');
    (usable && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_hops_and_finds_the_identity() {
        let message = b"Received: from a by mail.example with SMTP;\r\n date\r\nRECEIVED: from b\r\n by mail.example with X\r\n\
            Subject: Received: x\r\n Date: not one\r\nMessage-Id:\r\n <1@b>\r\ndate: x\r\n\r\nReceived: body\r\n";
        let facts = examine(message, "mail.example");
        let expected = HeaderFacts {
            len: message.len() - "Received: body\r\n".len(),
            hops: 2,
            local_hops: 2,
            message_id: Some("<1@b>"),
            dated: true,
            starts_with_field: true,
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn odd_messages() {
        assert_eq!(examine(b"", "x").len, 0);
        assert!(examine(b"\r\nbody\r\n", "x").starts_with_field);
        assert!(!examine(b"Dear all,\r\n\r\nhello\r\n", "x").starts_with_field);
        assert!(!examine(b"no colon", "x").starts_with_field);
        assert!(examine(b"Subject : x\r\n", "x").starts_with_field);
        assert_eq!(examine(b"Message-ID: a b\r\n\r\n", "x").message_id, None);
        assert_eq!(examine(b"Message-ID: <a>\r\nMessage-ID: <b>\r\n\r\n", "x").message_id, Some("<a>"));
        assert_eq!(examine(&b"Received: x\r\n".repeat(1000), "x").hops, 1000);
    }
}
