//! The mover: mailboxes go from one database to another while they are used (`New-MoveRequest`), and what is in
//! those that belong to nobody goes into others (`New-MailboxRestoreRequest`).
//!
//! A request is an object of the directory; how far it has come is a row of the target database, written with
//! every page that was copied. A mover that is killed anywhere finds both again and goes on. What can be seen of
//! the mailbox changes hands in one transaction of the directory.

pub mod constraint;
mod notes;
mod plan;
mod queue;
mod restore;
mod run;
mod settings;

use std::{collections::HashMap, sync::Arc, time::Duration};

use base::{Guid, clock::SharedClock};
use directory::{
    Directory, Object, View,
    schema::{MAILBOX_RESTORE_REQUEST, MOVE_REQUEST},
    verbs::MOVE_PARTS,
};
use store::{Database, DisconnectReason, MailboxState, StoreError, Stores, transfer::TransferState};
use tokio::{sync::watch, task::JoinSet};

use self::{
    constraint::Copy,
    run::{Run, Stop},
};
pub use settings::Settings;

/// How often requests are looked at when nobody changes the directory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The copies of a database as they stand.
pub type Copies = dyn Fn(&View, &Object) -> Vec<Copy> + Send + Sync;

/// Moves mailboxes between the databases of this server; clones share it.
#[derive(Clone)]
pub struct Mover {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    stores: Stores,
    clock: SharedClock,
    settings: Settings,
    copies: Box<Copies>,
    /// This server's name, for reports.
    server: Arc<str>,
}

/// The identity of a request's part in the database it fills.
pub fn transfer_id(request: Guid, part: usize) -> Guid {
    let mut id = request;
    id.0[15] ^= u8::try_from(part).unwrap_or(u8::MAX);
    id
}

/// How far a copy is, percent: the last few are the completion's.
pub fn percent(bytes: u64, total: u64) -> i64 {
    let done = if total == 0 { 95 } else { u128::from(bytes) * 95 / u128::from(total) };
    i64::try_from(done).unwrap_or(95).min(95)
}

impl Mover {
    /// Over the rooms of one server, whose databases have one copy each.
    pub fn new(
        directory: Directory,
        stores: Stores,
        clock: SharedClock,
        settings: Settings,
        server: &str,
    ) -> Self {
        Self::with_copies(directory, stores, clock, settings, server, Box::new(|_, _| vec![Copy::ONLY]))
    }

    /// The same, where `copies` says how the copies of a database stand.
    pub fn with_copies(
        directory: Directory,
        stores: Stores,
        clock: SharedClock,
        settings: Settings,
        server: &str,
        copies: Box<Copies>,
    ) -> Self {
        Mover { inner: Arc::new(Inner { directory, stores, clock, settings, copies, server: server.into() }) }
    }

    /// Moves until `stop` turns true; what is under way stops at the next page and goes on at the next start.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let mut changes = self.inner.directory.watch();
        let mut stopping = stop.clone();
        let mut tasks: JoinSet<Guid> = JoinSet::new();
        let mut running: Vec<Guid> = Vec::new();
        loop {
            self.sweep(&running).await;
            let view = self.inner.directory.snapshot();
            let now = self.inner.clock.now();
            let mut due = queue::choose(&view, &running, &self.inner.settings, now);
            due.extend(queue::choose_restores(&view, &running, &self.inner.settings, now));
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
        if self.inner.directory.snapshot().get(request).is_some_and(is_restore) {
            return restore::carry(&self.inner, request, stop).await;
        }
        let mut run = Run::new(&self.inner, request, stop);
        let Err(why) = run.go().await else { return };
        tracing::info!(%request, ?why, "a move has stopped");
        // What the directory did not answer for must not be undone.
        if !matches!(why, Stop::Unknown(_)) {
            run.release().await;
        }
        if let Err(fault) = run.note_stop(why).await {
            tracing::warn!(%request, ?fault, "a move request could not be written");
        }
    }

    /// Undoes what moves have left whose requests were removed, and forgets requests whose time is over.
    pub async fn sweep(&self, running: &[Guid]) {
        let view = self.inner.directory.snapshot();
        let now = self.inner.clock.now();
        let mut known: HashMap<Guid, Guid> = HashMap::new();
        for request in view.of_class(&MOVE_REQUEST) {
            for part in 0..MOVE_PARTS.len() {
                known.insert(transfer_id(request.guid, part), request.guid);
            }
        }
        for request in view.of_class(&MOVE_REQUEST).chain(view.of_class(&MAILBOX_RESTORE_REQUEST)) {
            if queue::has_expired(request, now) {
                let guid = request.guid;
                if let Err(fault) = self.inner.directory.commit(move |draft| draft.delete(guid)).await {
                    tracing::warn!(?fault, "an old request could not be removed");
                }
            }
        }
        for database in view.databases() {
            let Ok(store) = self.inner.stores.get(database.guid) else { continue };
            for state in store.transfers().unwrap_or_default() {
                let under_way = MOVE_PARTS
                    .iter()
                    .enumerate()
                    .any(|(part, _)| running.contains(&transfer_id(state.id, part)));
                if known.contains_key(&state.id) || under_way {
                    continue;
                }
                if let Err(error) = self.undo(&view, &store, &state).await {
                    tracing::warn!(transfer = %state.id, %error, "what a removed move has left stays for now");
                }
            }
        }
    }

    /// Undoes a move without a request: what it brought goes, its source is as before. One that was switched over
    /// is brought to its end instead; it was, unless the mailbox's owner still has it in the source.
    async fn undo(&self, view: &View, target: &Database, state: &TransferState) -> Result<(), StoreError> {
        let source = match state.source {
            Some((database, _)) if view.get(database).is_none() => None,
            Some((database, mailbox)) => Some(self.inner.stores.get(database)?.mailbox_by_id(mailbox)),
            None => None,
        };
        let is_there = view.by_mailbox_guid(state.mailbox).is_some_and(|owner| {
            MOVE_PARTS.iter().any(|part| {
                owner.guid_of(part.mailbox) == Some(state.mailbox)
                    && owner.link(part.database) != Some(target.guid())
            })
        });
        if state.active && !is_there {
            if let Some(source) = source
                && source.statistics()?.state == MailboxState::Connected
            {
                source.disconnect(DisconnectReason::SoftDeleted).await?;
            }
            return target.finish_transfer(state.id).await;
        }
        if let Some(source) = source {
            if state.active {
                let (target, source, id) = (target.clone(), source.clone(), state.id);
                let deactivate =
                    move || target.begin_transfer(id, &source).and_then(|t| t.deactivate().wait());
                tokio::task::spawn_blocking(deactivate).await.unwrap_or(Err(StoreError::Moving))?;
            }
            match source.unlock().await {
                Ok(()) | Err(StoreError::NoMailbox) => {}
                Err(error) => return Err(error),
            }
        }
        tracing::info!(transfer = %state.id, "a removed move is undone");
        target.cancel_transfer(state.id).await
    }
}
