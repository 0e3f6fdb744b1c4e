//! What cmdlets ask of the runtime that keeps copies of databases, and what is answered where there is one copy only.

use std::collections::BTreeSet;

use base::{Fault, FaultKind, Guid};
use dag::machine::status::{Facts, Failing, Mount, Progress, Role, Stage};
use directory::{Object, View};
use jobs::copies::facts;
pub use jobs::copies::{CopyReport, GroupAction, GroupReport, Moved, Probe, Seed, Seeding, Switchover};
use store::{MountState, Stores};

/// Keeps copies. Methods may block: cmdlets run where that is allowed. Where the directory says what is wanted, it was
/// changed before.
pub trait Copies: Send + Sync {
    /// What is seen of each copy the directory knows of a database.
    fn reports(&self, view: &View, database: &Object) -> Vec<CopyReport>;
    /// What is seen of a group.
    fn group(&self, view: &View, group: &Object) -> GroupReport;
    /// Checks that a server could hold a copy, before the directory says that it does.
    ///
    /// # Errors
    /// Says why it could not.
    fn prepare(&self, database: &Object, server: &Object) -> Result<(), Fault>;
    /// Mounts or dismounts the active copy, which is here. False where the database has no other copy: then it is the
    /// store's.
    ///
    /// # Errors
    /// The active copy is elsewhere.
    fn set_mounted(&self, _database: Guid, _mounted: bool) -> Result<bool, Fault> {
        Ok(false)
    }
    /// Does what the directory now says of a database's copies (added, removed, suspended, resumed, lagged).
    ///
    /// # Errors
    /// Says what could not be done.
    fn apply(&self, database: Guid) -> Result<(), Fault>;
    /// Makes a copy anew, and says how far it is; ends it when `progress` says false.
    ///
    /// # Errors
    /// Says why it was not made.
    fn seed(&self, seed: &Seed, progress: &mut dyn FnMut(&Seeding) -> bool) -> Result<(), Fault>;
    /// Ends a seed that was begun.
    ///
    /// # Errors
    /// There is none.
    fn cancel_seed(&self, database: Guid, server: Guid) -> Result<(), Fault>;
    /// Makes another copy the active one.
    ///
    /// # Errors
    /// Says why none of the servers took over; then the active copy is where it was.
    fn switch(&self, switchover: &Switchover) -> Result<Moved, Fault>;
    /// Acts on the members of a group.
    ///
    /// # Errors
    /// Says what could not be done.
    fn act(&self, group: Guid, action: GroupAction<'_>) -> Result<(), Fault>;
    /// Checks a server's services, links and quorum.
    ///
    /// # Errors
    /// The server cannot be asked.
    fn probe(&self, server: &Object) -> Result<Vec<Probe>, Fault>;
}

/// Free bytes of the volume that a database is on.
pub type FreeSpace = Box<dyn Fn(&Object) -> Option<u64> + Send + Sync>;

/// One server on its own: each database has the copy that is here, and no other server can be reached.
pub struct SingleServer {
    /// This server.
    pub server: Guid,
    /// Its databases.
    pub stores: Stores,
    /// Asked for each database that is here.
    pub free_space: FreeSpace,
}

impl SingleServer {
    fn alone<T>() -> Result<T, Fault> {
        Err(Fault::new(FaultKind::Invalid, "InvalidOperationException", "The database has no other copy."))
    }
    fn unreachable<T>(server: &Object) -> Result<T, Fault> {
        let text = format!(
            "The server \"{}\" can't be reached: this server has no link to another server.",
            server.name
        );
        Err(Fault::new(FaultKind::Unavailable, "TaskServerException", text))
    }

    fn own(&self, database: &Object) -> CopyReport {
        let state = self.stores.states().into_iter().find(|(guid, _)| *guid == database.guid);
        let (mount, failing) = match state.map(|(_, state)| state) {
            Some(MountState::Mounted) => (Mount::Mounted, None),
            Some(MountState::Mounting) => (Mount::Mounting, None),
            Some(MountState::Failed(reason)) => (Mount::Dismounted, Some(Failing::ForGood(reason))),
            Some(MountState::Dismounted) | None => (Mount::Dismounted, None),
        };
        let end = self.stores.get(database.guid).map(|open| open.status().durable).unwrap_or_default();
        CopyReport {
            server: self.server,
            facts: Facts { failing, ..facts(Role::Active(mount), true) },
            progress: Progress { generated: end, received: end, replayed: end },
            times: [None; 3],
            oldest: 0,
            free_bytes: (self.free_space)(database),
            bytes: 0,
            members: [self.server].into(),
            voters: [self.server].into(),
            seeding: None,
            play_down: None,
        }
    }
}

impl Copies for SingleServer {
    fn reports(&self, view: &View, database: &Object) -> Vec<CopyReport> {
        let active = database.link("Server");
        let report = |copy: &&std::sync::Arc<Object>| {
            let server = copy.link("Server")?;
            if server == self.server && active == Some(server) {
                return Some(self.own(database));
            }
            let role = match active == Some(server) {
                true => Role::Active(Mount::Dismounted),
                false => Role::Passive(Stage::Opening),
            };
            // A passive copy that is configured here was never made: nothing runs it.
            let here = server == self.server;
            let failing = Failing::ForGood("The copy must be seeded.".into());
            Some(CopyReport {
                server,
                facts: Facts {
                    suspended: copy.flag("Suspended"),
                    failing: here.then_some(failing),
                    ..facts(role, here)
                },
                progress: Progress::default(),
                times: [None; 3],
                oldest: 0,
                free_bytes: None,
                bytes: 0,
                members: BTreeSet::new(),
                voters: BTreeSet::new(),
                seeding: None,
                play_down: None,
            })
        };
        view.copies_of(database.guid).iter().filter_map(report).collect()
    }
    fn group(&self, view: &View, group: &Object) -> GroupReport {
        let members = view.members_of_availability_group(group.guid);
        let here = members.iter().map(|member| member.guid).find(|member| *member == self.server);
        GroupReport { operational: here.into_iter().collect(), primary: None, witness_in_use: false }
    }
    fn prepare(&self, _: &Object, server: &Object) -> Result<(), Fault> {
        Self::unreachable(server)
    }
    fn apply(&self, _: Guid) -> Result<(), Fault> {
        // Nothing runs that would have to change: what other servers do, they read in the directory.
        Ok(())
    }
    fn seed(&self, _: &Seed, _: &mut dyn FnMut(&Seeding) -> bool) -> Result<(), Fault> {
        Self::alone()
    }
    fn cancel_seed(&self, _: Guid, _: Guid) -> Result<(), Fault> {
        Err(Fault::not_found("The copy isn't being seeded."))
    }
    fn switch(&self, _: &Switchover) -> Result<Moved, Fault> {
        Self::alone()
    }
    fn act(&self, _: Guid, action: GroupAction<'_>) -> Result<(), Fault> {
        match action {
            // Members are what the directory says.
            GroupAction::Configure => Ok(()),
            GroupAction::Stop(_) | GroupAction::Start(_) | GroupAction::Restore(_) => Err(Fault::new(
                FaultKind::Unavailable,
                "TaskServerException",
                "The members of the group can't be reached: this server has no link to another server.",
            )),
        }
    }
    fn probe(&self, server: &Object) -> Result<Vec<Probe>, Fault> {
        if server.guid != self.server {
            return Self::unreachable(server);
        }
        Ok(["ReplayService", "ActiveManager"].map(|check| Probe { check: check.into(), error: None }).into())
    }
}

/// The copies that servers keep together.
pub struct Kept {
    /// Who keeps those of this server, and asks the others.
    pub manager: jobs::copies::Manager,
    /// Where its answers are waited for.
    pub runtime: tokio::runtime::Handle,
}

impl Copies for Kept {
    fn reports(&self, view: &View, database: &Object) -> Vec<CopyReport> {
        self.runtime.block_on(self.manager.reports(view, database))
    }
    fn group(&self, view: &View, group: &Object) -> GroupReport {
        self.manager.group(view, group)
    }
    fn prepare(&self, _: &Object, server: &Object) -> Result<(), Fault> {
        self.runtime.block_on(self.manager.prepare(server.guid))
    }
    fn set_mounted(&self, database: Guid, mounted: bool) -> Result<bool, Fault> {
        if !self.manager.is_replicated(database) {
            return Ok(false);
        }
        self.runtime.block_on(self.manager.set_mounted(database, mounted)).map(|()| true)
    }
    fn apply(&self, database: Guid) -> Result<(), Fault> {
        self.runtime.block_on(self.manager.apply(database));
        Ok(())
    }
    fn seed(&self, seed: &Seed, progress: &mut dyn FnMut(&Seeding) -> bool) -> Result<(), Fault> {
        self.runtime.block_on(self.manager.seed(seed, progress))
    }
    fn cancel_seed(&self, database: Guid, server: Guid) -> Result<(), Fault> {
        self.runtime.block_on(self.manager.cancel_seed(database, server))
    }
    fn switch(&self, switchover: &Switchover) -> Result<Moved, Fault> {
        self.runtime.block_on(self.manager.switch(switchover))
    }
    fn act(&self, group: Guid, action: GroupAction<'_>) -> Result<(), Fault> {
        self.manager.act(group, action)
    }
    fn probe(&self, server: &Object) -> Result<Vec<Probe>, Fault> {
        self.runtime.block_on(self.manager.probe(server.guid))
    }
}
