//! GETMETADATA and SETMETADATA (RFC 5464): what programs note about folders and the mailbox.

use base::Fault;
use bytes::Bytes;
use services::{Mailbox, mailbox::FolderId};
use wire::imap::{metadata::Entry, write};

use super::{
    reply::{Failure, Outcome, done, done_with, no},
    session::Session,
};

/// The largest value, bytes.
const VALUE_MAX: usize = 64 << 10;

/// Entries, each with its value.
type Entries = Vec<(String, Bytes)>;

impl Session {
    pub(super) fn get_metadata(
        &mut self,
        name: &str,
        wanted: &[String],
        depth: usize,
        max_size: Option<u32>,
    ) -> Outcome {
        let folder = self.metadata_owner(name)?;
        let mailbox = self.mailbox()?;
        let mut entries = entries(&mailbox, folder, wanted, depth)?;
        let longest = entries.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
        let max_size = max_size.map_or(usize::MAX, |max| max as usize);
        entries.retain(|(_, value)| value.len() <= max_size);
        write_metadata(&mut self.link.output, name, self.enabled.utf8, &entries);
        if longest > max_size {
            return done_with(format!("METADATA LONGENTRIES {longest}"), "Some entries are longer");
        }
        done("Completed")
    }

    pub(super) async fn set_metadata(&mut self, name: &str, entries: Vec<Entry>) -> Outcome {
        let folder = self.metadata_owner(name)?;
        if entries.iter().any(|entry| entry.value.as_ref().is_some_and(|value| value.len() > VALUE_MAX)) {
            return Err(no("METADATA MAXSIZE 65536", "The value is too long"));
        }
        let changes = entries.into_iter().map(|entry| (entry.name, entry.value.map(Bytes::from))).collect();
        match self.mailbox()?.set_metadata(folder, changes).await {
            Err(fault) if fault.code == "LimitExceeded" => Err(no("METADATA TOOMANY", fault.public_text)),
            outcome => Ok(outcome?).and_then(|()| done("Completed")),
        }
    }

    /// The folder of a name; `None`, which is the mailbox itself, for the empty name.
    fn metadata_owner(&mut self, name: &str) -> Result<Option<FolderId>, Failure> {
        if name.is_empty() { Ok(None) } else { self.folder(name).map(Some) }
    }
}

/// The entries of these names, and those so many levels below them.
pub(super) fn entries(
    mailbox: &Mailbox,
    folder: Option<FolderId>,
    wanted: &[String],
    depth: usize,
) -> Result<Entries, Fault> {
    let fits = |name: &str| {
        wanted.iter().any(|wanted| match name.strip_prefix(wanted.as_str()) {
            Some("") => true,
            Some(below) => below.starts_with('/') && below.matches('/').count() <= depth,
            None => false,
        })
    };
    let mut entries = mailbox.metadata(folder)?;
    entries.retain(|(name, _)| fits(name));
    Ok(entries)
}

/// `* METADATA name (entry value …)`; nothing where there are none.
pub(super) fn write_metadata(out: &mut Vec<u8>, name: &str, utf8: bool, entries: &Entries) {
    if entries.is_empty() {
        return;
    }
    out.extend_from_slice(b"* METADATA ");
    write::mailbox(out, name, utf8);
    for (index, (entry, value)) in entries.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b" (" } else { b" " });
        out.extend_from_slice(entry.as_bytes());
        out.push(b' ');
        write::binary_string(out, value);
    }
    out.extend_from_slice(b")\r\n");
}
