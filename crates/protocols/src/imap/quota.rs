//! GETQUOTA and GETQUOTAROOT (RFC 9208): the one quota a mailbox has is the administrator's.

use wire::imap::write;

use super::{
    reply::{Failure, Outcome, done, no},
    session::Session,
};

/// The one quota root: the whole mailbox.
const ROOT: &str = "";

impl Session {
    pub(super) fn get_quota(&mut self, root: &str) -> Outcome {
        if root != ROOT {
            return Err(no("NONEXISTENT", "No such quota root"));
        }
        self.tell_quota()?;
        done("Completed")
    }

    pub(super) fn get_quota_root(&mut self, name: &str) -> Outcome {
        self.folder(name)?;
        let out = &mut self.link.output;
        out.extend_from_slice(b"* QUOTAROOT ");
        write::mailbox(out, name, self.enabled.utf8);
        out.extend_from_slice(b" \"\"\r\n");
        self.tell_quota()?;
        done("Completed")
    }

    /// `* QUOTA "" (STORAGE used limit)`, in units of 1,024 bytes; nothing in the list where nothing is
    /// limited.
    fn tell_quota(&mut self) -> Result<(), Failure> {
        let usage = self.mailbox()?.usage()?;
        let resource =
            usage.limit.map(|limit| format!("STORAGE {} {}", usage.bytes.div_ceil(1_024), limit / 1_024));
        self.link.say(&format!("* QUOTA \"\" ({})\r\n", resource.unwrap_or_default()));
        Ok(())
    }
}
