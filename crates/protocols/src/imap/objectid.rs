//! Names that last (RFC 8474): of a message's content, of its thread, of a mailbox.

use blake2::{Blake2b512, Digest};
use services::mailbox::{FolderId, ItemId, Provenance};
use wire::{
    imap::thread::identifiers,
    mime::{Summary, SummaryField},
};

/// Bytes kept of the hash that names a thread.
const THREAD_BYTES: usize = 10;

/// MAILBOXID: folder numbers are never given twice.
pub(super) fn mailbox_id(folder: FolderId) -> String {
    format!("F{:x}", folder.0)
}

/// EMAILID: copies share it, a move keeps it.
pub(super) fn email_id(provenance: &Provenance) -> String {
    format!("M{:x}", provenance.origin.0)
}

/// The item whose content an EMAILID names.
pub(super) fn origin_of(email_id: &str) -> Option<ItemId> {
    let number = u64::from_str_radix(email_id.strip_prefix('M')?, 16).ok().map(ItemId)?;
    (format!("M{:x}", number.0) == email_id).then_some(number)
}

/// THREADID: named by the message that began the thread, as far as this one tells; `None` where it tells
/// nothing.
pub(super) fn thread_id(summary: &Summary) -> Option<String> {
    let fields = [SummaryField::References, SummaryField::InReplyTo, SummaryField::MessageId];
    let first = |field| identifiers(summary.text(field).unwrap_or_default()).next();
    let began = fields.into_iter().find_map(first)?;
    let hash = Blake2b512::digest(&began);
    let mut id = String::from("T");
    hash.iter().take(THREAD_BYTES).for_each(|byte| id.push_str(&format!("{byte:02x}")));
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let provenance = Provenance { origin: ItemId(0xab), saved: None };
        assert_eq!(email_id(&provenance), "Mab");
        assert_eq!(origin_of("Mab"), Some(ItemId(0xab)));
        assert_eq!([origin_of("MAB"), origin_of("M"), origin_of("F1"), origin_of("M+1")], [None; 4]);
        let of = |header: &str| thread_id(&Summary::parse(header.as_bytes()));
        let root = of("Message-ID: <a@x>\r\n\r\n");
        assert!(root.is_some());
        assert_eq!(of("References: <a@x> <b@x>\r\nMessage-ID: <c@x>\r\n\r\n"), root);
        assert_eq!(of("In-Reply-To: <a@x>\r\nMessage-ID: <b@x>\r\n\r\n"), root);
        assert_ne!(of("Message-ID: <b@x>\r\n\r\n"), root);
        assert_eq!(of("Subject: none\r\n\r\n"), None);
    }
}
