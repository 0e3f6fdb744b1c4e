//! A copy of a queue at work on this server. Of its own queue: it is lent to the transport while it is the active
//! copy. Of another server's: while it is the active one, that server is away, and its messages are taken over.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use base::{Fault, Guid, clock::SharedClock};
use dag::{
    copies::{Carrier, Reachable, reachable},
    remade::Remade,
    replica::{Group, Standing, Wanted, Work, Writers},
};
use directory::View;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    Keeper, blocking, event,
    talk::{Answer, Question},
    unavailable,
};

/// How often a copy is looked at when nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(1);
/// So long a server may be away before its messages are taken over: a restart that is quicker disturbs nothing.
const GRACE: Duration = Duration::from_secs(3);
/// How often the log is cut.
const CUTTING: Duration = Duration::from_secs(10);
/// Log that is kept for copies that were away, bytes: what lives in a queue is little, and one that needs more is
/// made anew.
const KEPT: u64 = 128 << 20;
/// Less than this is not worth a checkpoint, bytes.
const WORTH_IT: u64 = 16 << 20;

/// A copy at work.
pub(super) struct Copy {
    pub(super) owner: Guid,
    /// The owner's name.
    pub(super) name: String,
    pub(super) group: Arc<Group>,
    clock: SharedClock,
    /// What answers the other copies.
    reachable: Mutex<Option<Reachable>>,
    /// Servers that make their copies anew.
    remade: Remade,
    /// Servers that were told to.
    told: Mutex<BTreeSet<Guid>>,
    /// Of this server's own queue: the transport has it.
    serving: AtomicBool,
    /// Of another server's: since when this is the active copy, and whether there is nothing left to take over.
    leading: Mutex<Option<Duration>>,
    drained: AtomicBool,
    adopting: AtomicBool,
    cut: Mutex<Duration>,
    closed: AtomicBool,
    poke: watch::Sender<()>,
}

impl Copy {
    /// Takes up the copy's part in its group.
    pub(super) async fn start(
        keeper: &Keeper,
        owner: Guid,
        replica: engine::Replica,
    ) -> Result<Arc<Self>, Fault> {
        let settings = &keeper.inner.settings;
        let (name, clock) = (keeper.name(owner), settings.clock.clone());
        let carrier = Carrier::new(settings.links.clone(), owner);
        let work = (Work::Threads, Writers::Active);
        let group = Group::start(&format!("queue of {name}"), settings.server, replica, carrier, work).await;
        let group = group.map_err(|error| unavailable(error.to_string()))?;
        let copy = Arc::new(Self {
            owner,
            name,
            reachable: Mutex::new(Some(reachable(&settings.links, owner, &group))),
            group,
            remade: Remade::new(clock.clone()),
            told: Mutex::default(),
            serving: AtomicBool::default(),
            leading: Mutex::default(),
            drained: AtomicBool::default(),
            adopting: AtomicBool::default(),
            cut: Mutex::new(clock.monotonic()),
            clock,
            closed: AtomicBool::default(),
            poke: watch::Sender::default(),
        });
        if copy.group.standing().voters.iter().eq([&settings.server]) {
            // Nobody else is to be asked.
            let _ = copy.group.elect().await;
        }
        Ok(copy)
    }

    /// Looks after the copy until it is closed.
    pub(super) async fn tend(self: Arc<Self>, keeper: Keeper) {
        tokio::spawn(self.clone().lead(keeper.clone()));
        let (mut changes, mut poked) = (keeper.inner.settings.directory.watch(), self.poke.subscribe());
        while !self.closed.load(SeqCst) {
            if let Some(why) = self.group.database().status().dismounted {
                tokio::spawn(async move { keeper.give_up(&self, &why, false).await });
                return;
            }
            let (view, standing) = (keeper.view(), self.group.standing());
            match self.owner == keeper.me() {
                true => self.see_to_own(&keeper, &standing).await,
                false => self.see_to_other(&keeper, &standing).await,
            }
            if self.is_dismissed(&keeper, &view, &standing).await {
                tokio::spawn(async move { keeper.dismiss(&self).await });
                return;
            }
            self.truncate().await;
            tokio::select! {
                () = self.group.changed_since(&standing) => {}
                _ = poked.changed() => {}
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The active copy is worked on once all is applied that was committed before it became so, and while others hear
    /// it.
    fn is_to_be_worked_on(&self, standing: &Standing) -> bool {
        standing.is_active
            && standing.applied.term == standing.term
            && !standing.is_cut_off()
            && !self.closed.load(SeqCst)
    }

    /// This server's own queue is worked on by the transport; nobody else is to have the active copy while it lives.
    async fn see_to_own(&self, keeper: &Keeper, standing: &Standing) {
        let (is_to_serve, serves) = (self.is_to_be_worked_on(standing), self.serving.load(SeqCst));
        if is_to_serve && !serves {
            match keeper.transport().open_queue(self.group.database().clone(), true).await {
                Ok(()) => {
                    self.serving.store(true, SeqCst);
                    keeper.inner.poke.notify_one();
                    event::served();
                }
                Err(error) => tracing::info!(%error, "the mail queue was not opened"),
            }
        } else if serves && !is_to_serve {
            self.stop_serving(keeper, standing);
        }
        let elsewhere = standing.active.filter(|active| *active != keeper.me());
        let Some(active) = elsewhere else { return };
        if standing.applied == standing.last
            && standing.voters.contains(&keeper.me())
            && let Err(error) = keeper.ask(active, &Question::HandBack(self.owner)).await
        {
            tracing::debug!(%error, "the mail queue was not handed back yet");
        }
    }

    fn stop_serving(&self, keeper: &Keeper, standing: &Standing) {
        keeper.transport().close_queue();
        self.serving.store(false, SeqCst);
        let elsewhere = standing.active.filter(|active| *active != keeper.me());
        event::not_served(&match elsewhere {
            Some(active) => format!("its active copy is on {}", keeper.name(active)),
            None => "too few of the servers that have copies of it are reached".into(),
        });
    }

    /// The messages of another server that is away are taken over.
    async fn see_to_other(self: &Arc<Self>, keeper: &Keeper, standing: &Standing) {
        if !self.is_to_be_worked_on(standing) {
            *self.leading.lock() = None;
            self.drained.store(false, SeqCst);
            let (database, transport) = (self.group.database(), keeper.transport());
            if let Err(error) = transport.settle_adoption(database, self.owner).await {
                tracing::debug!(queue = self.name, %error, "whose some messages are is not known yet");
            }
            return;
        }
        let now = self.clock.monotonic();
        let since = *self.leading.lock().get_or_insert(now);
        if now.saturating_sub(since) < GRACE || self.drained.load(SeqCst) || self.adopting.swap(true, SeqCst)
        {
            return;
        }
        let (copy, transport) = (self.clone(), keeper.transport().clone());
        tokio::spawn(async move {
            match transport.adopt(copy.group.database().clone(), copy.owner).await {
                Ok(adoption) => {
                    if adoption.adopted > 0 {
                        event::adopted(&copy.name, adoption.adopted);
                    }
                    copy.drained.store(true, SeqCst);
                }
                Err(error) => {
                    tracing::info!(queue = copy.name, %error, "a queue was not taken over yet");
                    tokio::time::sleep(LOOK).await;
                }
            }
            copy.adopting.store(false, SeqCst);
            copy.poke.send_replace(());
        });
    }

    /// What the active copy sees to: who belongs to the group, and that those know who cannot go on. Another task than
    /// the one that serves, for members change only as fast as a majority answers.
    async fn lead(self: Arc<Self>, keeper: Keeper) {
        let (mut changes, mut poked) = (keeper.inner.settings.directory.watch(), self.poke.subscribe());
        while !self.closed.load(SeqCst) {
            let standing = self.group.standing();
            if standing.is_active {
                self.tell_stranded(&keeper, &standing);
                if self.arrange(&keeper, &keeper.view(), &standing).await {
                    continue;
                }
            }
            tokio::select! {
                () = self.group.changed_since(&standing) => {}
                _ = poked.changed() => {}
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn tell_stranded(&self, keeper: &Keeper, standing: &Standing) {
        for server in &standing.stranded {
            if self.told.lock().insert(*server) {
                let (keeper, server, question) = (keeper.clone(), *server, Question::Stranded(self.owner));
                tokio::spawn(async move { keeper.ask(server, &question).await.map(drop) });
            }
        }
        self.told.lock().retain(|server| standing.stranded.contains(server));
    }

    /// Takes the next step to the members that are wanted; true when there was one.
    async fn arrange(&self, keeper: &Keeper, view: &View, standing: &Standing) -> bool {
        let Some(wanted) = self.wanted(keeper, view, standing) else { return false };
        match self.group.arrange(&wanted).await {
            Ok(again) => again,
            Err(error) => {
                tracing::info!(queue = self.name, %error, "the members of the group did not change");
                false
            }
        }
    }

    /// Who is to belong to the group; nothing where that is to stay as it is.
    fn wanted(&self, keeper: &Keeper, view: &View, standing: &Standing) -> Option<Wanted> {
        let ring = keeper.ring(view, self.owner);
        let everybody = match (view.get(self.owner).is_some(), self.owner == keeper.me()) {
            // Its server was removed: the last copy is here, until the others have let go of theirs.
            (false, _) if self.drained.load(SeqCst) => BTreeSet::from([keeper.me()]),
            (false, _) => return None,
            (true, true) => ring,
            // Nobody leaves while the queue's server is away.
            (true, false) => standing.members().union(&ring).copied().collect(),
        };
        let voters = voters(&everybody, &self.remade.now(), &standing.voters, |server| keeper.is_up(server));
        Some(Wanted { voters, ..Wanted::default() })
    }

    /// A server makes its copy anew, or has made it; who belongs to the group now.
    pub(super) fn remake(&self, server: Guid, begins: bool) -> BTreeSet<Guid> {
        if self.remade.say(server, begins) {
            self.poke.send_replace(());
        }
        self.group.standing().members()
    }

    /// Whether nobody needs this copy of another server's queue any more.
    async fn is_dismissed(&self, keeper: &Keeper, view: &View, standing: &Standing) -> bool {
        if self.owner == keeper.me() || keeper.ring(view, self.owner).contains(&keeper.me()) {
            return false;
        }
        if standing.is_active {
            // The last one goes last.
            return view.get(self.owner).is_none()
                && self.drained.load(SeqCst)
                && standing.members() == BTreeSet::from([keeper.me()])
                && self.is_nowhere_else(keeper, view).await;
        }
        for server in keeper.neighbours(view) {
            if let Ok(Answer::Members(members)) = keeper.ask(server, &Question::Members(self.owner)).await {
                return !members.contains(&keeper.me());
            }
        }
        false
    }

    async fn is_nowhere_else(&self, keeper: &Keeper, view: &View) -> bool {
        for server in keeper.neighbours(view) {
            if !matches!(keeper.ask(server, &Question::Held(self.owner)).await, Ok(Answer::No)) {
                return false;
            }
        }
        true
    }

    /// Cuts the log, once enough of it has gathered.
    async fn truncate(&self) {
        let now = self.clock.monotonic();
        if now.saturating_sub(*self.cut.lock()) < CUTTING {
            return;
        }
        *self.cut.lock() = now;
        let [begin, _, applied] = self.group.reach();
        if applied.saturating_sub(KEPT) < begin + WORTH_IT {
            return;
        }
        // What a recovery would need is cut last: the checkpoint goes first.
        let group = self.group.clone();
        let checkpoint = blocking(move || {
            group.database().checkpoint()?;
            Ok(group.database().status().checkpoint)
        });
        let cut = match checkpoint.await {
            Ok(checkpoint) => {
                let below = applied.saturating_sub(KEPT).min(checkpoint);
                self.group.purge_below(below).await.map_err(|error| unavailable(error.to_string()))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = cut {
            tracing::warn!(queue = self.name, %error, "the log was not cut");
        }
    }

    /// Stops; `hand_over` has another copy take over first where one can.
    pub(super) async fn close(&self, hand_over: bool) {
        self.closed.store(true, SeqCst);
        self.poke.send_replace(());
        if hand_over
            && let Some(heir) = self.group.heir(|_| true)
            && let Err(error) = self.group.hand_over(heir).await
        {
            tracing::info!(queue = self.name, %error, "no other server took over");
        }
        self.reachable.lock().take();
        if let Err(error) = self.group.stop().await {
            tracing::warn!(queue = self.name, %error, "the copy did not close cleanly");
        }
    }
}

/// Who decides of everybody who is to have a copy: not those who make theirs anew, as long as the others can decide
/// without those who do `now`.
fn voters(
    everybody: &BTreeSet<Guid>,
    remade: &BTreeSet<Guid>,
    now: &BTreeSet<Guid>,
    is_up: impl Fn(Guid) -> bool,
) -> BTreeSet<Guid> {
    let voters: BTreeSet<Guid> = everybody.difference(remade).copied().collect();
    let reached = voters.iter().filter(|server| is_up(**server)).count();
    if reached * 2 > voters.len() { voters } else { voters.union(now).copied().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_leaves_whom_the_others_need() {
        let set = |numbers: &[u8]| numbers.iter().map(|n| Guid([*n; 16])).collect::<BTreeSet<_>>();
        let decide = |everybody: &[u8], remade: &[u8], now: &[u8], up: &[u8]| {
            let up = set(up);
            voters(&set(everybody), &set(remade), &set(now), |server| up.contains(&server))
        };
        let all = [1, 2, 3];
        assert_eq!(decide(&all, &[], &[1], &all), set(&all));
        assert_eq!(decide(&all, &[1], &all, &all), set(&[2, 3]), "it lost its disk");
        assert_eq!(decide(&all, &[1], &all, &[1, 2]), set(&all), "2 alone could not decide");
        assert_eq!(decide(&[1], &[], &all, &[1]), set(&[1]), "it leaves its group");
        assert_eq!(
            decide(&[1, 4, 5], &[], &all, &[1, 2, 3]),
            set(&[1, 2, 3, 4, 5]),
            "the new ones are not there"
        );
    }
}
