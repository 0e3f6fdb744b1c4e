//! The end of a move: the mailbox is locked and switched over, or opened again where that does not come about; what
//! is left behind is put in order.

use base::FaultKind;
use directory::{
    Edit, Object, Value, View,
    verbs::{MOVE_PARTS, MovePart, switch_databases},
};
use store::{Database, StoreError};

use super::{
    super::{
        history::{self, Moved},
        notes::status,
        transfer_id,
    },
    Run, Stop, blocking, path,
};

impl Run<'_> {
    /// Locks the mailbox, takes over what is left, and lets the directory say that it is in its new database.
    pub(super) async fn complete(&mut self) -> Result<(), Stop> {
        let mut edits = status("CompletionInProgress", "Finalization");
        edits.push(("FinalSyncTimestamp", Edit::set(Value::Time(self.mover.rooms.clock.now()))));
        self.note(edits, Some("The mailbox is locked and the last changes are taken over.".into())).await?;
        self.locked = true;
        for index in 0..self.parts.len() {
            let transfer = self.parts[index].transfer.clone();
            blocking(move || transfer.lock()).await?;
        }
        self.copy().await?;
        for part in &self.parts {
            let transfer = part.transfer.clone();
            let findings = blocking(move || {
                transfer.settle()?;
                let finding = transfer.verify()?.into_iter().next();
                Ok(finding.map(|finding| {
                    let folder = finding.folder.map(|folder| path(transfer.source(), folder));
                    format!("{}: {}", folder.unwrap_or_default(), finding.text)
                }))
            });
            if let Some(finding) = findings.await? {
                return Err(Stop::failed("VerificationFailed", finding));
            }
        }
        let view = self.mover.rooms.directory.snapshot();
        self.check(&view)?;
        self.check_bad_items(&view).await?;
        self.check_copies(&view).await?;
        self.note_bad_items().await?;
        for part in &self.parts {
            let transfer = part.transfer.clone();
            blocking(move || transfer.activate().wait()).await?;
        }
        let (request, name) = (self.request, self.mover.name.clone());
        let switched = self.mover.rooms.directory.commit(move |draft| {
            let taken_by = draft.get(request).and_then(|request| request.text("MRSServerName"));
            if taken_by != Some(&*name) { Ok(false) } else { switch_databases(draft, request) }
        });
        match switched.await {
            Ok(true) => {
                self.locked = false;
                Ok(())
            }
            Ok(false) => Err(match self.mover.rooms.directory.snapshot().get(request) {
                Some(object) if object.text("MRSServerName") != Some(&*self.mover.name) => Stop::Superseded,
                Some(_) => Stop::Suspended,
                None => Stop::Gone,
            }),
            Err(fault) if matches!(fault.kind, FaultKind::Invalid | FaultKind::NotFound) => {
                Err(Stop::failed("SourceMailboxNotFound", fault.public_text))
            }
            Err(fault) => Err(Stop::Unknown(fault)),
        }
    }

    /// What is left out is said before the move knows it no more.
    async fn note_bad_items(&self) -> Result<(), Stop> {
        let bad = self.bad_items().await?;
        for item in &bad {
            self.note(Vec::new(), Some(format!("Left out: {item}"))).await?;
        }
        let count = i64::try_from(bad.len()).unwrap_or(i64::MAX);
        let mut edits = self.progress()?;
        edits.push(("BadItemsEncountered", Edit::set(Value::Int(count))));
        edits.push(("PercentComplete", Edit::set(Value::Int(99))));
        self.note(edits, None).await
    }

    /// Opens again what a completion that did not come about has locked.
    pub(in super::super) async fn release(&mut self) {
        if !std::mem::take(&mut self.locked) {
            return;
        }
        for part in &self.parts {
            let transfer = part.transfer.clone();
            let released = blocking(move || {
                transfer.deactivate().wait()?;
                transfer.unlock()
            });
            if let Err(error) = released.await {
                tracing::warn!(request = %self.request, ?error, "a mailbox stays locked until its move goes on");
            }
        }
    }

    /// The mailbox is in its new database: the old one keeps it as soft-deleted, the move forgets what it
    /// remembered.
    pub(super) async fn clean_up(&mut self) -> Result<(), Stop> {
        let mut edits = status("CompletionInProgress", "Cleanup");
        edits.push(("NextTry", Edit::clear()));
        self.note(edits, Some("The mailbox is in its new database.".into())).await?;
        let view = self.mover.rooms.directory.snapshot();
        let request = view.get(self.request).ok_or(Stop::Gone)?;
        for (index, part) in MOVE_PARTS.iter().enumerate() {
            let Some(target) = request.link(part.target) else { continue };
            let id = transfer_id(self.request, index);
            let target = self.mover.rooms.stores.get(target)?;
            let known = target.transfers()?.into_iter().find(|state| state.id == id);
            if let Some((database, mailbox)) = known.and_then(|state| state.source) {
                let source = self.mover.rooms.sources.source(database, mailbox, self.stop.clone());
                blocking(move || source.soft_delete()).await?;
                self.remember(&view, (request, part), &target).await?;
            }
            target.finish_transfer(id).await?;
        }
        let warned = request.int("BadItemsEncountered").unwrap_or(0) > 0;
        let done = if warned { "CompletedWithWarning" } else { "Completed" };
        let mut edits = status(done, "Completed");
        edits.push(("CompletionTimestamp", Edit::set(Value::Time(self.mover.rooms.clock.now()))));
        edits.push(("PercentComplete", Edit::set(Value::Int(100))));
        edits.push(("Message", Edit::clear()));
        self.note(edits, Some("The move is complete.".into())).await
    }

    /// The mailbox remembers the move.
    async fn remember(
        &self,
        view: &View,
        (request, part): (&Object, &MovePart),
        target: &Database,
    ) -> Result<(), Stop> {
        let owner = request.link("User").and_then(|user| view.get(user));
        let Some(mailbox) = owner.and_then(|owner| owner.guid_of(part.mailbox)) else { return Ok(()) };
        let moved = Moved::of(view, request, part, &self.mover.name, self.mover.rooms.clock.now());
        let target = target.clone();
        blocking(move || match target.mailbox(mailbox) {
            Ok(mailbox) => history::remember(&mailbox, moved),
            // Its owner was removed meanwhile.
            Err(StoreError::NoMailbox) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }
}
