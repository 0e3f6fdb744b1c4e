//! What the active copy sees to: who belongs to the group, and that those know who cannot go on.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base::{Fault, Guid};
use dag::replica::{Standing, Wanted};
use directory::View;

use super::{
    Manager, event,
    held::{Copy, LOOK},
    unavailable,
};

/// So long a server that makes its copy anew is kept out of the group after it last said that it does.
const REMADE: Duration = Duration::from_secs(5);

impl Copy {
    /// Leads while this is the active copy: another task than the one that serves, for members change only as fast as
    /// a majority answers.
    pub(super) async fn lead(self: Arc<Self>, manager: Manager) {
        let (mut changes, mut poked) = (manager.inner.settings.directory.watch(), self.poke.subscribe());
        while !self.closed.load(Ordering::Acquire) {
            let standing = self.group.standing();
            if standing.is_active && !self.leaving.load(Ordering::Acquire) {
                self.tell_stranded(&manager, &standing);
                if self.arrange(&manager.view()).await {
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

    fn tell_stranded(&self, manager: &Manager, standing: &Standing) {
        for server in &standing.stranded {
            if self.told.lock().insert(*server) {
                let view = manager.view();
                let name =
                    view.get(*server).map_or_else(|| server.to_string(), |server| server.name.to_string());
                event::lost(&self.name, &name);
                manager.tell_stranded(*server, self.database);
            }
        }
        self.told.lock().retain(|server| standing.stranded.contains(server));
    }

    /// Takes the next step to the members that are wanted; true when there was one.
    async fn arrange(&self, view: &View) -> bool {
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
            self.poke.send_replace(());
        }
        Ok(standing.members())
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
}
