//! The mover: mailboxes go from one database to another while they are used (`New-MoveRequest`), and what is in
//! those that belong to nobody goes into others (`New-MailboxRestoreRequest`).
//!
//! A request is an object of the directory; how far it has come is a row of the target database, written with
//! every page that was copied. The server that has the active copy of the target moves; whichever it is when that
//! copy is lost finds both again and goes on. What can be seen of the mailbox changes hands in one transaction of
//! the directory.

mod away;
pub mod constraint;
mod history;
mod notes;
mod plan;
mod queue;
mod restore;
mod run;
mod settings;
mod wire;

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use base::{Fault, Guid, clock::SharedClock};
use directory::{
    Directory, Object, View,
    schema::{MAILBOX_RESTORE_REQUEST, MOVE_REQUEST},
    verbs::MOVE_PARTS,
};
use store::{Database, StoreError, Stores, transfer::TransferState};
use tokio::{sync::watch, task::JoinSet};
use transport::notice::Notice;

use self::{
    constraint::Copies,
    run::{Run, Stop},
};
pub use away::Sources;
pub use history::{Moved, moves_of};
pub use settings::Settings;

use crate::batches;

/// How often requests are looked at when nobody changes the directory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What another server goes on with is left alone for so long before it is looked again.
const LET_GO: Duration = Duration::from_millis(500);

/// Moves mailboxes between the databases of this server; clones share it.
#[derive(Clone)]
pub struct Mover {
    inner: Arc<Inner>,
}

struct Inner {
    rooms: Rooms,
    settings: Settings,
    /// This server's name, for reports.
    name: Arc<str>,
}

/// Sends a notice.
pub type Notify = dyn Fn(Notice) -> Notified + Send + Sync;
/// What becomes of sending.
pub type Notified = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// What a mover works with.
pub struct Rooms {
    /// Requests, and who has which mailbox where.
    pub directory: Directory,
    /// The databases that are active here.
    pub stores: Stores,
    /// What time it is.
    pub clock: SharedClock,
    /// This server.
    pub server: Guid,
    /// Where mailboxes are taken from.
    pub sources: Sources,
    /// How the copies of targets stand.
    pub copies: Box<Copies>,
    /// Sends the reports of batches.
    pub notify: Box<Notify>,
}

/// The identity of a request's part in the database it fills.
pub fn transfer_id(request: Guid, part: usize) -> Guid {
    let mut id = request;
    id.0[15] ^= u8::try_from(part).unwrap_or(u8::MAX);
    id
}

/// The database that a request fills.
fn target_of(view: &View, request: &Object) -> Option<Guid> {
    if *request.class != MAILBOX_RESTORE_REQUEST {
        return MOVE_PARTS.iter().find_map(|part| request.link(part.target));
    }
    let database = if request.flag("TargetIsArchive") { "ArchiveDatabase" } else { "Database" };
    request.link("TargetMailbox").and_then(|user| view.get(user))?.link(database)
}

/// The server that has a database now.
fn server_of(view: &View, database: Guid) -> Option<Guid> {
    view.get(database)?.link("Server")
}

/// How far a copy is, percent: the last few are the completion's.
pub fn percent(bytes: u64, total: u64) -> i64 {
    let done = if total == 0 { 95 } else { u128::from(bytes) * 95 / u128::from(total) };
    i64::try_from(done).unwrap_or(95).min(95)
}

impl Mover {
    /// Over the rooms of one server.
    pub fn new(rooms: Rooms, settings: Settings) -> Self {
        let view = rooms.directory.snapshot();
        let name = view.get(rooms.server).map_or("", |server| &server.name).into();
        drop(view);
        Mover { inner: Arc::new(Inner { rooms, settings, name }) }
    }

    /// Moves until `stop` turns true; what is under way stops at the next page and goes on at the next start.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let mut changes = self.inner.rooms.directory.watch();
        let mut stopping = stop.clone();
        let mut tasks: JoinSet<Guid> = JoinSet::new();
        let mut running: Vec<Guid> = Vec::new();
        loop {
            self.sweep(&running).await;
            self.report().await;
            let view = self.inner.rooms.directory.snapshot();
            let now = self.inner.rooms.clock.now();
            let mine = |request: &Object| self.inner.is_mine(&view, request);
            let mut due = queue::choose(&view, &running, &self.inner.settings, now, mine);
            due.extend(queue::choose_restores(&view, &running, &self.inner.settings, now, mine));
            for request in due {
                let (mover, stop) = (self.clone(), stop.clone());
                running.push(request);
                tasks.spawn(async move {
                    mover.carry(request, stop).await;
                    request
                });
            }
            drop(view);
            tokio::select! {
                _ = async { stopping.wait_for(|stop| *stop).await.ok(); } => break,
                Some(ended) = tasks.join_next() => match ended {
                    Ok(request) => running.retain(|own| *own != request),
                    Err(error) => {
                        tracing::error!(%error, "a move broke down");
                        // Which one is not said; those that still run are found by waiting for them.
                        while let Some(ended) = tasks.join_next().await {
                            drop(ended);
                        }
                        running.clear();
                    }
                },
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Takes one request as far as it goes now.
    pub async fn carry(&self, request: Guid, stop: watch::Receiver<bool>) {
        let is_restore = |object: &Arc<Object>| *object.class == MAILBOX_RESTORE_REQUEST;
        if self.inner.rooms.directory.snapshot().get(request).is_some_and(is_restore) {
            return restore::carry(&self.inner, request, stop).await;
        }
        let mut run = Run::new(&self.inner, request, stop);
        let Err(why) = run.go().await else { return };
        let view = self.inner.rooms.directory.snapshot();
        let is_mine = view.get(request).is_none_or(|request| self.inner.is_mine(&view, request));
        let is_lost = matches!(why, Stop::Lost(_)) && run.is_replicated(&view);
        drop(view);
        if is_lost || !is_mine || matches!(why, Stop::Superseded) {
            tracing::info!(%request, ?why, "a move goes on where its target is active");
            return tokio::time::sleep(LET_GO).await;
        }
        tracing::info!(%request, ?why, "a move has stopped");
        // What the directory did not answer for must not be undone.
        if !matches!(why, Stop::Unknown(_)) {
            run.release().await;
        }
        if let Err(fault) = run.note_stop(why).await {
            tracing::warn!(%request, ?fault, "a move request could not be written");
        }
    }

    /// Mails the reports of batches that are due.
    pub async fn report(&self) {
        for notice in batches::reports(&self.inner.rooms.directory).await {
            let subject = notice.subject.clone();
            if let Err(fault) = (self.inner.rooms.notify)(notice).await {
                tracing::warn!(subject, ?fault, "the report of a migration batch could not be sent");
            }
        }
    }

    /// Undoes what moves have left whose requests were removed, and forgets requests whose time is over.
    pub async fn sweep(&self, running: &[Guid]) {
        let view = self.inner.rooms.directory.snapshot();
        let now = self.inner.rooms.clock.now();
        let mut known: HashMap<Guid, Guid> = HashMap::new();
        for request in view.of_class(&MOVE_REQUEST) {
            for part in 0..MOVE_PARTS.len() {
                known.insert(transfer_id(request.guid, part), request.guid);
            }
        }
        for request in view.of_class(&MOVE_REQUEST).chain(view.of_class(&MAILBOX_RESTORE_REQUEST)) {
            if queue::has_expired(request, now) {
                let guid = request.guid;
                if let Err(fault) = self.inner.rooms.directory.commit(move |draft| draft.delete(guid)).await {
                    tracing::warn!(?fault, "an old request could not be removed");
                }
            }
        }
        for database in view.databases() {
            let Ok(store) = self.inner.rooms.stores.get(database.guid) else { continue };
            if database.link("Server") != Some(self.inner.rooms.server) {
                continue;
            }
            for state in store.transfers().unwrap_or_default() {
                let under_way = MOVE_PARTS
                    .iter()
                    .enumerate()
                    .any(|(part, _)| running.contains(&transfer_id(state.id, part)));
                if known.contains_key(&state.id) || under_way || !self.is_removed(state.id).await {
                    continue;
                }
                if let Err(error) = self.undo(&view, &store, &state).await {
                    tracing::warn!(transfer = %state.id, %error, "what a removed move has left stays for now");
                }
            }
        }
    }

    /// Whether no server knows a request for a transfer any more: this one's directory may be behind.
    async fn is_removed(&self, transfer: Guid) -> bool {
        let look = self.inner.rooms.directory.commit(move |draft| {
            Ok::<_, directory::DirectoryError>(
                (0..MOVE_PARTS.len()).all(|part| draft.get(transfer_id(transfer, part)).is_none()),
            )
        });
        look.await.unwrap_or(false)
    }

    /// Undoes a move without a request: what it brought goes, its source is as before. One that was switched over
    /// is brought to its end instead; it was, unless the mailbox's owner still has it in the source.
    async fn undo(&self, view: &View, target: &Database, state: &TransferState) -> Result<(), StoreError> {
        let (_stop, going) = watch::channel(false);
        let source = state.source.filter(|(database, _)| view.get(*database).is_some());
        let source = source.map(|(database, id)| self.inner.rooms.sources.source(database, id, going));
        let is_there = view.by_mailbox_guid(state.mailbox).is_some_and(|owner| {
            MOVE_PARTS.iter().any(|part| {
                owner.guid_of(part.mailbox) == Some(state.mailbox)
                    && owner.link(part.database) != Some(target.guid())
            })
        });
        let (into, id, is_over) = (target.clone(), state.id, state.active && !is_there);
        let settle = move || match source {
            Some(source) if is_over => source.soft_delete(),
            Some(source) => match into.begin_transfer(id, source) {
                Ok(transfer) => {
                    transfer.deactivate().wait()?;
                    transfer.unlock()
                }
                Err(StoreError::NoMailbox) => Ok(()),
                Err(error) => Err(error),
            },
            None => Ok(()),
        };
        tokio::task::spawn_blocking(settle).await.unwrap_or(Err(StoreError::Moving))?;
        if is_over {
            return target.finish_transfer(state.id).await;
        }
        tracing::info!(transfer = %state.id, "a removed move is undone");
        target.cancel_transfer(state.id).await
    }
}

impl Inner {
    /// Whether a request is carried by this server: the one that has its target, or would have it if it were mounted.
    fn is_mine(&self, view: &View, request: &Object) -> bool {
        let target = target_of(view, request).and_then(|target| view.get(target));
        let Some(target) = target else { return true };
        target.link("Server") == Some(self.rooms.server)
            && (self.rooms.stores.get(target.guid).is_ok() || view.copies_of(target.guid).len() < 2)
    }
}
