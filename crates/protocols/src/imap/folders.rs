//! What is done to folders: CREATE, DELETE, RENAME, SUBSCRIBE.

use services::mailbox::{FolderId, FolderRole};

use super::{
    names::{DELIMITER, canonical},
    objectid::mailbox_id,
    reply::{Failure, Outcome, done, done_with, no},
    session::Session,
};

/// Parts one mailbox name may have; the store allows no more.
const PARTS_MAX: usize = 64;
/// The class of folders that hold mail.
const MAIL_CLASS: &str = "IPF.Note";

impl Session {
    pub(super) async fn create(&mut self, name: &str, special_use: bool) -> Outcome {
        if special_use {
            return Err(no("USEATTR", "The folders with a special use are the default ones"));
        }
        let (parent, last) = self.make_parents(name).await?;
        let folder = self.mailbox()?.create_folder(parent, &last, MAIL_CLASS).await?;
        done_with(format!("MAILBOXID ({})", mailbox_id(folder)), "Completed")
    }

    /// Makes the folders above a name that is free; returns the parent and the last part of the name.
    async fn make_parents(&mut self, name: &str) -> Result<(Option<FolderId>, String), Failure> {
        let name = canonical(name);
        if name.split(DELIMITER).count() > PARTS_MAX {
            return Err(no("LIMIT", "The mailbox name has too many parts"));
        }
        if name.split(DELIMITER).any(str::is_empty) {
            return Err(no("CANNOT", "Part of the mailbox name is empty"));
        }
        let tree = self.tree()?;
        if tree.find(&name).is_some() {
            return Err(no("ALREADYEXISTS", "A mailbox of this name exists already"));
        }
        let (mut parent, mut parts) = tree.nearest(&name);
        let mailbox = self.mailbox()?;
        let last = parts.pop().unwrap_or_default().to_owned();
        for part in parts {
            parent = Some(mailbox.create_folder(parent, part, MAIL_CLASS).await?);
        }
        Ok((parent, last))
    }

    pub(super) async fn delete(&mut self, name: &str) -> Outcome {
        let folder = self.folder(name)?;
        if folder == FolderRole::Inbox.folder() {
            return Err(no("CANNOT", "INBOX can't be deleted"));
        }
        self.mailbox()?.delete_folder(folder).await?;
        if self.view.as_ref().is_some_and(|view| view.folder == folder) {
            self.leave();
        }
        done("Completed")
    }

    pub(super) async fn rename(&mut self, from: &str, to: &str) -> Outcome {
        let known = self.tree()?.find(from).map(|named| named.folder.clone());
        let known = known.ok_or_else(|| no("NONEXISTENT", "No such mailbox"))?;
        let (from, target) = (canonical(from), canonical(to));
        if target.to_lowercase().starts_with(&format!("{}{DELIMITER}", from.to_lowercase())) {
            return Err(no("CANNOT", "A mailbox can't be moved below itself"));
        }
        let mailbox = self.mailbox()?;
        let is_inbox = known.id == FolderRole::Inbox.folder();
        // Only the case of a name may change to what exists: itself.
        let same = self.tree()?.find(&target).is_some_and(|named| named.folder.id == known.id);
        if same && !is_inbox {
            let last = target.rsplit(DELIMITER).next().unwrap_or_default();
            mailbox.rename_folder(&known, known.parent, last).await?;
            return done("Completed");
        }
        let (parent, last) = self.make_parents(&target).await?;
        if is_inbox {
            // Renaming INBOX moves what is in it; INBOX stays, empty (RFC 3501 section 6.3.5).
            let target = mailbox.create_folder(parent, &last, MAIL_CLASS).await?;
            mailbox.move_items(known.id, vec![1..=u32::MAX], target).await?;
        } else {
            mailbox.rename_folder(&known, parent, &last).await?;
        }
        done("Completed")
    }

    pub(super) async fn subscribe(&mut self, name: &str, subscribed: bool) -> Outcome {
        let folder = self.folder(name)?;
        self.mailbox()?.subscribe(folder, subscribed).await?;
        done("Completed")
    }
}
