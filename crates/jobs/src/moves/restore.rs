//! One restore, from wherever it stands to its end: what is in a disconnected mailbox is copied into one that
//! belongs to somebody, folder by folder. Nothing comes twice: the store remembers what was copied
//! ([`store::merge`]), so a restore that was killed begins again.

use base::{ByteQuantifiedSize, Guid};
use directory::{Edit, Object, Value, View};
use store::{
    Limits, Mailbox, Merge, StoreError,
    transfer::{BadItem, Source},
};
use tokio::sync::watch;
use transport::deliver::{limits_of, open_or_make};

use super::{
    Inner,
    notes::{Edits, status},
    plan,
    queue::moment,
    run::{NAMED_MAX, NOTE_EVERY, Stop, blocking, describe},
};

/// Takes a request as far as it goes now.
pub(super) async fn carry(mover: &Inner, request: Guid, stop: watch::Receiver<bool>) {
    let mut restore = Restore { mover, request, stop, done: Done::default() };
    let Err(why) = restore.go().await else { return };
    tracing::info!(%request, ?why, "a restore has stopped");
    if let Err(fault) = mover.note_stop(request, restore.done.items > 0, why).await {
        tracing::warn!(%request, ?fault, "a restore request could not be written");
    }
}

/// What was done this time.
#[derive(Default)]
struct Done {
    items: u64,
    bytes: u64,
    known: u64,
    known_bytes: u64,
    bad: Vec<BadItem>,
}

struct Restore<'a> {
    mover: &'a Inner,
    request: Guid,
    stop: watch::Receiver<bool>,
    done: Done,
}

impl Restore<'_> {
    async fn go(&mut self) -> Result<(), Stop> {
        let view = self.mover.rooms.directory.snapshot();
        let request = view.get(self.request).cloned().ok_or(Stop::Gone)?;
        self.check(&view)?;
        let (merge, quota) = self.open(&view, &request).await?;
        let planned = {
            let (merge, request) = (merge.clone(), request.clone());
            blocking(move || plan::folders(&request, merge.source())).await?
        };
        self.begin(&request, &merge, &planned).await?;
        let mut noted = self.mover.rooms.clock.monotonic();
        for folder in planned {
            let target = plan::open_target(merge.target(), &request, &folder).await?;
            let mut after = 0;
            loop {
                let (copy, page, from) = (merge.clone(), self.mover.settings.page, folder.id);
                let merged = blocking(move || copy.page(from, target, after, page, quota)).await;
                let merged = merged.map_err(full)?;
                self.done.items += merged.items;
                self.done.bytes += merged.bytes;
                self.done.known += merged.known;
                self.done.known_bytes += merged.known_bytes;
                self.done.bad.extend(merged.bad);
                self.check(&self.mover.rooms.directory.snapshot())?;
                self.check_bad_items(merge.source())?;
                let now = self.mover.rooms.clock.monotonic();
                if now.saturating_sub(noted) >= NOTE_EVERY {
                    noted = now;
                    let edits = self.progress();
                    self.note(edits, None).await?;
                }
                let Some(next) = merged.next else { break };
                after = next;
            }
            let option = request.text("AssociatedMessagesCopyOption").unwrap_or("DoNotCopy");
            if option != "DoNotCopy" {
                let (merge, from, replace) = (merge.clone(), folder.id, option == "MapByMessageClass");
                blocking(move || merge.associated(from, target, replace)).await?;
            }
        }
        self.finish(merge.source()).await
    }

    /// May it go on?
    fn check(&self, view: &View) -> Result<(), Stop> {
        if *self.stop.borrow() {
            return Err(Stop::Shutdown);
        }
        match view.get(self.request) {
            None => Err(Stop::Gone),
            Some(request) if !self.mover.is_mine(view, request) => Err(Stop::Superseded),
            Some(request) if request.flag("Suspend") => Err(Stop::Suspended),
            Some(_) => Ok(()),
        }
    }

    /// Finds both mailboxes.
    async fn open(&self, view: &View, request: &Object) -> Result<(Merge, Limits), Stop> {
        let source = merge_source(request, self.mover)?;
        let user = request.link("TargetMailbox").and_then(|user| view.recipient(user)).ok_or(Stop::Gone)?;
        let names = if request.flag("TargetIsArchive") {
            ("ArchiveGuid", "ArchiveDatabase")
        } else {
            ("ExchangeGuid", "Database")
        };
        let gone =
            || Stop::failed("TargetMailboxNotFound", "the mailbox to be filled does not exist any more");
        let (guid, database) = user.guid_of(names.0).zip(user.link(names.1)).ok_or_else(gone)?;
        let target = open_or_make(&self.mover.rooms.stores.get(database)?, guid, view).await?;
        let again = request.text("ConflictResolutionOption") == Some("KeepAll");
        let again = again.then_some(self.request);
        let merge = blocking(move || Merge::new(&source, &target, again)).await?;
        Ok((merge, limits_of(view, &user)))
    }

    async fn begin(&self, request: &Object, merge: &Merge, planned: &[plan::Planned]) -> Result<(), Stop> {
        let (items, bytes) = planned
            .iter()
            .fold((0, 0), |(items, bytes), folder| (items + u64::from(folder.items), bytes + folder.size));
        let now = Value::Time(self.mover.rooms.clock.now());
        let mut edits = status("InProgress", "CopyingMessages");
        edits.push(("TotalMailboxSize", Edit::set(Value::Size(ByteQuantifiedSize(bytes)))));
        edits.push(("TotalMailboxItemCount", Edit::set(Value::Int(int(items)))));
        edits.push(("MRSServerName", Edit::set(&*self.mover.name)));
        edits.push(("NextTry", Edit::clear()));
        let name = merge.source().statistics()?.display_name;
        let mut line = format!("The restore goes on. Items: {items}, bytes: {bytes}.");
        if moment(request, "StartTimestamp").is_none() {
            edits.push(("StartTimestamp", Edit::set(now)));
            line = format!("The restore from mailbox \"{name}\" has begun. Items: {items}, bytes: {bytes}.");
        }
        self.note(edits, Some(line)).await
    }

    /// More bad items than the request allows end the restore.
    fn check_bad_items(&self, source: &Mailbox) -> Result<(), Stop> {
        let bad = &self.done.bad;
        let view = self.mover.rooms.directory.snapshot();
        let limit = view.get(self.request).map(|request| request.count("BadItemLimit"));
        let limit = match limit.as_ref().map(|limit| limit.limit()) {
            Some(Some(limit)) => *limit,
            Some(None) => return Ok(()),
            None => 0,
        };
        if int(bad.len() as u64) <= limit {
            return Ok(());
        }
        let named: Vec<String> =
            bad.iter().take(NAMED_MAX).map(|item| describe(&Source::from(source), item)).collect();
        let text = format!(
            "items that could not be read: {}; the bad item limit is {limit}: {}",
            bad.len(),
            named.join("; ")
        );
        Err(Stop::failed("BadItemLimit", text))
    }

    fn progress(&self) -> Edits {
        let view = self.mover.rooms.directory.snapshot();
        let total = view.get(self.request).map(|request| request.size("TotalMailboxSize"));
        let total = total.and_then(|size| size.limit().map(|size| size.bytes())).unwrap_or(0);
        let done = self.done.bytes + self.done.known_bytes;
        vec![
            ("ItemsTransferred", Edit::set(Value::Int(int(self.done.items + self.done.known)))),
            ("BytesTransferred", Edit::set(Value::Size(ByteQuantifiedSize(done)))),
            ("PercentComplete", Edit::set(Value::Int(super::percent(done, total)))),
        ]
    }

    async fn finish(&self, source: &Mailbox) -> Result<(), Stop> {
        for item in &self.done.bad {
            self.note(Vec::new(), Some(format!("Left out: {}", describe(&Source::from(source), item))))
                .await?;
        }
        let mut edits = self.progress();
        let bad = self.done.bad.len() as u64;
        let done = if bad > 0 { "CompletedWithWarning" } else { "Completed" };
        edits.extend(status(done, "Completed"));
        edits.push(("BadItemsEncountered", Edit::set(Value::Int(int(bad)))));
        edits.push(("CompletionTimestamp", Edit::set(Value::Time(self.mover.rooms.clock.now()))));
        edits.push(("PercentComplete", Edit::set(Value::Int(100))));
        edits.push(("Message", Edit::clear()));
        let line = format!(
            "The restore is complete. Items copied: {}, there already: {}.",
            self.done.items, self.done.known
        );
        self.note(edits, Some(line)).await
    }

    async fn note(&self, edits: Edits, line: Option<String>) -> Result<(), Stop> {
        if self.mover.note(self.request, edits, line).await? { Ok(()) } else { Err(Stop::Gone) }
    }
}

fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A full target does not become empty by waiting.
fn full(stop: Stop) -> Stop {
    match stop {
        Stop::Failed { kind: "Other", text } if text.starts_with("the mailbox is full") => {
            Stop::failed("TargetMailboxFull", text)
        }
        other => other,
    }
}

/// The mailbox that a request takes from.
fn merge_source(request: &Object, mover: &Inner) -> Result<Mailbox, Stop> {
    let gone =
        || Stop::failed("SourceMailboxNotFound", "the mailbox to restore from does not exist any more");
    let (database, guid) =
        request.link("SourceDatabase").zip(request.guid_of("SourceExchangeGuid")).ok_or_else(gone)?;
    match mover.rooms.stores.get(database)?.mailbox(guid) {
        Ok(mailbox) => Ok(mailbox),
        Err(StoreError::NoMailbox) => Err(gone()),
        Err(error) => Err(error.into()),
    }
}
