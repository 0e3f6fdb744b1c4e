//! Opening and leaving a folder: SELECT, EXAMINE, CLOSE, UNSELECT.

use services::mailbox::{Contents, Flags};
use wire::imap::flags::SYSTEM_FLAGS;

use super::{
    reply::{Outcome, done, done_with},
    session::Session,
    view::{View, tell_exists},
};

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
        // The watch first: what happens after it stands is told afterwards.
        let watch = mailbox.watch(folder)?;
        let Contents { status, uids, first_unseen, keywords } = mailbox.contents(folder)?;
        let view = View::new(folder, read_only, uids, status.highest_modseq, watch, keywords);
        let flags = view.known_flags();
        self.link.say(&format!("* FLAGS ({flags})\r\n"));
        let permanent = if read_only { String::new() } else { format!("{flags} \\*") };
        self.link.say(&format!("* OK [PERMANENTFLAGS ({permanent})] Permanent flags\r\n"));
        tell_exists(&mut self.link.output, view.uids().len());
        self.link.say("* 0 RECENT\r\n");
        if let Some(first) = first_unseen.and_then(|uid| view.sequence(uid)) {
            self.link.say(&format!("* OK [UNSEEN {first}] First unseen message\r\n"));
        }
        self.link.say(&format!("* OK [UIDVALIDITY {}] UIDs valid\r\n", status.uid_validity));
        self.link.say(&format!("* OK [UIDNEXT {}] Next UID\r\n", status.uid_next));
        self.link.say(&format!("* OK [HIGHESTMODSEQ {}] Highest\r\n", status.highest_modseq));
        self.view = Some(view);
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
