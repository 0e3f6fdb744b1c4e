//! A group whose other servers do as they are told: what cmdlets do with copies, without any.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base::{Fault, Guid};
use cmdlets::copies::{
    Copies, CopyReport, GroupAction, GroupReport, Moved, Probe, Seed, Seeding, SingleServer, Switchover,
};
use dag::machine::status::{Facts, Failing, Mount, Progress, Role, Stage};
use directory::{Directory, Object, View, verbs::activate_copy};

const MB: u64 = 1 << 20;
/// Where the active copy's log ends.
const END: u64 = 500 * MB;

/// What a passive copy on a server is like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passive {
    copy_queue: u64,
    replay_queue: u64,
    failing: Option<String>,
}

/// By server name; empty while nobody is there but this server.
pub(crate) type Others = Arc<Mutex<BTreeMap<String, Passive>>>;

/// The single server, until others are there.
pub(crate) struct Group {
    pub(crate) alone: SingleServer,
    pub(crate) others: Others,
    pub(crate) directory: Directory,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// `@ copy EX02 3 7` (queues, in logs), `@ copy EX02 failed TEXT`, `@ copy EX02 gone`.
pub(crate) fn tell(others: &Others, server: &str, how: &[&str]) {
    let mut others = others.lock().expect("no test fails here");
    let number = |text: &str| text.parse().expect("a number");
    let told = match how {
        ["gone"] => {
            others.remove(server);
            return;
        }
        ["failed", why @ ..] => Passive { failing: Some(why.join(" ")), ..Passive::default() },
        [copy, replay] => {
            Passive { copy_queue: number(copy), replay_queue: number(replay), ..Passive::default() }
        }
        _ => Passive::default(),
    };
    others.insert(server.to_owned(), told);
}

impl Group {
    fn report(&self, database: &Object, copy: &Object, alone: CopyReport) -> CopyReport {
        let others = self.others.lock().expect("no test fails here");
        let Some(passive) = others.get(&*copy.name) else { return alone };
        let active = copy.link("Server") == database.link("Server");
        let received = END - passive.copy_queue * MB;
        let replayed = received - passive.replay_queue * MB;
        let progress = match active {
            true => Progress { generated: END, received: END, replayed: END },
            false => Progress { generated: END, received, replayed },
        };
        let facts = Facts {
            role: if active { Role::Active(Mount::Mounted) } else { Role::Passive(Stage::Following) },
            server_reachable: true,
            connected: true,
            suspended: copy.flag("Suspended"),
            failing: passive.failing.clone().map(Failing::ForGood),
            ..alone.facts.clone()
        };
        CopyReport { facts, progress, ..alone }
    }
}

impl Copies for Group {
    fn reports(&self, view: &View, database: &Object) -> Vec<CopyReport> {
        let reports = self.alone.reports(view, database).into_iter();
        let known = |report: CopyReport| match view.copy_on(database.guid, report.server) {
            Some(copy) => self.report(database, copy, report),
            None => report,
        };
        reports.map(known).collect()
    }
    fn group(&self, view: &View, group: &Object) -> GroupReport {
        self.alone.group(view, group)
    }
    fn prepare(&self, database: &Object, server: &Object) -> Result<(), Fault> {
        match self.others.lock().expect("no test fails here").contains_key(&*server.name) {
            true => Ok(()),
            false => self.alone.prepare(database, server),
        }
    }
    fn apply(&self, _: Guid) -> Result<(), Fault> {
        Ok(())
    }
    fn seed(&self, seed: &Seed, progress: &mut dyn FnMut(&Seeding) -> bool) -> Result<(), Fault> {
        let source = seed.source.unwrap_or(self.alone.server);
        for done_bytes in [0, END / 2, END] {
            if !progress(&Seeding { source, done_bytes, total_bytes: END }) {
                return Err(Fault::invalid("The seed was ended."));
            }
        }
        let view = self.directory.snapshot();
        let name = view.get(seed.server).expect("a server").name.to_string();
        tell(&self.others, &name, &[]);
        Ok(())
    }
    fn cancel_seed(&self, database: Guid, server: Guid) -> Result<(), Fault> {
        self.alone.cancel_seed(database, server)
    }
    fn switch(&self, switchover: &Switchover) -> Result<Moved, Fault> {
        let active = switchover.order[0];
        let database = switchover.database;
        let said = self.directory.commit(move |draft| activate_copy(draft, database, active));
        self.runtime.block_on(said).map_err(Fault::from)?;
        Ok(Moved { active, mounted: true, lost_logs: 0, warnings: Vec::new() })
    }
    fn act(&self, _: Guid, _: GroupAction<'_>) -> Result<(), Fault> {
        Ok(())
    }
    fn probe(&self, server: &Object) -> Result<Vec<Probe>, Fault> {
        self.alone.probe(server)
    }
}
