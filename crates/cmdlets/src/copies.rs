//! What cmdlets ask of the runtime that keeps copies of databases, and what is answered where there is one copy only.

use base::{Fault, FaultKind, Guid, Timestamp};
use dag::machine::{
    activation,
    lag::PlayDown,
    status::{Facts, Failing, Mount, Progress, Role, Stage},
};
use directory::{Object, View};
use store::{MountState, Stores};

/// What is seen of one copy.
#[derive(Clone, Debug)]
pub struct CopyReport {
    /// Its server.
    pub server: Guid,
    /// What its status follows from.
    pub facts: Facts,
    /// How far it has come.
    pub progress: Progress,
    /// When what it has last was generated, received and replayed, where that is known.
    pub times: [Option<Timestamp>; 3],
    /// Where its log begins, bytes.
    pub oldest: u64,
    /// Free bytes of its volume.
    pub free_bytes: Option<u64>,
    /// How far its seed is.
    pub seeding: Option<Seeding>,
    /// Why it replays all it has, though it has a lag.
    pub play_down: Option<PlayDown>,
}

/// How far a seed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeding {
    /// Where from.
    pub source: Guid,
    /// Bytes that are there.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl Seeding {
    /// How much is there, in percent.
    pub fn percent(&self) -> usize {
        let percent = self.done_bytes.saturating_mul(100).checked_div(self.total_bytes).unwrap_or(0);
        usize::try_from(percent).unwrap_or(100)
    }
}

/// A copy to be made anew.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Of which database.
    pub database: Guid,
    /// Where.
    pub server: Guid,
    /// From which copy; from the active one where nobody says.
    pub source: Option<Guid>,
    /// What is there already may go.
    pub delete_existing: bool,
    /// Return once it has begun.
    pub begin_only: bool,
}

/// A switchover: the servers to try, the best first.
#[derive(Clone, Debug)]
pub struct Switchover {
    /// Of which database.
    pub database: Guid,
    /// What was asked for: what may be lost, which checks are left out.
    pub request: activation::Request,
    /// Where to, one after the other until one is mounted.
    pub order: Vec<Guid>,
    /// For the record.
    pub comment: String,
}

/// How a switchover went.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Where the active copy is now.
    pub active: Guid,
    /// Whether it serves.
    pub mounted: bool,
    /// Logs that were lost.
    pub lost_logs: u64,
    /// What was tried before, and why it was not kept.
    pub warnings: Vec<String>,
}

/// What becomes of members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction<'a> {
    /// Servers were added, removed or set otherwise: the directory says how.
    Configure,
    /// These members stop; the directory says so once they have been told. Those that are lost need not answer.
    Stop(&'a [Guid]),
    /// These members take part again; the directory says so once they have been told.
    Start(&'a [Guid]),
    /// These members, which are stopped, are evicted, and those that are left go on without a majority of all.
    Restore(&'a [Guid]),
}

/// What is seen of a group.
#[derive(Clone, Debug, Default)]
pub struct GroupReport {
    /// The members that answer.
    pub operational: Vec<Guid>,
    /// The member that decides.
    pub primary: Option<Guid>,
    /// The witness is in use and answers.
    pub witness_in_use: bool,
}

/// A check of a server's part in replication.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `ReplayService`, `QuorumGroup` …
    pub check: &'static str,
    /// What is wrong, if anything is.
    pub error: Option<String>,
}

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
            seeding: None,
            play_down: None,
        }
    }
}

/// Facts of a copy of which nothing else is known.
fn facts(role: Role, server_reachable: bool) -> Facts {
    Facts {
        role,
        server_reachable,
        connected: server_reachable,
        suspended: false,
        seeding: false,
        seeding_source: false,
        restoring: false,
        failing: None,
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
        Ok(["ReplayService", "ActiveManager"].map(|check| Probe { check, error: None }).into())
    }
}
