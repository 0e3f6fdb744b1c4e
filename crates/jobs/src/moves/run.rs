//! One move, from wherever it stands to its end (`completion`) or to where it has to stop.

mod completion;

use std::{sync::Arc, time::Duration};

use base::{EnhancedTimeSpan, Fault, Guid, Timestamp};
use directory::{
    Edit, Object, Value, View,
    verbs::{MOVE_PARTS, note_move},
};
use engine::EngineError;
use store::{
    Database, FolderId, StoreError, Transfer,
    transfer::{BadItem, Source, Step},
};
use tokio::sync::watch;

use super::{
    Inner, constraint,
    notes::{Edits, status},
    queue::moment,
    server_of, transfer_id,
};

/// Time between two notes of how far a move is.
pub(super) const NOTE_EVERY: Duration = Duration::from_secs(2);
/// Time between two looks at the copies of the target while it is filled.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What comes in so soon keeps nobody waiting when it is taken over from the locked mailbox.
const SHORT: Duration = Duration::from_secs(1);
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
    /// Another server has taken the move up.
    Superseded,
    /// The target is not active here any more.
    Lost(String),
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
            StoreError::NotMounted(_)
            | StoreError::Engine(
                EngineError::Dismounted(_) | EngineError::Passive(_) | EngineError::Unknown,
            ) => Stop::Lost(text),
            StoreError::Engine(_) | StoreError::Moving => {
                Stop::Transient { detail: "TransientFailure", text }
            }
            StoreError::Away(_) => Stop::Transient { detail: "TransientFailureSource", text },
            StoreError::Superseded(_) => Stop::Superseded,
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
    /// The database it comes from, and the server that has it.
    source: (Guid, Option<Guid>),
}

/// A turn over all folders that have changes.
struct Round {
    began: Duration,
    /// The folder that had its turn last.
    last: u32,
    /// A folder had more than went into its page.
    more: bool,
}

impl Round {
    /// Whether a page of a folder, begun at this moment, follows a round that was [`SHORT`] and brought everything.
    fn ends_with(&mut self, folder: u32, more: bool, at: Duration) -> bool {
        let is_over = folder <= self.last;
        let is_short = is_over && !self.more && at.saturating_sub(self.began) < SHORT;
        if is_over {
            (self.began, self.more) = (at, false);
        }
        (self.last, self.more) = (folder, self.more || more);
        is_short
    }
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
    /// When the target's copies were last looked at.
    asked: Option<Duration>,
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
        let noted = mover.rooms.clock.monotonic();
        Run {
            mover,
            request,
            stop,
            parts: Vec::new(),
            total: 0,
            locked: false,
            moved: false,
            noted,
            asked: None,
        }
    }

    /// Does all that can be done now.
    pub(super) async fn go(&mut self) -> Result<(), Stop> {
        let before = self.take_up().await?;
        let view = self.mover.rooms.directory.snapshot();
        let request = view.get(self.request).cloned().ok_or(Stop::Gone)?;
        if !request.flag("Switched") {
            self.check(&view)?;
            self.open(&view, &request, &before).await?;
            self.copy().await?;
            self.settle_down(&request).await?;
            self.complete().await?;
        }
        self.clean_up().await
    }

    /// Writes down that this server has the move: from now on no other one switches the mailbox over. The server
    /// that had it before. Afterwards this server's directory knows all that happened to the request until now.
    async fn take_up(&self) -> Result<String, Stop> {
        let (request, name) = (self.request, self.mover.name.clone());
        let taken = self.mover.rooms.directory.commit(move |draft| {
            let Some(object) = draft.get(request) else { return Ok(None) };
            let before = object.text("MRSServerName").unwrap_or_default().to_owned();
            note_move(draft, request, vec![("MRSServerName", Edit::set(&*name))]).map(|_| Some(before))
        });
        // Nothing has begun: while the directory has nobody who decides, this is no failure of the move.
        taken.await.map_err(|fault| Stop::Lost(fault.public_text))?.ok_or(Stop::Gone)
    }

    /// Whether the target has copies on other servers, which could take over.
    pub(super) fn is_replicated(&self, view: &View) -> bool {
        let request = view.get(self.request);
        MOVE_PARTS
            .iter()
            .filter_map(|part| request?.link(part.target))
            .any(|target| view.copies_of(target).len() > 1)
    }

    /// Finds the mailboxes on both sides, and takes back what an interrupted completion has left.
    async fn open(&mut self, view: &Arc<View>, request: &Object, before: &str) -> Result<(), Stop> {
        let user = request.link("User").and_then(|guid| view.recipient(guid)).ok_or(Stop::Gone)?;
        let (mut size, mut items) = (0, 0);
        for (index, part) in MOVE_PARTS.iter().enumerate() {
            let Some(target) = request.link(part.target) else { continue };
            let gone =
                || Stop::failed("SourceMailboxNotFound", "the mailbox to be moved does not exist any more");
            let (source, guid) =
                request.link(part.source).zip(user.guid_of(part.mailbox)).ok_or_else(gone)?;
            let target = self.mover.rooms.stores.get(target)?;
            let from = (source, server_of(view, source));
            let source = self.mover.rooms.sources.open(source, guid, &self.stop).await?;
            let id = transfer_id(self.request, index);
            let into = target.clone();
            let opened = blocking(move || {
                let transfer = into.begin_transfer(id, source)?;
                transfer.deactivate().wait()?;
                transfer.unlock()?;
                let size = transfer.source().size()?;
                Ok((transfer, size))
            });
            let (transfer, (more_items, more_bytes)) = opened.await?;
            (items, size) = (items + more_items, size + more_bytes);
            self.parts.push(Part { target, transfer, source: from });
        }
        self.total = size;
        // Nothing is put into a database whose copies do not follow.
        self.check_copies(view).await?;
        let now = Value::Time(self.mover.rooms.clock.now());
        let mut edits = status("InProgress", "CopyingMessages");
        edits.push(("TotalMailboxSize", Edit::set(Value::Size(base::ByteQuantifiedSize(size)))));
        edits
            .push(("TotalMailboxItemCount", Edit::set(Value::Int(i64::try_from(items).unwrap_or(i64::MAX)))));
        edits.push(("NextTry", Edit::clear()));
        let mut line = format!("The move goes on. Items: {items}, bytes: {size}.");
        if moment(request, "StartTimestamp").is_none() {
            edits.push(("StartTimestamp", Edit::set(now)));
            line = format!("The move has begun. Items: {items}, bytes: {size}.");
        } else if !before.is_empty() && *before != *self.mover.name {
            let brought: u64 = self.brought()?.0;
            line = format!(
                "The move is resumed: {} has the target database now, {before} had it before. Items: {items}, bytes: \
                 {size}; brought so far: {brought}.",
                self.mover.name
            );
        }
        self.note(edits, Some(line)).await
    }

    /// Takes over changes: all of them where the mailbox is locked. Before that mail may come in faster than a page
    /// is brought: what is left when a round over all folders was [`SHORT`] is the completion's.
    async fn copy(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            let mut round = Round { began: self.mover.rooms.clock.monotonic(), last: 0, more: false };
            loop {
                let began = self.mover.rooms.clock.monotonic();
                let (transfer, page) = (self.parts[index].transfer.clone(), self.mover.settings.paged());
                let Step::Took { bytes, folder, more, .. } = blocking(move || transfer.step(page)).await?
                else {
                    break;
                };
                self.moved |= bytes > 0;
                self.between().await?;
                let is_short = round.ends_with(folder, more, began);
                if self.locked {
                    continue;
                }
                if is_short {
                    break;
                }
                if let Some(rate) = self.mover.settings.max_bytes_per_second {
                    let due = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate.max(1));
                    let took = self.mover.rooms.clock.monotonic().saturating_sub(began);
                    tokio::time::sleep(due.saturating_sub(took)).await;
                }
            }
        }
        Ok(())
    }

    /// What is looked at between two pages: may the move go on, and may it go on yet?
    async fn between(&mut self) -> Result<(), Stop> {
        let view = self.mover.rooms.directory.snapshot();
        self.check(&view)?;
        self.check_bad_items(&view).await?;
        let now = self.mover.rooms.clock.monotonic();
        if self.asked.is_none_or(|asked| now.saturating_sub(asked) >= ASK_EVERY) {
            self.asked = Some(now);
            self.check_copies(&view).await?;
        }
        let line = self.source_elsewhere(&view);
        if line.is_some() || !self.locked && now.saturating_sub(self.noted) >= NOTE_EVERY {
            self.noted = now;
            let edits = self.progress()?;
            self.note(edits, line).await?;
        }
        Ok(())
    }

    /// Says so where the source has become active on another server meanwhile.
    fn source_elsewhere(&mut self, view: &View) -> Option<String> {
        let mut said = None;
        for part in &mut self.parts {
            let (database, before) = part.source;
            let now = server_of(view, database);
            if now.is_none() || now == before {
                continue;
            }
            part.source.1 = now;
            let name = |guid: Option<Guid>| {
                guid.and_then(|guid| view.get(guid)).map_or("?", |object| &object.name).to_owned()
            };
            said = Some(format!(
                "The move goes on: {} has the source database {} now, {} had it before.",
                name(now),
                name(Some(database)),
                name(before)
            ));
        }
        said
    }

    /// The request is there, nobody has suspended it, and the mailbox is still where it was.
    fn check(&self, view: &View) -> Result<(), Stop> {
        if *self.stop.borrow() {
            return Err(Stop::Shutdown);
        }
        let request = view.get(self.request).ok_or(Stop::Gone)?;
        if !self.mover.is_mine(view, request) {
            return Err(Stop::Superseded);
        }
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

    /// What could not be read, in words.
    async fn bad_items(&self) -> Result<Vec<String>, Stop> {
        let mut all = Vec::new();
        for part in &self.parts {
            let transfer = part.transfer.clone();
            all.extend(
                blocking(move || {
                    let source = transfer.source();
                    Ok(transfer.bad_items()?.iter().map(|item| describe(source, item)).collect::<Vec<_>>())
                })
                .await?,
            );
        }
        Ok(all)
    }

    /// More bad items than the request allows end the move.
    async fn check_bad_items(&self, view: &View) -> Result<(), Stop> {
        let bad = self.bad_items().await?;
        let limit = view.get(self.request).map(|request| request.count("BadItemLimit"));
        let limit = match limit.as_ref().map(|limit| limit.limit()) {
            Some(Some(limit)) => *limit,
            Some(None) => return Ok(()),
            None => 0,
        };
        if i64::try_from(bad.len()).unwrap_or(i64::MAX) <= limit {
            return Ok(());
        }
        let text = format!(
            "items that could not be read: {}; the bad item limit is {limit}: {}",
            bad.len(),
            bad[..bad.len().min(NAMED_MAX)].join("; ")
        );
        Err(Stop::failed("BadItemLimit", text))
    }

    /// The copies of the target database have what was brought, as far as its constraint asks.
    async fn check_copies(&self, view: &Arc<View>) -> Result<(), Stop> {
        for part in &self.parts {
            let Some(database) = view.get(part.target.guid()) else { continue };
            let rooms = &self.mover.rooms;
            let held_back = constraint::hold_back(view, database, &rooms.copies, &rooms.clock);
            if let Err(text) = held_back.await {
                return Err(Stop::Transient { detail: "StalledDueToTarget_MdbReplication", text });
            }
        }
        Ok(())
    }

    /// Everything is copied: small things follow, and it is asked whether the move may be completed now.
    async fn settle_down(&mut self, request: &Object) -> Result<(), Stop> {
        self.check_bad_items(&self.mover.rooms.directory.snapshot()).await?;
        for part in &self.parts {
            let transfer = part.transfer.clone();
            blocking(move || transfer.settle()).await?;
        }
        let mut edits = self.progress()?;
        edits.push(("StatusDetail", Edit::set("IncrementalSync")));
        edits.push(("PercentComplete", Edit::set(Value::Int(COPIED_PERCENT))));
        let now = self.mover.rooms.clock.now();
        let first = moment(request, "InitialSeedingCompletedTimestamp").is_none();
        if first {
            edits.push(("InitialSeedingCompletedTimestamp", Edit::set(Value::Time(now))));
        }
        let line = if first { "Everything is copied." } else { "The copy is up to date." };
        self.note(edits, Some(line.into())).await?;
        let view = self.mover.rooms.directory.snapshot();
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
        self.check_copies(&view).await
    }

    /// Items and bytes brought so far.
    fn brought(&self) -> Result<(u64, u64), Stop> {
        let (mut items, mut bytes) = (0, 0);
        for part in &self.parts {
            let progress = part.transfer.progress()?;
            (items, bytes) = (items + progress.items, bytes + progress.bytes);
        }
        Ok((items, bytes))
    }

    /// How far the move is.
    fn progress(&self) -> Result<Edits, Stop> {
        let (items, bytes) = self.brought()?;
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
pub(super) fn path(source: &Source, folder: FolderId) -> String {
    match source.path(folder) {
        Ok(path) if !path.is_empty() => format!("/{}", path.join("/")),
        _ => format!("folder {}", folder.0),
    }
}

pub(super) fn describe(source: &Source, item: &BadItem) -> String {
    format!("item with UID {} in {}: {}", item.uid, path(source, item.folder), item.reason)
}
