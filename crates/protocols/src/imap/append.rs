//! APPEND: a message put into a folder by the client (RFC 3501 section 6.3.11, RFC 4315).

use base::Timestamp;
use bytes::Bytes;
use services::mailbox::Flags;
use wire::imap::FlagList;

use super::{
    reply::{Outcome, done_with, no, target_failure},
    session::Session,
};

impl Session {
    /// The message is a slice of the command; nothing of it is copied here.
    pub(super) async fn append(
        &mut self,
        name: &str,
        flags: FlagList,
        date: Option<Timestamp>,
        message: Bytes,
    ) -> Outcome {
        if message.is_empty() {
            return Err(no("CANNOT", "The message is empty"));
        }
        let folder = self.target(name)?;
        let mailbox = self.mailbox()?;
        let flags = Flags { system: flags.system, keywords: flags.keywords };
        let received = date.unwrap_or_else(|| self.server.clock.now());
        let uid = mailbox.append(folder, message, flags, received).await.map_err(target_failure)?;
        let validity = mailbox.status(folder)?.uid_validity;
        done_with(format!("APPENDUID {validity} {uid}"), "Completed")
    }
}
