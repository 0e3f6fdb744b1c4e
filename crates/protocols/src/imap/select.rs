//! Opening and leaving a folder: SELECT, EXAMINE, CLOSE, UNSELECT.

use services::mailbox::{Contents, Flags};
use wire::imap::{Qresync, flags::SYSTEM_FLAGS};

use super::{
    objectid::mailbox_id,
    reply::{Failure, Outcome, done, done_with},
    session::Session,
    view::{View, tell_exists, tell_flags},
};

// The flags a client sends and those the store keeps are the same bits.
const _: () = {
    assert!(Flags::ANSWERED == SYSTEM_FLAGS[0].1 && Flags::FLAGGED == SYSTEM_FLAGS[1].1);
    assert!(Flags::DELETED == SYSTEM_FLAGS[2].1 && Flags::SEEN == SYSTEM_FLAGS[3].1);
    assert!(Flags::DRAFT == SYSTEM_FLAGS[4].1);
};

impl Session {
    pub(super) async fn select(
        &mut self,
        name: &str,
        read_only: bool,
        condstore: bool,
        qresync: Option<Qresync>,
    ) -> Outcome {
        if qresync.is_some() && !self.enabled.qresync {
            return Err(Failure::Bad("ENABLE QRESYNC first".into()));
        }
        self.enabled.condstore |= condstore;
        // A SELECT that fails leaves nothing selected.
        if self.view.is_some() {
            self.leave();
            if self.enabled.condstore || self.enabled.rev2 {
                self.link.say("* OK [CLOSED] Previous mailbox closed\r\n");
            }
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
        if self.enabled.rev2 {
            // Neither \Recent nor UNSEEN, but the name as it is (RFC 9051 section 6.3.2).
            self.tell_name(folder)?;
        } else {
            self.link.say("* 0 RECENT\r\n");
            let first = first_unseen.filter(|_| !self.enabled.uid_only);
            if let Some(first) = first.and_then(|uid| view.sequence(uid)) {
                self.link.say(&format!("* OK [UNSEEN {first}] First unseen message\r\n"));
            }
        }
        self.link.say(&format!("* OK [UIDVALIDITY {}] UIDs valid\r\n", status.uid_validity));
        self.link.say(&format!("* OK [UIDNEXT {}] Next UID\r\n", status.uid_next));
        self.link.say(&format!("* OK [HIGHESTMODSEQ {}] Highest\r\n", status.highest_modseq));
        self.link.say(&format!("* OK [MAILBOXID ({})] Lasting name\r\n", mailbox_id(folder)));
        self.view = Some(view);
        if let Some(known) = qresync.filter(|known| known.uid_validity == status.uid_validity) {
            self.resynchronize(known).await?;
        }
        done_with(if read_only { "READ-ONLY" } else { "READ-WRITE" }, "Completed")
    }

    /// What happened since the client was here last (RFC 7162 section 3.2.5).
    async fn resynchronize(&mut self, known: Qresync) -> Result<(), Failure> {
        let changed = self.tell_vanished(known.modseq, known.uids.as_ref()).await?;
        let Some(view) = &mut self.view else { return Ok(()) };
        view.introduce(&changed, &mut self.link.output);
        for item in changed {
            let number = self.view.as_ref().and_then(|view| view.sequence(item.uid));
            if let Some(number) = number {
                tell_flags(&mut self.link.output, number, &item, self.enabled);
                self.link.relieve().await?;
            }
        }
        Ok(())
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
        self.leave();
        done("Completed")
    }

    /// Nothing is selected any more, no search of it is followed.
    pub(super) fn leave(&mut self) {
        self.view = None;
        self.followed.clear();
    }
}
