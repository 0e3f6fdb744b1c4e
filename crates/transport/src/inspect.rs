//! What the transport reads of a message, once: the stored summary, and the few header fields that decide.

use base::SmtpAddress;
use bytes::{Bytes, BytesMut};
use wire::mime::{Address, Summary, SummaryField, field, fields, header_len};

use crate::categorizer::LOOP_HEADER;

/// Characters of the subject kept for tracking and notifications.
const SUBJECT_MAX: usize = 512;
/// Forwarding mailboxes read from a header; more mean a loop that something else ends.
const FORWARDERS_MAX: usize = 50;

/// What a header says, as far as the transport asks.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    /// The summary to be stored with every item.
    pub(crate) summary: Summary,
    /// The subject, decoded, cut.
    pub(crate) subject: String,
    /// The address in `From:`.
    pub(crate) from: Option<SmtpAddress>,
    /// Mailboxes that forwarded the message before.
    pub(crate) forwarded_by: Vec<SmtpAddress>,
    /// A program wrote it (RFC 3834).
    pub(crate) automatic: bool,
}

impl Inspection {
    /// Reads the header of a message given in parts.
    pub(crate) fn new(parts: &[Bytes]) -> Self {
        let joined;
        let header: &[u8] = match parts {
            [] => &[],
            [one] => &one[..header_len(one)],
            [first, rest @ ..] => {
                // What was prepended belongs to the header; the message's own lies in its first part but
                // for messages taken in chunks.
                let mut all = BytesMut::from(&first[..]);
                for part in rest {
                    let len = header_len(part);
                    all.extend_from_slice(&part[..len]);
                    if len < part.len() {
                        break;
                    }
                }
                joined = all.freeze();
                &joined[..header_len(&joined)]
            }
        };
        let summary = Summary::parse(header);
        let mut subject = summary.subject();
        subject.truncate(subject.floor_char_boundary(SUBJECT_MAX));
        let automatic = field(header, "Auto-Submitted").is_some_and(|value| {
            let word = value.split(|b| *b == b';').next().unwrap_or_default();
            !word.trim_ascii().eq_ignore_ascii_case(b"no")
        });
        Self { from: from_address(&summary), forwarded_by: forwarders(header), summary, subject, automatic }
    }
}

fn from_address(summary: &Summary) -> Option<SmtpAddress> {
    summary.addresses(SummaryField::From).find_map(|address| match address {
        Address::Mailbox { local, host, .. } => {
            let (local, host) = (std::str::from_utf8(local).ok()?, std::str::from_utf8(host).ok()?);
            format!("{local}@{host}").parse().ok()
        }
        Address::Group(_) | Address::EndOfGroup => None,
    })
}

fn forwarders(header: &[u8]) -> Vec<SmtpAddress> {
    // Most messages have none: one look at the bytes spares the walk over the fields.
    if memchr::memmem::find(header, b"nbox-Rules-Loop").is_none() {
        return Vec::new();
    }
    let addresses = fields(header)
        .filter(|field| field.is(LOOP_HEADER))
        .filter_map(|field| std::str::from_utf8(field.value).ok()?.trim().parse().ok());
    addresses.take(FORWARDERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::address;

    #[test]
    fn reads_what_decides_across_parts() {
        let parts = [
            Bytes::from_static(b"Received: by x\r\nMessage-ID: <m@x>\r\n"),
            Bytes::from_static(
                b"From: =?utf-8?q?Jo=C3=A3o?= <joao@ext.example>\r\nSubject: =?utf-8?q?=C3=A9?=\r\n",
            ),
            Bytes::from_static(
                b"X-MS-Exchange-Inbox-Rules-Loop: a@rialto.test\r\nAuto-Submitted: Auto-Generated; x\r\n\
                X-MS-Exchange-inbox-Rules-Loop: b@rialto.test\r\n\r\nSubject: no\r\n",
            ),
            Bytes::from_static(b"Auto-Submitted: no"),
        ];
        let found = Inspection::new(&parts);
        assert_eq!(found.subject, "é");
        assert_eq!(found.from, Some(address("joao@ext.example")));
        assert_eq!(found.forwarded_by, ["a@rialto.test", "b@rialto.test"].map(address));
        assert!(found.automatic);
        assert_eq!(found.summary.text(SummaryField::MessageId), Some(&b"<m@x>"[..]));
        assert!(!Inspection::new(&[Bytes::from_static(b"Auto-Submitted: no\r\n\r\n")]).automatic);
        assert!(Inspection::new(&[]).from.is_none());
    }
}
