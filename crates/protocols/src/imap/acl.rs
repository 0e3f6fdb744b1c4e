//! Who may do what with a folder (RFC 4314): the mailbox's owner everything; nobody else has rights here, and
//! clients hand none out.

use services::mailbox::FolderRole;
use wire::imap::write;

use super::{
    reply::{Outcome, done, no},
    session::Session,
};

/// What the owner may do with folders of their own: all but administer.
const OWN: &str = "lrswipkxte";
/// And with default folders, which keep their name and place.
const DEFAULT: &str = "lrswipkte";

/// The owner's rights on a folder.
pub(super) fn rights(role: Option<FolderRole>) -> &'static str {
    if role.is_some() { DEFAULT } else { OWN }
}

impl Session {
    pub(super) fn my_rights(&mut self, name: &str) -> Outcome {
        self.tell_rights("MYRIGHTS", name, "")
    }

    pub(super) fn get_acl(&mut self, name: &str) -> Outcome {
        let me = self.mailbox()?.caller().name.clone();
        self.tell_rights("ACL", name, &me)
    }

    /// The owner's rights cannot be taken; nobody else can be given any.
    pub(super) fn list_rights(&mut self, name: &str, identifier: &str) -> Outcome {
        let me = self.mailbox()?.caller().name.clone();
        if identifier.eq_ignore_ascii_case(&me) {
            return self.tell_rights("LISTRIGHTS", name, &me);
        }
        self.folder(name)?;
        let out = &mut self.link.output;
        out.extend_from_slice(b"* LISTRIGHTS ");
        write::mailbox(out, name, self.enabled.utf8);
        out.push(b' ');
        write::string(out, identifier.as_bytes());
        out.extend_from_slice(b" \"\"\r\n");
        done("Completed")
    }

    /// SETACL and DELETEACL.
    pub(super) fn change_acl(&mut self, name: &str) -> Outcome {
        self.folder(name)?;
        Err(no("NOPERM", "Rights are given by the administrator"))
    }

    /// `* word name [identifier] rights`
    fn tell_rights(&mut self, word: &str, name: &str, identifier: &str) -> Outcome {
        let folder = self.folder(name)?;
        let out = &mut self.link.output;
        out.extend_from_slice(format!("* {word} ").as_bytes());
        write::mailbox(out, name, self.enabled.utf8);
        out.push(b' ');
        if !identifier.is_empty() {
            write::string(out, identifier.as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(rights(FolderRole::of(folder)).as_bytes());
        out.extend_from_slice(b"\r\n");
        done("Completed")
    }
}
