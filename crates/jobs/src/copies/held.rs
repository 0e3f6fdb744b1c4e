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
    replica::{Group, Standing, Work, Writers},
};
use directory::{Object, verbs::activate_copy};
use engine::Replica;
use parking_lot::Mutex;
use store::Fence;
use tokio::sync::watch;

use super::{Manager, blocking, event, unavailable};

/// How often a copy is looked at when nothing seems to have changed.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether the group does without a copy.
const RELEASING: u32 = 200;
/// So long a reader waits for the group to confirm that this copy is still the active one.
const CONFIRMING: (Duration, u32) = (Duration::from_millis(20), 50);

/// A copy at work.
pub(super) struct Copy {
    pub(super) database: Guid,
    pub(super) name: String,
    pub(super) group: Arc<Group>,
    pub(super) clock: SharedClock,
    /// What answers the other copies; nothing while this one is suspended.
    reachable: Mutex<Option<Reachable>>,
    pub(super) mount: Mutex<Mount>,
    /// An administrator dismounted it.
    dismounted: AtomicBool,
    /// It is being handed over.
    pub(super) leaving: AtomicBool,
    /// Servers that were told that their copies must be made anew.
    pub(super) told: Mutex<BTreeSet<Guid>>,
    /// How far the other copies were when they were last heard of: received, replayed.
    pub(super) seen: Mutex<BTreeMap<Guid, (u64, u64)>>,
    /// Servers that make their copies anew, and when they last said so.
    pub(super) remade: Mutex<BTreeMap<Guid, Duration>>,
    /// It is to leave its group, which does without it.
    released: AtomicBool,
    pub(super) closed: AtomicBool,
    pub(super) poke: watch::Sender<()>,
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
            released: AtomicBool::default(),
            closed: AtomicBool::default(),
            poke: watch::Sender::default(),
        });
        copy.group.may_stand(!suspended);
        copy.follow_suspension(&settings.links, false);
        if copy.group.standing().voters.iter().eq([&settings.server]) {
            // Nobody else is to be asked.
            let _ = copy.group.elect().await;
        }
        Ok(copy)
    }

    /// A copy that is suspended, or removed, goes on to decide until its group needs it no more: it was asked about
    /// its own leave, too. It does not become the active one meanwhile.
    async fn take_leave(&self, manager: &Manager, leaves: bool) {
        if !leaves || !self.group.standing().voters.contains(&manager.me()) {
            self.released.store(leaves, Ordering::Release);
        } else if let Ok(members) = manager.members(self.database).await {
            self.released.store(!members.contains(&manager.me()), Ordering::Release);
        }
    }

    /// The group does without this copy, which is to leave it.
    pub(super) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Waits a little until the group does without this copy, which the directory says is suspended.
    pub(super) async fn until_released(&self) -> Result<(), Fault> {
        for _ in 0..RELEASING {
            if self.is_released() {
                return Ok(());
            }
            self.poke.send_replace(());
            tokio::time::sleep(CONFIRMING.0).await;
        }
        Err(unavailable(format!(
            "The copy of \"{}\" still counts as one that decides: its group has no majority without it. Bring back \
             another copy first.",
            self.name
        )))
    }

    /// A suspended copy is as if it were not there; it goes on where it was.
    fn follow_suspension(&self, links: &dag::link::Links, suspended: bool) {
        let mut answers = self.reachable.lock();
        if suspended == answers.is_none() {
            return;
        }
        *answers = (!suspended).then(|| reachable(links, self.database, &self.group));
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.reachable.lock().is_none()
    }

    /// Looks after the copy until it is closed.
    pub(super) async fn tend(self: Arc<Self>, manager: Manager) {
        tokio::spawn(self.clone().lead(manager.clone()));
        let (mut changes, mut poked) = (manager.inner.settings.directory.watch(), self.poke.subscribe());
        while !self.closed.load(Ordering::Acquire) {
            let view = manager.view();
            let leaves = view.copy_on(self.database, manager.me()).is_none_or(|copy| copy.flag("Suspended"));
            self.group.may_stand(!leaves);
            self.take_leave(&manager, leaves).await;
            self.follow_suspension(&manager.inner.settings.links, self.is_released());
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
            tokio::select! {
                () = self.group.changed_since(&standing) => {}
                _ = poked.changed() => {}
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
        self.poke.send_replace(());
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
        self.poke.send_replace(());
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
        self.poke.send_replace(());
        if *self.mount.lock() == Mount::Mounted {
            self.let_go(manager, &self.group.standing());
        }
        self.reachable.lock().take();
        if let Err(error) = self.group.stop().await {
            tracing::warn!(database = self.name, %error, "the copy did not close cleanly");
        }
    }
}
