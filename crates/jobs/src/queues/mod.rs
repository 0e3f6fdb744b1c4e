//! Keeps mail queues: this server's own, which the transport works on, and copies of those of other members of its
//! availability group (`dag::machine::ring`), whose messages this server takes over when it has the active copy.
//!
//! The queue of a server without a group is opened alone, as one database. In a group it becomes a replicated log
//! (ADR 0015) and stays one.

mod event;
mod held;
mod making;
mod talk;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use base::{Fault, FaultKind, Guid, clock::SharedClock, disk::SharedDisk};
use dag::{
    link::{Links, Registration},
    machine::ring::ring,
    opening::{Found, look, make_first},
};
use directory::{Directory, View};
use engine::Database;
use held::Copy;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
};
use transport::{Transport, queue_database};

use crate::copies::Probe;

/// How often everything is looked at when nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(2);
/// What did not open is tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);
/// So long a server that starts waits for its queue before it goes on without.
const SETTLING: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

/// What queues are kept with.
pub struct Settings {
    /// This server.
    pub server: Guid,
    /// Who belongs to which group.
    pub directory: Directory,
    /// The other servers.
    pub links: Links,
    /// Works on this server's queue, which is lent to it, and takes over messages of others.
    pub transport: Transport,
    /// The folder of this server's queue.
    pub own: PathBuf,
    /// The folder of the folders of other servers' queues.
    pub others: PathBuf,
    /// The disk seam.
    pub disk: SharedDisk,
    /// The clock seam.
    pub clock: SharedClock,
}

/// Keeps the queues; clones share it.
#[derive(Clone)]
pub struct Keeper {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    /// By the server whose queue it is.
    held: Mutex<BTreeMap<Guid, Held>>,
    /// One at a time opens, makes or closes copies.
    changing: tokio::sync::Mutex<()>,
    /// What the event log says is wrong with a queue.
    said: Mutex<BTreeMap<Guid, String>>,
    poke: Notify,
}

/// What this server has of a queue.
#[derive(Clone)]
enum Held {
    /// This server's own, without other copies.
    Alone(Database),
    /// One of several copies.
    Copy(Arc<Copy>),
    /// A copy in the making.
    Making(AbortHandle),
    /// Nothing that could be used, since a moment of the clock.
    Failed(Duration),
}

impl Keeper {
    /// Begins with nothing open.
    pub fn new(settings: Settings) -> Self {
        let (held, changing, said, poke) = Default::default();
        Self { inner: Arc::new(Inner { settings, held, changing, said, poke }) }
    }

    /// Opens this server's queue and the copies that lie here, and answers other servers from then on.
    ///
    /// # Errors
    /// The queue has no other copies and can't be opened.
    pub async fn start(&self) -> Result<Registration, Fault> {
        let answers = self.answer_others();
        let view = self.view();
        self.open_own(&view).await?;
        for owner in self.lying_here() {
            self.settle(&view, owner).await;
        }
        Ok(answers)
    }

    /// Waits a while for this server's queue to be served, once the keeper runs.
    pub async fn settled(&self) {
        let served = async {
            while !self.transport().has_queue() {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(SETTLING, served).await.is_err() {
            event::not_served("too few of the servers that have copies of it are reached");
        }
    }

    /// Does what the directory says until `stopped` turns true.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut changes = self.inner.settings.directory.watch();
        loop {
            let view = self.view();
            let mut owners: BTreeSet<Guid> = view.servers().map(|server| server.guid).collect();
            owners.extend(self.inner.held.lock().keys());
            for owner in owners {
                self.settle(&view, owner).await;
            }
            tokio::select! {
                _ = async { stopped.wait_for(|stop| *stop).await.ok(); } => return,
                changed = changes.changed() => if changed.is_err() { return },
                () = self.inner.poke.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Hands over what is active here to other servers, where there are any, and closes everything. The transport has
    /// stopped before.
    pub async fn stop(&self) {
        let _turn = self.inner.changing.lock().await;
        self.transport().close_queue();
        let held = std::mem::take(&mut *self.inner.held.lock());
        for held in held.into_values() {
            match held {
                Held::Copy(copy) => copy.close(true).await,
                Held::Alone(database) => self.close_alone(database).await,
                Held::Making(task) => task.abort(),
                Held::Failed(_) => {}
            }
        }
    }

    /// Whether this server's queue has all the copies that it is to have, for `Test-ReplicationHealth`.
    pub fn probe(&self) -> Probe {
        let ring = self.ring(&self.view(), self.me());
        let names = |servers: &BTreeSet<Guid>| {
            servers.iter().map(|server| self.name(*server)).collect::<Vec<_>>().join(", ")
        };
        let error = match self.held(self.me()) {
            Some(Held::Alone(_)) if ring.len() == 1 => None,
            Some(Held::Copy(copy)) if self.transport().has_queue() => {
                let copies: BTreeSet<Guid> =
                    copy.group.standing().voters.into_iter().filter(|server| self.is_up(*server)).collect();
                let missing: BTreeSet<Guid> = ring.difference(&copies).copied().collect();
                (!missing.is_empty()).then(|| {
                    format!("The mail queue has no copy, or none that answers, on: {}.", names(&missing))
                })
            }
            Some(Held::Alone(_)) => Some("The mail queue has no other copies yet.".into()),
            _ => Some("The mail queue takes nothing: too few of its copies are reached.".into()),
        };
        Probe { check: "QueueRedundancy".into(), error }
    }

    fn view(&self) -> Arc<View> {
        self.inner.settings.directory.snapshot()
    }

    fn me(&self) -> Guid {
        self.inner.settings.server
    }

    fn transport(&self) -> &Transport {
        &self.inner.settings.transport
    }

    fn now(&self) -> Duration {
        self.inner.settings.clock.monotonic()
    }

    fn held(&self, owner: Guid) -> Option<Held> {
        self.inner.held.lock().get(&owner).cloned()
    }

    fn hold(&self, owner: Guid, held: Held) {
        self.inner.held.lock().insert(owner, held);
    }

    fn copy(&self, owner: Guid) -> Option<Arc<Copy>> {
        match self.held(owner) {
            Some(Held::Copy(copy)) => Some(copy),
            _ => None,
        }
    }

    fn name(&self, server: Guid) -> String {
        self.view().get(server).map_or_else(|| server.to_string(), |server| server.name.to_string())
    }

    /// How a server's queue is opened here.
    fn config(&self, owner: Guid) -> engine::Options {
        let Settings { own, others, disk, clock, .. } = &self.inner.settings;
        let dir = if owner == self.me() { own.clone() } else { others.join(owner.to_string()) };
        queue_database(dir, "mail queue", disk.clone(), clock.clone())
    }

    /// The servers whose queues have folders here.
    fn lying_here(&self) -> Vec<Guid> {
        let Settings { others, disk, .. } = &self.inner.settings;
        let names = disk.list(others).unwrap_or_default();
        names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect()
    }

    /// Who is to have copies of a server's queue.
    fn ring(&self, view: &View, owner: Guid) -> BTreeSet<Guid> {
        let group = view.get(owner).and_then(|server| server.link("DatabaseAvailabilityGroup"));
        let members = group.map_or_else(Vec::new, |group| view.members_of_availability_group(group));
        let members: Vec<(&str, Guid)> = members.iter().map(|member| (&*member.name, member.guid)).collect();
        ring(&members, owner)
    }

    /// Says in the event log what is wrong with a queue here, once.
    fn complain(&self, owner: Guid, why: &str) {
        let before = self.inner.said.lock().insert(owner, why.to_owned());
        if before.is_none_or(|before| before != why) {
            event::failed(&self.name(owner), why);
        }
    }

    /// Brings one queue to what the directory says. What a copy at work does, it sees to itself.
    async fn settle(&self, view: &View, owner: Guid) {
        let _turn = self.inner.changing.lock().await;
        let ring = self.ring(view, owner);
        match self.held(owner) {
            Some(Held::Failed(since)) if self.now().saturating_sub(since) < AGAIN => {}
            None | Some(Held::Failed(_)) => {
                let opened = match owner == self.me() {
                    true => self.open_own(view).await,
                    false => self.open_other(owner, ring.contains(&self.me())).await,
                };
                if let Err(error) = opened {
                    self.complain(owner, &error.to_string());
                    self.hold(owner, Held::Failed(self.now()));
                }
            }
            Some(Held::Alone(database)) if ring.len() > 1 => self.replicate(database).await,
            Some(Held::Making(task)) if owner != self.me() && !ring.contains(&self.me()) => {
                task.abort();
                self.inner.held.lock().remove(&owner);
            }
            Some(Held::Alone(_) | Held::Copy(_) | Held::Making(_)) => {}
        }
    }

    /// Opens this server's own queue, whatever state it is in.
    async fn open_own(&self, view: &View) -> Result<(), Fault> {
        let (me, options) = (self.me(), self.config(self.me()));
        let replicated = self.ring(view, me).len() > 1;
        let looked = options.clone();
        match blocking(move || Ok(look(looked, replicated)?)).await {
            Ok(Found::Copy(replica)) => self.take_part(me, *replica).await,
            Ok(Found::Single) => self.open_alone(options).await,
            Ok(Found::Nothing) => match self.kept_elsewhere(view).await {
                // It is never begun anew in place of one that others have.
                Some(true) => {
                    self.complain(me, event::LOST_TEXT);
                    self.begin_making(me);
                    Ok(())
                }
                None if replicated => {
                    self.complain(me, event::LOST_TEXT);
                    self.hold(me, Held::Failed(self.now()));
                    Ok(())
                }
                Some(false) | None => self.open_alone(options).await,
            },
            // What the others have is as good.
            Err(error) if replicated => {
                self.complain(me, &error.to_string());
                self.begin_making(me);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn open_alone(&self, options: engine::Options) -> Result<(), Fault> {
        let database = blocking(move || Ok(Database::open(options)?)).await?;
        self.transport().open_queue(database.clone(), false).await.map_err(Fault::from)?;
        self.hold(self.me(), Held::Alone(database));
        self.inner.poke.notify_one();
        Ok(())
    }

    async fn close_alone(&self, database: Database) {
        if let Err(error) = blocking(move || Ok(database.close()?)).await {
            tracing::warn!(%error, "the mail queue did not close cleanly");
        }
    }

    /// Opens a copy of another server's queue, or begins to make it.
    async fn open_other(&self, owner: Guid, wanted: bool) -> Result<(), Fault> {
        let options = self.config(owner);
        match blocking(move || Ok(look(options, true)?)).await {
            Ok(Found::Copy(replica)) => self.take_part(owner, *replica).await,
            Ok(Found::Nothing | Found::Single) if wanted => {
                self.begin_making(owner);
                Ok(())
            }
            Ok(Found::Nothing | Found::Single) => Ok(()),
            Err(error) if wanted => {
                self.complain(owner, &error.to_string());
                self.begin_making(owner);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the only copy of this server's queue the first of several.
    async fn replicate(&self, database: Database) {
        let me = self.me();
        // What is being written is finished first.
        self.close_alone(database).await;
        self.transport().close_queue();
        let made = match make_first(self.config(me), me).await {
            Ok(replica) => self.take_part(me, replica).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = made {
            self.complain(me, &error.to_string());
            self.hold(me, Held::Failed(self.now()));
        }
    }

    async fn take_part(&self, owner: Guid, replica: engine::Replica) -> Result<(), Fault> {
        let copy = Copy::start(self, owner, replica).await?;
        self.inner.said.lock().remove(&owner);
        self.hold(owner, Held::Copy(copy.clone()));
        tokio::spawn(copy.tend(self.clone()));
        Ok(())
    }

    /// Takes a copy out of service that cannot go on. It is opened again, or made `anew`.
    async fn give_up(&self, copy: &Arc<Copy>, why: &str, anew: bool) {
        let _turn = self.inner.changing.lock().await;
        if !self.copy(copy.owner).is_some_and(|held| Arc::ptr_eq(&held, copy)) {
            return;
        }
        event::failed(&copy.name, why);
        if copy.owner == self.me() {
            self.transport().close_queue();
        }
        copy.close(false).await;
        match anew {
            true => self.begin_making(copy.owner),
            false => self.hold(copy.owner, Held::Failed(self.now())),
        }
    }

    /// Lets go of a copy that nobody needs any more, with its files.
    async fn dismiss(&self, copy: &Arc<Copy>) {
        let _turn = self.inner.changing.lock().await;
        copy.close(false).await;
        if let Err(error) = self.remove_files(copy.owner).await {
            tracing::warn!(queue = copy.name, %error, "a copy that is not needed any more was not removed");
        }
        self.inner.held.lock().remove(&copy.owner);
    }
}

fn unavailable(text: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Unavailable, "TaskServerException", text)
}

/// Runs what waits for the disk away from the network's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
}
