//! Opening and leaving a folder: SELECT, EXAMINE, CLOSE, UNSELECT.

use services::{
    Mailbox,
    mailbox::{Flags, FolderId},
};
use wire::imap::flags::SYSTEM_FLAGS;

use super::{
    reply::{Failure, Outcome, done, done_with},
    session::Session,
    view::{View, tell_exists},
};

/// Items looked at for the first unseen one; a client that needs it beyond searches.
const UNSEEN_WITHIN: usize = 4_096;
/// Items read at a time.
const PAGE: usize = 64;

// The flags a client sends and those the store keeps are the same bits.
const _: () = {
    assert!(Flags::ANSWERED == SYSTEM_FLAGS[0].1 && Flags::FLAGGED == SYSTEM_FLAGS[1].1);
    assert!(Flags::DELETED == SYSTEM_FLAGS[2].1 && Flags::SEEN == SYSTEM_FLAGS[3].1);
    assert!(Flags::DRAFT == SYSTEM_FLAGS[4].1);
};

impl Session {
    pub(super) fn select(&mut self, name: &str, read_only: bool, condstore: bool) -> Outcome {
        self.condstore |= condstore;
        // A SELECT that fails leaves nothing selected.
        if self.view.take().is_some() && self.condstore {
            self.link.say("* OK [CLOSED] Previous mailbox closed\r\n");
        }
        let folder = self.folder(name)?;
        let mailbox = self.mailbox()?;
        // The watch first, the figures next, the UIDs last: what happens in between is told afterwards.
        let watch = mailbox.watch(folder)?;
        let status = mailbox.status(folder)?;
        let uids = mailbox.uids(folder)?;
        let system = SYSTEM_FLAGS.map(|(flag, _)| flag).join(" ");
        self.link.say(&format!("* FLAGS ({system})\r\n"));
        let permanent = if read_only { String::new() } else { format!("{system} \\*") };
        self.link.say(&format!("* OK [PERMANENTFLAGS ({permanent})] Permanent flags\r\n"));
        tell_exists(&mut self.link.output, uids.len());
        self.link.say("* 0 RECENT\r\n");
        if status.unread > 0
            && let Some(first) = first_unseen(&mailbox, folder, &uids)?
        {
            self.link.say(&format!("* OK [UNSEEN {first}] First unseen message\r\n"));
        }
        self.link.say(&format!("* OK [UIDVALIDITY {}] UIDs valid\r\n", status.uid_validity));
        self.link.say(&format!("* OK [UIDNEXT {}] Next UID\r\n", status.uid_next));
        self.link.say(&format!("* OK [HIGHESTMODSEQ {}] Highest\r\n", status.highest_modseq));
        self.view = Some(View::new(folder, read_only, uids, status.highest_modseq, watch));
        done_with(if read_only { "READ-ONLY" } else { "READ-WRITE" }, "Completed")
    }

    pub(super) async fn close_folder(&mut self) -> Outcome {
        if let Ok((mailbox, view)) = self.selected_for_change() {
            let (folder, last) = (view.folder, view.uids().last().copied());
            // What the client has not heard of is not removed; what is removed is not told.
            if let Some(last) = last {
                mailbox.expunge(folder, vec![1..=last]).await?;
            }
        }
        self.unselect()
    }

    pub(super) fn unselect(&mut self) -> Outcome {
        self.view = None;
        done("Completed")
    }
}

/// The sequence number of the first unseen message, if it is near enough.
fn first_unseen(mailbox: &Mailbox, folder: FolderId, uids: &[u32]) -> Result<Option<usize>, Failure> {
    let mut seen = 0;
    for page in uids.chunks(PAGE).take(UNSEEN_WITHIN / PAGE) {
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        let items = mailbox.items(folder, &vec![*first..=*last], page.len())?;
        if let Some(unseen) = items.iter().find(|item| item.flags.system & Flags::SEEN == 0) {
            let within = page.binary_search(&unseen.uid).unwrap_or_else(|at| at);
            return Ok(Some(seen + within + 1));
        }
        seen += page.len();
    }
    Ok(None)
}
