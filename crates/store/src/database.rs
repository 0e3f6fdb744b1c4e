//! A mailbox database: opened, asked, changed, closed; and the handle to one mailbox in it.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use base::{Guid, clock::SharedClock};
use engine::{EngineError, Txn, View};
use tokio::sync::watch;

use crate::{
    StoreError,
    codec::Row,
    keys::{self, table},
    rows::{Identity, SCHEMA},
    types::MailboxId,
    watch::{Done, Watchers},
    write::{Ledger, Touched},
};

/// How a mailbox database is opened.
#[derive(Clone)]
pub struct Config {
    /// The GUID of the directory's database object.
    pub guid: Guid,
    /// Folder, name, limits and seams of the engine below.
    pub engine: engine::Options,
}

/// An open mailbox database; clones share it.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    engine: engine::Database,
    guid: Guid,
    name: String,
    clock: SharedClock,
    watchers: Arc<Watchers>,
    /// Nobody is to be served from here any more.
    offline: watch::Sender<bool>,
    fence: Option<Fence>,
}

/// Says whether a copy may answer for the database at this moment.
pub type Fence = Arc<dyn Fn() -> bool + Send + Sync>;

/// One mailbox of a database; clones share it.
#[derive(Clone)]
pub struct Mailbox {
    pub(crate) database: Database,
    pub(crate) id: MailboxId,
}

/// The answer to a change: resolves when it is durable and visible. The change happens even if this is
/// dropped.
pub struct Change<R>(engine::Commit<Done<R>, StoreError>);

type Answer<R> = Result<Result<Done<R>, StoreError>, EngineError>;

impl<R> Change<R> {
    fn settle(answer: Answer<R>) -> Result<R, StoreError> {
        let closed = || StoreError::Engine(EngineError::Dismounted("closed".into()));
        answer??.take().ok_or_else(closed)
    }
    /// Waits on a thread that may block.
    pub fn wait(self) -> Result<R, StoreError> {
        Self::settle(self.0.wait())
    }
}

impl<R> Future for Change<R> {
    type Output = Result<R, StoreError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Self::settle)
    }
}

impl Database {
    /// Opens the database, or makes an empty one where the folder holds none.
    pub fn open(config: Config) -> Result<Self, StoreError> {
        let Config { guid, engine: options } = config;
        let (name, clock) = (options.name.clone(), options.clock.clone());
        Self::over(engine::Database::open(options)?, guid, name, clock, None)
    }

    /// The database in an engine that somebody else keeps open: the active one of several copies. `fence` says
    /// whether it may answer; it may wait a little.
    pub fn over(
        engine: engine::Database,
        guid: Guid,
        name: String,
        clock: SharedClock,
        fence: Option<Fence>,
    ) -> Result<Self, StoreError> {
        let identity = engine.view(view_identity)?;
        match identity {
            Some(found) if found.guid != guid => {
                return Err(StoreError::WrongDatabase { wanted: guid, found: found.guid });
            }
            Some(_) => {}
            None => {
                let row = Identity { guid, next_mailbox: 1 };
                let write = engine.commit(move |txn| {
                    txn.put(&[table::IDENTITY], &row.to_bytes());
                    Ok::<_, StoreError>(())
                });
                write.wait()??;
            }
        }
        let (watchers, offline) = (Arc::default(), watch::channel(false).0);
        Ok(Self { inner: Arc::new(Inner { engine, guid, name, clock, watchers, offline, fence }) })
    }

    /// The GUID of the directory's database object.
    pub fn guid(&self) -> Guid {
        self.inner.guid
    }
    /// The name the database was opened under.
    pub fn name(&self) -> &str {
        &self.inner.name
    }
    /// How the engine below stands.
    pub fn status(&self) -> engine::Status {
        self.inner.engine.status()
    }
    /// Makes what is done so far cheap to reopen.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(self.inner.engine.checkpoint()?)
    }
    /// Takes what was opened here out of service for good, where another server has the database from now on: whoever
    /// waits for [`Database::offline`] wakes, and no mailbox is available any more. The engine stays as it is.
    pub fn retire(&self) {
        self.inner.offline.send_replace(true);
    }
    /// Turns true when this database serves nobody any more: it is being closed, or was retired.
    pub fn offline(&self) -> watch::Receiver<bool> {
        self.inner.offline.subscribe()
    }
    /// Fails when it serves nobody any more.
    pub(crate) fn check_online(&self) -> Result<(), StoreError> {
        if *self.inner.offline.borrow() || self.inner.fence.as_ref().is_some_and(|fence| !fence()) {
            return Err(EngineError::Dismounted("closed".into()).into());
        }
        Ok(())
    }
    /// Retires it, finishes what is queued and releases the files. Every later call fails.
    pub fn close(&self) -> Result<(), StoreError> {
        self.retire();
        Ok(self.inner.engine.close()?)
    }

    /// The handle to a mailbox by its GUID.
    pub fn mailbox(&self, guid: Guid) -> Result<Mailbox, StoreError> {
        let key = keys::by_guid(table::GUID, &guid.0);
        let number = self.view(|view| keys::get::<u64>(view, &key))?;
        let id = number.and_then(|n| n.try_into().ok()).ok_or(StoreError::NoMailbox)?;
        Ok(self.mailbox_by_id(MailboxId(id)))
    }
    /// The handle to a mailbox by its number; verbs fail where there is none.
    pub fn mailbox_by_id(&self, id: MailboxId) -> Mailbox {
        Mailbox { database: self.clone(), id }
    }

    pub(crate) fn engine(&self) -> &engine::Database {
        &self.inner.engine
    }
    /// The clock it reads.
    pub fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }
    pub(crate) fn watchers(&self) -> &Watchers {
        &self.inner.watchers
    }
    pub(crate) fn view<R>(&self, f: impl FnOnce(&View<'_>) -> R) -> R {
        self.inner.engine.view(f)
    }
    /// Runs `f` in the writer.
    pub(crate) fn change<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Txn<'_>, &mut Touched) -> Result<R, StoreError> + Send + 'static,
    ) -> Change<R> {
        let watchers = self.inner.watchers.clone();
        Change(self.inner.engine.commit(move |txn| {
            let mut touched = Touched::new();
            let value = f(txn, &mut touched)?;
            Ok(Done::new(value, watchers, touched))
        }))
    }
}

fn view_identity(view: &View<'_>) -> Result<Option<Identity>, StoreError> {
    let Some(bytes) = engine::Read::get(view, &[table::IDENTITY])? else { return Ok(None) };
    match bytes.first() {
        Some(version) if *version > SCHEMA => Err(StoreError::NewerSchema((*version).into())),
        _ => Identity::from_bytes(&bytes).map(Some),
    }
}

impl Mailbox {
    /// Its number.
    pub fn id(&self) -> MailboxId {
        self.id
    }
    /// The database it lives in.
    pub fn database(&self) -> &Database {
        &self.database
    }
    /// Runs `f` in the writer on this mailbox's ledger.
    pub(crate) fn change<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Ledger<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Change<R> {
        let (id, now) = (self.id, self.database.clock().now());
        self.database.change(move |txn, touched| {
            let mut ledger = Ledger::open(txn, id, now)?;
            let value = f(&mut ledger)?;
            ledger.finish(touched)?;
            Ok(value)
        })
    }
}
