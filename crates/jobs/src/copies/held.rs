//! One of several copies of a database, at work on this server: it takes part in the group, and serves the database
//! while it is the active one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{Fault, Guid, clock::SharedClock};
use dag::{
    copies::{Carrier, Reachable, reachable},
    machine::status::Mount,
    replica::{Group, Standing, Wanted, Work, Writers},
};
use directory::{Object, View, verbs::activate_copy};
use engine::Replica;
use parking_lot::Mutex;
use store::Fence;
use tokio::sync::Notify;

use super::{Manager, blocking, event, unavailable};

/// How often a copy is looked at when nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(1);
/// So long a reader waits for the group to confirm that this copy is still the active one.
/// So long a server that makes its copy anew is kept out of the group after it last said that it does.
const REMADE: Duration = Duration::from_secs(5);
const CONFIRMING: (Duration, u32) = (Duration::from_millis(20), 50);

/// A copy at work.
pub(super) struct Copy {
    pub(super) database: Guid,
    pub(super) name: String,
    pub(super) group: Arc<Group>,
    clock: SharedClock,
    /// What answers the other copies; nothing while this one is suspended.
    reachable: Mutex<Option<Reachable>>,
    pub(super) mount: Mutex<Mount>,
    /// An administrator dismounted it.
    dismounted: AtomicBool,
    /// It is being handed over.
    pub(super) leaving: AtomicBool,
    /// Servers that were told that their copies must be made anew.
    told: Mutex<BTreeSet<Guid>>,
    /// How far the other copies were when they were last heard of: received, replayed.
    pub(super) seen: Mutex<BTreeMap<Guid, (u64, u64)>>,
    /// Servers that make their copies anew, and when they last said so.
    remade: Mutex<BTreeMap<Guid, Duration>>,
    closed: AtomicBool,
    poke: Notify,
}

impl Copy {
    /// Takes up the copy's part in its group.
    pub(super) async fn start(
        manager: &Manager,
        database: &Object,
        replica: Replica,
        suspended: bool,
    ) -> Result<Arc<Self>, Fault> {
        let settings = &manager.inner.settings;
        let carrier = Carrier::new(settings.links.clone(), database.guid);
        let work = (Work::Threads, Writers::Active);
        let group = Group::start(&database.name, settings.server, replica, carrier, work).await;
        let group = group.map_err(|error| unavailable(error.to_string()))?;
        let copy = Arc::new(Self {
            database: database.guid,
            name: database.name.to_string(),
            clock: (settings.config)(database).engine.clock,
            group,
            reachable: Mutex::default(),
            mount: Mutex::new(Mount::Dismounted),
            dismounted: AtomicBool::default(),
            leaving: AtomicBool::default(),
            told: Mutex::default(),
            seen: Mutex::default(),
            remade: Mutex::default(),
            closed: AtomicBool::default(),
            poke: Notify::default(),
        });
        copy.follow_suspension(&settings.links, suspended);
        if copy.group.standing().voters.iter().eq([&settings.server]) {
            // Nobody else is to be asked.
            let _ = copy.group.elect().await;
        }
        Ok(copy)
    }

    /// A suspended copy is as if it were not there; it goes on where it was.
    fn follow_suspension(&self, links: &dag::link::Links, suspended: bool) {
        let mut answers = self.reachable.lock();
        if suspended == answers.is_none() {
            return;
        }
        self.group.may_stand(!suspended);
        *answers = (!suspended).then(|| reachable(links, self.database, &self.group));
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.reachable.lock().is_none()
    }

    /// Wakes whoever tends the copy: the directory may say something else of it.
    pub(super) fn consider(&self, suspended: bool) {
        if suspended != self.is_suspended() {
            self.poke.notify_one();
        }
    }

    /// Looks after the copy until it is closed.
    pub(super) async fn tend(self: Arc<Self>, manager: Manager) {
        let mut changes = manager.inner.settings.directory.watch();
        while !self.closed.load(Ordering::Acquire) {
            let view = manager.view();
            let suspended =
                view.copy_on(self.database, manager.me()).is_some_and(|copy| copy.flag("Suspended"));
            self.follow_suspension(&manager.inner.settings.links, suspended);
            if let Some(why) = self.group.database().status().dismounted {
                let (copy, manager) = (self.clone(), manager.clone());
                tokio::spawn(async move { manager.give_up(&copy, &why).await });
                return;
            }
            let standing = self.group.standing();
            if self.is_to_serve(&standing) {
                self.serve(&manager).await;
            } else if *self.mount.lock() == Mount::Mounted {
                self.let_go(&manager, &standing);
            }
            if standing.is_active
                && !self.leaving.load(Ordering::Acquire)
                && self.lead(&manager, &view, &standing).await
            {
                continue;
            }
            tokio::select! {
                () = self.group.changed_since(&standing) => {}
                () = self.poke.notified() => {}
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// An active copy serves once all is applied that was committed before it became so, and while others hear it.
    fn is_to_serve(&self, standing: &Standing) -> bool {
        standing.is_active
            && standing.applied.term == standing.term
            && !standing.is_cut_off()
            && !self.dismounted.load(Ordering::Acquire)
            && !self.leaving.load(Ordering::Acquire)
            && !self.closed.load(Ordering::Acquire)
    }

    async fn serve(self: &Arc<Self>, manager: &Manager) {
        if *self.mount.lock() != Mount::Mounted {
            *self.mount.lock() = Mount::Mounting;
            let (engine, guid, name) = (self.group.database().clone(), self.database, self.name.clone());
            let (clock, fence) = (self.clock.clone(), self.fence());
            let opened = blocking(move || {
                store::Database::over(engine, guid, name, clock, Some(fence)).map_err(Fault::from)
            });
            match opened.await {
                Ok(database) => {
                    manager.inner.settings.stores.show(database);
                    *self.mount.lock() = Mount::Mounted;
                    event::mounted(&self.name);
                    tokio::spawn(self.clone().say_active(manager.clone()));
                }
                Err(error) => {
                    *self.mount.lock() = Mount::Dismounted;
                    event::not_mounted(&self.name, &error);
                }
            }
        }
    }

    /// Says in the directory that the active copy is here.
    async fn say_active(self: Arc<Self>, manager: Manager) {
        let (database, me) = (self.database, manager.me());
        while *self.mount.lock() == Mount::Mounted {
            if manager.view().get(database).and_then(|object| object.link("Server")) == Some(me) {
                return;
            }
            let said =
                manager.inner.settings.directory.commit(move |draft| activate_copy(draft, database, me));
            match said.await {
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(database = self.name, %error, "the directory does not say where the active copy is")
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn fence(&self) -> Fence {
        let group = self.group.clone();
        Arc::new(move || {
            let (pause, times) = CONFIRMING;
            group.may_answer()
                || tokio::task::block_in_place(|| {
                    (0..times).any(|_| {
                        std::thread::sleep(pause);
                        group.may_answer() || !group.standing().is_active
                    }) && group.may_answer()
                })
        })
    }

    /// Ends serving: another copy is the active one, or this one is not to be.
    pub(super) fn let_go(&self, manager: &Manager, standing: &Standing) {
        manager.inner.settings.stores.hide(self.database);
        *self.mount.lock() = Mount::Dismounted;
        let view = manager.view();
        let elsewhere =
            standing.active.filter(|active| *active != manager.me()).and_then(|active| view.get(active));
        let elsewhere = elsewhere.map(|server| format!("; {} has the active one", server.name));
        event::let_go(&self.name, &elsewhere.unwrap_or_default());
    }

    /// What the active copy sees to: who belongs to the group, and that those know who cannot go on.
    async fn lead(&self, manager: &Manager, view: &View, standing: &Standing) -> bool {
        for server in &standing.stranded {
            if self.told.lock().insert(*server) {
                let name =
                    view.get(*server).map_or_else(|| server.to_string(), |server| server.name.to_string());
                event::lost(&self.name, &name);
                manager.tell_stranded(*server, self.database);
            }
        }
        self.told.lock().retain(|server| standing.stranded.contains(server));
        match self.group.arrange(&self.wanted(view)).await {
            Ok(again) => again,
            Err(error) => {
                tracing::warn!(database = self.name, %error, "the members of the group did not change");
                false
            }
        }
    }

    /// A server begins to make its copy anew, or has made it. What that copy promised goes with its files, and what
    /// is known of its log is not so any more: it leaves the group and comes in again. Returns who belongs to it now.
    pub(super) fn remake(&self, server: Guid, begins: bool) -> Result<BTreeSet<Guid>, Fault> {
        let standing = self.group.standing();
        if !standing.is_active {
            return Err(unavailable("This server's copy is not the active one."));
        }
        let known = match begins {
            true => self.remade.lock().insert(server, self.clock.monotonic()).is_some(),
            false => self.remade.lock().remove(&server).is_none(),
        };
        if !known {
            self.poke.notify_one();
        }
        Ok(standing.voters.into_iter().chain(standing.learners).collect())
    }

    /// Who is to belong to the group. A suspended copy does not, nor one that is being made anew: when it comes back
    /// it must not be taken for what it was.
    fn wanted(&self, view: &View) -> Wanted {
        let mut remade = self.remade.lock();
        let now = self.clock.monotonic();
        remade.retain(|_, said| now.saturating_sub(*said) < REMADE);
        let copies = view.copies_of(self.database).into_iter().filter(|copy| !copy.flag("Suspended"));
        let servers = copies.filter_map(|copy| copy.link("Server"));
        let voters = servers.filter(|server| !remade.contains_key(server)).collect();
        Wanted { voters, learners: BTreeSet::new() }
    }

    /// Mounts it, if it is the active copy, or dismounts it.
    pub(super) fn set_mounted(&self, manager: &Manager, mounted: bool) -> Result<(), Fault> {
        let standing = self.group.standing();
        if !standing.is_active {
            let view = manager.view();
            let active = standing.active.and_then(|active| view.get(active));
            let active = active.map_or_else(String::new, |server| format!(": it is on {}", server.name));
            return Err(Fault::invalid(format!(
                "The active copy of \"{}\" is not on this server{active}.",
                self.name
            )));
        }
        self.dismounted.store(!mounted, Ordering::Release);
        if !mounted && *self.mount.lock() == Mount::Mounted {
            self.let_go(manager, &standing);
        }
        self.poke.notify_one();
        Ok(())
    }

    /// Hands over to the copy on another server, which serves from then on.
    pub(super) async fn hand_over(&self, manager: &Manager, to: Guid) -> Result<(), Fault> {
        let (database, me) = (self.database, manager.me());
        self.leaving.store(true, Ordering::Release);
        if *self.mount.lock() == Mount::Mounted {
            self.let_go(manager, &self.group.standing());
        }
        let handed = self.group.hand_over(to).await;
        self.leaving.store(false, Ordering::Release);
        self.poke.notify_one();
        handed.map_err(|error| unavailable(error.to_string()))?;
        tracing::debug!(%database, from = %me, %to, "handed over");
        Ok(())
    }

    /// Stops; `hand_over` has another copy take over first where one can.
    pub(super) async fn close(&self, manager: &Manager, hand_over: bool) {
        let standing = self.group.standing();
        let others = standing.received.iter().filter(|(server, _)| *server != manager.me());
        let heir = others
            .filter(|(server, _)| standing.voters.contains(server))
            .max_by_key(|(_, received)| *received);
        if hand_over
            && standing.is_active
            && let Some((heir, _)) = heir
            && let Err(error) = self.hand_over(manager, *heir).await
        {
            tracing::info!(database = self.name, %error, "no other server took over");
        }
        self.closed.store(true, Ordering::Release);
        self.poke.notify_one();
        if *self.mount.lock() == Mount::Mounted {
            self.let_go(manager, &self.group.standing());
        }
        self.reachable.lock().take();
        if let Err(error) = self.group.stop().await {
            tracing::warn!(database = self.name, %error, "the copy did not close cleanly");
        }
    }
}
