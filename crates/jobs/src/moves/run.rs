//! One move, from wherever it stands to its end or to where it has to stop.

use std::time::Duration;

use base::{EnhancedTimeSpan, Fault, FaultKind, Guid, Timestamp};
use directory::{
    Edit, Object, Value, View,
    verbs::{MOVE_PARTS, switch_databases},
};
use store::{
    Database, DisconnectReason, FolderId, Mailbox, MailboxState, StoreError, Transfer,
    transfer::{BadItem, Step},
};
use tokio::sync::watch;
use transport::deliver::open_or_make;

use super::{
    Inner, constraint,
    notes::{Edits, status},
    queue::moment,
    transfer_id,
};

/// Time between two notes of how far a move is.
pub(super) const NOTE_EVERY: Duration = Duration::from_secs(2);
/// What is shown when everything is copied and only the last changes are missing.
const COPIED_PERCENT: i64 = 95;
/// Bad items that a failure names.
pub(super) const NAMED_MAX: usize = 10;

/// Why a move did not come to its end this time.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request was removed.
    Gone,
    /// The server stops.
    Shutdown,
    /// An administrator suspended it.
    Suspended,
    /// Everything is copied; an administrator wants to say when it is completed.
    Ready,
    /// Everything is copied; it goes on at this moment.
    Waiting(Timestamp),
    /// It may pass.
    Transient { detail: &'static str, text: String },
    /// It does not pass.
    Failed { kind: &'static str, text: String },
    /// The directory did not say whether the mailbox was switched over: nothing may be undone.
    Unknown(Fault),
}

impl Stop {
    pub(super) fn failed(kind: &'static str, text: impl Into<String>) -> Self {
        Stop::Failed { kind, text: text.into() }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Engine(_) | StoreError::NotMounted(_) | StoreError::Moving => {
                Stop::Transient { detail: "TransientFailure", text }
            }
            StoreError::MailboxExists(_) => Stop::failed("TargetMailboxExists", text),
            StoreError::Row(_) => Stop::failed("DataCorruption", text),
            _ => Stop::failed("Other", text),
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Transient { detail: "TransientFailure", text: fault.public_text }
    }
}

/// A mailbox (the user's own, or the archive) on its way.
struct Part {
    target: Database,
    transfer: Transfer,
}

/// A move under way.
pub(super) struct Run<'a> {
    mover: &'a Inner,
    request: Guid,
    stop: watch::Receiver<bool>,
    parts: Vec<Part>,
    /// Sizes of the mailboxes together, bytes.
    total: u64,
    /// The sources are locked.
    locked: bool,
    /// Something was copied this time: failures before are over.
    pub(super) moved: bool,
    noted: Duration,
}

/// Runs what waits for the disk.
pub(super) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, StoreError> + Send + 'static,
) -> Result<R, Stop> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Fault::internal(error).into()),
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(mover: &'a Inner, request: Guid, stop: watch::Receiver<bool>) -> Self {
        let noted = mover.clock.monotonic();
        Run { mover, request, stop, parts: Vec::new(), total: 0, locked: false, moved: false, noted }
    }

    /// Does all that can be done now.
    pub(super) async fn go(&mut self) -> Result<(), Stop> {
        let view = self.mover.directory.snapshot();
        let request = view.get(self.request).cloned().ok_or(Stop::Gone)?;
        if !request.flag("Switched") {
            self.check(&view)?;
            self.open(&view, &request).await?;
            self.copy().await?;
            self.settle_down(&request).await?;
            self.complete().await?;
        }
        self.clean_up().await
    }

    /// Finds the mailboxes on both sides, and takes back what an interrupted completion has left.
    async fn open(&mut self, view: &View, request: &Object) -> Result<(), Stop> {
        let user = request.link("User").and_then(|guid| view.recipient(guid)).ok_or(Stop::Gone)?;
        let (mut size, mut items) = (0, 0);
        for (index, part) in MOVE_PARTS.iter().enumerate() {
            let Some(target) = request.link(part.target) else { continue };
            let gone =
                || Stop::failed("SourceMailboxNotFound", "the mailbox to be moved does not exist any more");
            let (source, guid) =
                request.link(part.source).zip(user.guid_of(part.mailbox)).ok_or_else(gone)?;
            let source = self.mover.stores.get(source)?;
            let source = open_or_make(&source, guid, view).await?;
            let target = self.mover.stores.get(target)?;
            let statistics = source.statistics()?;
            size += statistics.size + statistics.recoverable_size;
            items += statistics.items + statistics.recoverable;
            let id = transfer_id(self.request, index);
            let (into, from) = (target.clone(), source.clone());
            let transfer = blocking(move || {
                let transfer = into.begin_transfer(id, &from)?;
                transfer.deactivate().wait()?;
                from.unlock().wait()?;
                Ok(transfer)
            });
            self.parts.push(Part { target, transfer: transfer.await? });
        }
        self.total = size;
        let now = Value::Time(self.mover.clock.now());
        let mut edits = status("InProgress", "CopyingMessages");
        edits.push(("TotalMailboxSize", Edit::set(Value::Size(base::ByteQuantifiedSize(size)))));
        edits
            .push(("TotalMailboxItemCount", Edit::set(Value::Int(i64::try_from(items).unwrap_or(i64::MAX)))));
        edits.push(("MRSServerName", Edit::set(&*self.mover.server)));
        edits.push(("NextTry", Edit::clear()));
        let mut line = format!("The move goes on. Items: {items}, bytes: {size}.");
        if moment(request, "StartTimestamp").is_none() {
            edits.push(("StartTimestamp", Edit::set(now)));
            line = format!("The move has begun. Items: {items}, bytes: {size}.");
        }
        self.note(edits, Some(line)).await
    }

    /// Takes over changes until there are none.
    async fn copy(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            loop {
                let began = self.mover.clock.monotonic();
                let (transfer, page) = (self.parts[index].transfer.clone(), self.mover.settings.page);
                let Step::Took { bytes, .. } = blocking(move || transfer.step(page)).await? else { break };
                self.moved |= bytes > 0;
                self.between().await?;
                if let Some(rate) = self.mover.settings.max_bytes_per_second {
                    let due = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate.max(1));
                    let took = self.mover.clock.monotonic().saturating_sub(began);
                    tokio::time::sleep(due.saturating_sub(took)).await;
                }
            }
        }
        Ok(())
    }

    /// What is looked at between two pages: may the move go on, and may it go on yet?
    async fn between(&mut self) -> Result<(), Stop> {
        let view = self.mover.directory.snapshot();
        self.check(&view)?;
        self.check_bad_items(&view)?;
        self.check_copies(&view)?;
        let now = self.mover.clock.monotonic();
        if !self.locked && now.saturating_sub(self.noted) >= NOTE_EVERY {
            self.noted = now;
            let edits = self.progress()?;
            self.note(edits, None).await?;
        }
        Ok(())
    }

    /// The request is there, nobody has suspended it, and the mailbox is still where it was.
    fn check(&self, view: &View) -> Result<(), Stop> {
        if *self.stop.borrow() {
            return Err(Stop::Shutdown);
        }
        let request = view.get(self.request).ok_or(Stop::Gone)?;
        if request.flag("Suspend") {
            return Err(Stop::Suspended);
        }
        let user = request.link("User").and_then(|guid| view.get(guid)).ok_or(Stop::Gone)?;
        for part in MOVE_PARTS.iter().filter(|part| request.link(part.source).is_some()) {
            if user.link(part.database) != request.link(part.source) {
                return Err(Stop::failed(
                    "SourceMailboxNotFound",
                    "the mailbox isn't in the database any more that it was to be moved from",
                ));
            }
            if request.link(part.target).is_none() {
                return Err(Stop::failed(
                    "TargetDatabaseNotFound",
                    "the target database does not exist any more",
                ));
            }
        }
        if MOVE_PARTS.iter().all(|part| request.link(part.source).is_none()) {
            return Err(Stop::failed(
                "SourceDatabaseNotFound",
                "the source database does not exist any more",
            ));
        }
        Ok(())
    }

    fn bad_items(&self) -> Result<Vec<(Mailbox, BadItem)>, Stop> {
        let mut all = Vec::new();
        for part in &self.parts {
            let source = part.transfer.source();
            all.extend(part.transfer.bad_items()?.into_iter().map(|item| (source.clone(), item)));
        }
        Ok(all)
    }

    /// More bad items than the request allows end the move.
    fn check_bad_items(&self, view: &View) -> Result<(), Stop> {
        let bad = self.bad_items()?;
        let limit = view.get(self.request).map(|request| request.count("BadItemLimit"));
        let limit = match limit.as_ref().map(|limit| limit.limit()) {
            Some(Some(limit)) => *limit,
            Some(None) => return Ok(()),
            None => 0,
        };
        if i64::try_from(bad.len()).unwrap_or(i64::MAX) <= limit {
            return Ok(());
        }
        let named: Vec<String> =
            bad.iter().take(NAMED_MAX).map(|(source, item)| describe(source, item)).collect();
        let text = format!(
            "items that could not be read: {}; the bad item limit is {limit}: {}",
            bad.len(),
            named.join("; ")
        );
        Err(Stop::failed("BadItemLimit", text))
    }

    /// The copies of the target database have what was brought, as far as its constraint asks.
    fn check_copies(&self, view: &View) -> Result<(), Stop> {
        for part in &self.parts {
            let Some(database) = view.get(part.target.guid()) else { continue };
            let copies = (self.mover.copies)(view, database);
            let constraint = constraint::constraint(database, &copies);
            if !constraint::is_satisfied(constraint, &copies) {
                return Err(Stop::Transient {
                    detail: "StalledDueToTarget_MdbReplication",
                    text: format!(
                        "the copies of database \"{}\" do not satisfy the constraint {constraint} yet",
                        database.name
                    ),
                });
            }
        }
        Ok(())
    }

    /// Everything is copied: small things follow, and it is asked whether the move may be completed now.
    async fn settle_down(&mut self, request: &Object) -> Result<(), Stop> {
        self.check_bad_items(&self.mover.directory.snapshot())?;
        for part in &self.parts {
            let transfer = part.transfer.clone();
            blocking(move || transfer.settle()).await?;
        }
        let mut edits = self.progress()?;
        edits.push(("StatusDetail", Edit::set("IncrementalSync")));
        edits.push(("PercentComplete", Edit::set(Value::Int(COPIED_PERCENT))));
        let now = self.mover.clock.now();
        let first = moment(request, "InitialSeedingCompletedTimestamp").is_none();
        if first {
            edits.push(("InitialSeedingCompletedTimestamp", Edit::set(Value::Time(now))));
        }
        let line = if first { "Everything is copied." } else { "The copy is up to date." };
        self.note(edits, Some(line.into())).await?;
        let view = self.mover.directory.snapshot();
        self.check(&view)?;
        let request = view.get(self.request).ok_or(Stop::Gone)?;
        if request.flag("SuspendWhenReadyToComplete") || request.flag("PreventCompletion") {
            return Err(Stop::Ready);
        }
        if let Some(at) = moment(request, "CompleteAfter").filter(|at| *at > now) {
            let interval = request.span("IncrementalSyncInterval").filter(|span| span.micros > 0);
            let next = now.plus(interval.unwrap_or(EnhancedTimeSpan::from_days(1)));
            return Err(Stop::Waiting(at.min(next)));
        }
        self.check_copies(&view)
    }

    /// Locks the mailbox, takes over what is left, and lets the directory say that it is in its new database.
    async fn complete(&mut self) -> Result<(), Stop> {
        let mut edits = status("CompletionInProgress", "Finalization");
        edits.push(("FinalSyncTimestamp", Edit::set(Value::Time(self.mover.clock.now()))));
        self.note(edits, Some("The mailbox is locked and the last changes are taken over.".into())).await?;
        self.locked = true;
        for index in 0..self.parts.len() {
            self.parts[index].transfer.source().lock().await?;
        }
        self.copy().await?;
        for part in &self.parts {
            let transfer = part.transfer.clone();
            let findings = blocking(move || {
                transfer.settle()?;
                transfer.verify()
            });
            if let Some(finding) = findings.await?.into_iter().next() {
                let folder =
                    finding.folder.map(|folder| path(part.transfer.source(), folder)).unwrap_or_default();
                return Err(Stop::failed("VerificationFailed", format!("{folder}: {}", finding.text)));
            }
        }
        let view = self.mover.directory.snapshot();
        self.check(&view)?;
        self.check_bad_items(&view)?;
        self.check_copies(&view)?;
        self.note_bad_items().await?;
        for part in &self.parts {
            let transfer = part.transfer.clone();
            blocking(move || transfer.activate().wait()).await?;
        }
        let request = self.request;
        match self.mover.directory.commit(move |draft| switch_databases(draft, request)).await {
            Ok(true) => {
                self.locked = false;
                Ok(())
            }
            Ok(false) => Err(match self.mover.directory.snapshot().get(request) {
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
        let bad = self.bad_items()?;
        for (source, item) in &bad {
            self.note(Vec::new(), Some(format!("Left out: {}", describe(source, item)))).await?;
        }
        let count = i64::try_from(bad.len()).unwrap_or(i64::MAX);
        let mut edits = self.progress()?;
        edits.push(("BadItemsEncountered", Edit::set(Value::Int(count))));
        edits.push(("PercentComplete", Edit::set(Value::Int(99))));
        self.note(edits, None).await
    }

    /// Opens again what a completion that did not come about has locked.
    pub(super) async fn release(&mut self) {
        if !std::mem::take(&mut self.locked) {
            return;
        }
        for part in &self.parts {
            let transfer = part.transfer.clone();
            let released = blocking(move || {
                transfer.deactivate().wait()?;
                transfer.source().unlock().wait()
            });
            if let Err(error) = released.await {
                tracing::warn!(request = %self.request, ?error, "a mailbox stays locked until its move goes on");
            }
        }
    }

    /// The mailbox is in its new database: the old one keeps it as soft-deleted, the move forgets what it
    /// remembered.
    async fn clean_up(&mut self) -> Result<(), Stop> {
        let mut edits = status("CompletionInProgress", "Cleanup");
        edits.push(("NextTry", Edit::clear()));
        self.note(edits, Some("The mailbox is in its new database.".into())).await?;
        let view = self.mover.directory.snapshot();
        let request = view.get(self.request).ok_or(Stop::Gone)?;
        for (index, part) in MOVE_PARTS.iter().enumerate() {
            let Some(target) = request.link(part.target) else { continue };
            let id = transfer_id(self.request, index);
            let target = self.mover.stores.get(target)?;
            let known = target.transfers()?.into_iter().find(|state| state.id == id);
            if let Some((database, mailbox)) = known.and_then(|state| state.source) {
                let source = self.mover.stores.get(database)?.mailbox_by_id(mailbox);
                if source.statistics()?.state == MailboxState::Connected {
                    source.disconnect(DisconnectReason::SoftDeleted).await?;
                }
            }
            target.finish_transfer(id).await?;
        }
        let warned = request.int("BadItemsEncountered").unwrap_or(0) > 0;
        let done = if warned { "CompletedWithWarning" } else { "Completed" };
        let mut edits = status(done, "Completed");
        edits.push(("CompletionTimestamp", Edit::set(Value::Time(self.mover.clock.now()))));
        edits.push(("PercentComplete", Edit::set(Value::Int(100))));
        edits.push(("Message", Edit::clear()));
        self.note(edits, Some("The move is complete.".into())).await
    }

    /// How far the move is.
    fn progress(&self) -> Result<Edits, Stop> {
        let (mut items, mut bytes) = (0, 0);
        for part in &self.parts {
            let progress = part.transfer.progress()?;
            (items, bytes) = (items + progress.items, bytes + progress.bytes);
        }
        Ok(vec![
            ("ItemsTransferred", Edit::set(Value::Int(i64::try_from(items).unwrap_or(i64::MAX)))),
            ("BytesTransferred", Edit::set(Value::Size(base::ByteQuantifiedSize(bytes)))),
            ("PercentComplete", Edit::set(Value::Int(super::percent(bytes, self.total)))),
        ])
    }

    /// Writes into the request.
    async fn note(&self, edits: Edits, line: Option<String>) -> Result<(), Stop> {
        if self.mover.note(self.request, edits, line).await? { Ok(()) } else { Err(Stop::Gone) }
    }

    /// Writes down why the move has stopped.
    pub(super) async fn note_stop(&self, stop: Stop) -> Result<(), Fault> {
        self.mover.note_stop(self.request, self.moved, stop).await
    }
}

/// The path of a folder, for people.
pub(super) fn path(mailbox: &Mailbox, folder: FolderId) -> String {
    let found = mailbox.all_folders().ok().and_then(|all| all.into_iter().find(|one| one.id == folder));
    found.map_or_else(|| format!("folder {}", folder.0), |folder| format!("/{}", folder.path.join("/")))
}

pub(super) fn describe(source: &Mailbox, item: &BadItem) -> String {
    format!("item with UID {} in {}: {}", item.uid, path(source, item.folder), item.reason)
}
