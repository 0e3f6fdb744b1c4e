//! Mailbox names: the folder tree as IMAP writes it, `/` between the parts, the inbox as `INBOX`.

use base::Fault;
use services::{
    Mailbox,
    mailbox::{Folder, FolderId, FolderRole},
};
use tokio::sync::watch;

/// Between the parts of a name.
pub(super) const DELIMITER: char = '/';
/// The name every user's inbox has, in any case (RFC 3501 section 5.1).
pub(super) const INBOX: &str = "INBOX";

/// A folder and its IMAP name.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) folder: Folder,
}

/// Every folder by name, read again when the tree changes.
pub(super) struct Tree {
    watch: watch::Receiver<u64>,
    pub(super) folders: Vec<Named>,
}

impl Tree {
    /// Reads the tree.
    pub(super) fn read(mailbox: &Mailbox) -> Result<Self, Fault> {
        // The watch first: what changes after it was opened makes the tree stale.
        let watch = mailbox.watch(FolderRole::Root.folder())?;
        let folders = mailbox.folders()?;
        let inbox = folders.iter().find(|f| f.role == Some(FolderRole::Inbox)).map(|f| f.path.clone());
        let folders = folders.into_iter().map(|folder| {
            let name = match &inbox {
                Some(inbox) if folder.path.starts_with(inbox) => {
                    join(std::iter::once(INBOX).chain(folder.path[inbox.len()..].iter().map(String::as_str)))
                }
                _ => join(folder.path.iter().map(String::as_str)),
            };
            Named { name, folder }
        });
        Ok(Tree { watch, folders: folders.collect() })
    }

    /// Whether the folders changed since they were read.
    pub(super) fn is_stale(&self) -> bool {
        self.watch.has_changed().unwrap_or(true)
    }

    /// The folder of a name: spelt so, or else in any case, as the store compares names.
    pub(super) fn find(&self, name: &str) -> Option<&Named> {
        let name = canonical(name);
        let exact = self.folders.iter().find(|named| named.name == name);
        exact.or_else(|| {
            let name = name.to_lowercase();
            self.folders.iter().find(|named| named.name.to_lowercase() == name)
        })
    }

    /// The nearest existing folder above a name, and the parts of the name below it.
    pub(super) fn nearest<'n>(&self, name: &'n str) -> (Option<FolderId>, Vec<&'n str>) {
        let parts: Vec<&str> = name.split(DELIMITER).collect();
        for known in (1..parts.len()).rev() {
            if let Some(named) = self.find(&parts[..known].join("/")) {
                return (Some(named.folder.id), parts[known..].to_vec());
            }
        }
        (None, parts)
    }
}

fn join<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for part in parts {
        if !name.is_empty() {
            name.push(DELIMITER);
        }
        name.push_str(part);
    }
    name
}

/// A name as it is looked up: without a delimiter at its end, `INBOX` in upper case.
pub(super) fn canonical(name: &str) -> String {
    let name = name.strip_suffix(DELIMITER).unwrap_or(name);
    let first = name.split(DELIMITER).next().unwrap_or(name);
    if first.eq_ignore_ascii_case(INBOX) {
        format!("{INBOX}{}", &name[first.len()..])
    } else {
        name.to_owned()
    }
}

/// The special-use attribute of a folder (RFC 6154).
pub(super) fn special_use(role: Option<FolderRole>) -> Option<&'static str> {
    Some(match role? {
        FolderRole::Drafts => "\\Drafts",
        FolderRole::SentItems => "\\Sent",
        FolderRole::DeletedItems => "\\Trash",
        FolderRole::JunkEmail => "\\Junk",
        FolderRole::Archive => "\\Archive",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names() {
        for (name, expected) in [
            ("inbox", "INBOX"),
            ("Inbox/a/", "INBOX/a"),
            ("Inboxes", "Inboxes"),
            ("a/inbox", "a/inbox"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }
}
