//! Messages that go elsewhere: COPY, MOVE, EXPUNGE (RFC 4315, RFC 6851).

use wire::imap::{SequenceSet, set, write};

use super::{
    reply::{Failure, Outcome, done, done_with, no, target_failure},
    session::Session,
};

impl Session {
    pub(super) async fn copy(&mut self, uid: bool, set: &SequenceSet, name: &str) -> Outcome {
        let target = self.target(name)?;
        let (mailbox, view) = self.selected()?;
        let pairs = mailbox.copy(view.folder, view.ranges(set, uid), target).await.map_err(target_failure)?;
        match self.copy_uid(name, &pairs)? {
            Some(code) => done_with(code, "Completed"),
            None => done("No messages copied"),
        }
    }

    pub(super) async fn move_messages(&mut self, uid: bool, set: &SequenceSet, name: &str) -> Outcome {
        let target = self.target(name)?;
        let (mailbox, view) = self.selected_for_change()?;
        let (folder, ranges) = (view.folder, view.ranges(set, uid));
        if folder == target {
            return Err(no("CANNOT", "The messages are in this mailbox already"));
        }
        let pairs = mailbox.move_items(folder, ranges, target).await.map_err(target_failure)?;
        // Before the EXPUNGE responses, which the loop writes (RFC 6851 section 4.3).
        if let Some(code) = self.copy_uid(name, &pairs)? {
            self.link.say(&format!("* OK [{code}] Moved\r\n"));
        }
        self.done_removing("Completed")
    }

    pub(super) async fn expunge(&mut self, set: Option<SequenceSet>) -> Outcome {
        let (mailbox, view) = self.selected_for_change()?;
        let ranges = match set {
            Some(set) => view.ranges(&set, true),
            None => view.uids().last().map(|last| 1..=*last).into_iter().collect(),
        };
        mailbox.expunge(view.folder, ranges).await?;
        self.done_removing("Completed")
    }

    /// `OK`, with the modification sequence that those who resynchronise go on from (RFC 7162 section 3.2.7).
    pub(super) fn done_removing(&self, text: &'static str) -> Outcome {
        match &self.view {
            Some(view) if self.enabled.qresync => {
                let modseq = self.mailbox()?.status(view.folder)?.highest_modseq;
                done_with(format!("HIGHESTMODSEQ {modseq}"), text)
            }
            _ => done(text),
        }
    }

    /// The folder messages are to go to.
    pub(super) fn target(&mut self, name: &str) -> Result<services::mailbox::FolderId, Failure> {
        let found = self.tree()?.find(name).map(|named| named.folder.id);
        found.ok_or_else(|| no("TRYCREATE", "No such mailbox"))
    }

    /// `COPYUID validity old new`, both sets in the same order; `None` where nothing was copied.
    fn copy_uid(&mut self, name: &str, pairs: &[(u32, u32)]) -> Result<Option<String>, Failure> {
        if pairs.is_empty() {
            return Ok(None);
        }
        let target = self.target(name)?;
        let validity = self.mailbox()?.status(target)?.uid_validity;
        let mut code = format!("COPYUID {validity} ").into_bytes();
        write::set(&mut code, &set::from_sorted(pairs.iter().map(|(old, _)| *old)));
        code.push(b' ');
        write::set(&mut code, &set::from_sorted(pairs.iter().map(|(_, new)| *new)));
        Ok(Some(String::from_utf8_lossy(&code).into_owned()))
    }
}
