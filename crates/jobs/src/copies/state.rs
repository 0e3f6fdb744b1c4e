//! How copies stand: of this server's own, and of those of others as they say.

use std::collections::BTreeSet;

use base::{Fault, FaultKind, Guid};
use dag::{
    link::Status,
    machine::status::{Facts, Failing, Mount, Progress, Role, Stage},
};
use directory::{Object, View};
use store::MountState;

use super::{
    CopyReport, GroupAction, GroupReport, Held, Manager, Probe, facts,
    held::Copy,
    talk::{Answer, Question},
};

impl Manager {
    /// What is seen of each copy the directory knows of a database. Other servers are asked.
    pub async fn reports(&self, view: &View, database: &Object) -> Vec<CopyReport> {
        let mut reports = Vec::new();
        for copy in view.copies_of(database.guid) {
            let Some(server) = copy.link("Server") else { continue };
            let report = match server == self.me() {
                true => self.own_report(database.guid),
                false => match self.ask(server, &Question::Report(database.guid)).await {
                    Ok(Answer::Report(report)) => Some(*report),
                    _ => None,
                },
            };
            let mut report = report.unwrap_or_else(|| unseen(database, server));
            report.facts.suspended = copy.flag("Suspended");
            reports.push(report);
        }
        // Only the active copy knows what there is to get, and who gets it.
        let active = |report: &&CopyReport| matches!(report.facts.role, Role::Active(_));
        let active = reports.iter().filter(active).max_by_key(|report| report.progress.received).cloned();
        let generated = active.as_ref().map_or(0, |active| active.progress.received);
        for report in &mut reports {
            report.progress.generated = generated.max(report.progress.received);
            let decides = active
                .as_ref()
                .is_none_or(|active| active.voters.is_empty() || active.voters.contains(&report.server));
            if report.facts.role == Role::Passive(Stage::Following) && !decides {
                report.facts.role = Role::Passive(Stage::Comparing);
            }
        }
        reports
    }

    /// What is seen of this server's copy; nothing where it has none.
    pub(super) fn own_report(&self, database: Guid) -> Option<CopyReport> {
        let mut report = match self.held(database)? {
            Held::Alone => self.alone_report(database),
            Held::Copy(copy) => copy.report(),
            Held::Seeding(seeding) => CopyReport {
                seeding: Some(seeding.now()),
                ..self.bare(Facts { seeding: true, ..facts(Role::Passive(Stage::Opening), true) })
            },
            Held::Failed(failing, _) => {
                self.bare(Facts { failing: Some(failing), ..facts(Role::Passive(Stage::Opening), true) })
            }
        };
        report.server = self.me();
        report.free_bytes = self.free_bytes(database);
        Some(report)
    }

    fn bare(&self, facts: Facts) -> CopyReport {
        CopyReport {
            server: self.me(),
            facts,
            progress: Progress::default(),
            times: [None; 3],
            oldest: 0,
            free_bytes: None,
            bytes: 0,
            members: BTreeSet::new(),
            voters: BTreeSet::new(),
            seeding: None,
            play_down: None,
        }
    }

    fn alone_report(&self, database: Guid) -> CopyReport {
        let stores = &self.inner.settings.stores;
        let state = stores.states().into_iter().find(|(guid, _)| *guid == database);
        let (mount, failing) = match state.map(|(_, state)| state) {
            Some(MountState::Mounted) => (Mount::Mounted, None),
            Some(MountState::Mounting) => (Mount::Mounting, None),
            Some(MountState::Failed(reason)) => (Mount::Dismounted, Some(Failing::ForGood(reason))),
            Some(MountState::Dismounted) | None => (Mount::Dismounted, None),
        };
        let status = stores.get(database).map(|open| open.status());
        let (end, bytes) = status.map(|status| (status.durable, status.log_bytes)).unwrap_or_default();
        CopyReport {
            progress: Progress { generated: end, received: end, replayed: end },
            bytes,
            members: BTreeSet::from([self.me()]),
            voters: BTreeSet::from([self.me()]),
            ..self.bare(Facts { failing, ..facts(Role::Active(mount), true) })
        }
    }

    pub(super) fn free_bytes(&self, database: Guid) -> Option<u64> {
        let engine = (self.inner.settings.config)(&*self.database(database).ok()?).engine;
        engine.disk.free_space(&engine.dir).ok()
    }

    /// What is seen of a group: the members that answer, and the one that decides.
    pub fn group(&self, view: &View, group: &Object) -> GroupReport {
        let members = view.members_of_availability_group(group.guid);
        let answers = |server: &Guid| *server == self.me() || self.is_up(*server);
        let operational: Vec<Guid> = members.iter().map(|member| member.guid).filter(answers).collect();
        let primary = self.inner.settings.directory_group.standing().active;
        GroupReport {
            primary: primary.filter(|primary| operational.contains(primary)),
            operational,
            witness_in_use: false,
        }
    }

    /// Acts on the members of a group. Their part follows from what the directory says; that others stop or go on
    /// without a majority is not done yet.
    pub fn act(&self, _: Guid, action: GroupAction<'_>) -> Result<(), Fault> {
        match action {
            GroupAction::Configure => Ok(()),
            GroupAction::Stop(_) | GroupAction::Start(_) | GroupAction::Restore(_) => Err(Fault::new(
                FaultKind::NotImplemented,
                "NotImplementedException",
                "Stopping, starting and restoring members of a group is not implemented.",
            )),
        }
    }

    pub(super) fn is_up(&self, server: Guid) -> bool {
        let state = self.inner.settings.links.state(server);
        state.is_some_and(|state| state.status == Status::Up)
    }

    /// Checks of this server's part in replication.
    pub(super) fn own_probes(&self) -> Vec<Probe> {
        let standing = self.inner.settings.directory_group.standing();
        let quorum = (standing.active.is_none() || standing.is_cut_off()).then(|| {
            "No majority of the organization's servers agrees on who decides: the directory takes no changes.".into()
        });
        let down: Vec<String> = {
            let states = self.inner.settings.links.states();
            let view = self.view();
            let name =
                |server: Guid| view.get(server).map_or_else(|| server.to_string(), |s| s.name.to_string());
            states
                .iter()
                .filter(|state| state.status == Status::Down)
                .map(|state| name(state.server))
                .collect()
        };
        let network = (!down.is_empty()).then(|| format!("No heartbeats come from: {}.", down.join(", ")));
        [
            ("ReplayService", None),
            ("ActiveManager", None),
            ("QuorumGroup", quorum),
            ("ClusterNetwork", network),
        ]
        .map(|(check, error)| Probe { check: check.into(), error })
        .into()
    }
}

/// A copy whose server does not answer.
fn unseen(database: &Object, server: Guid) -> CopyReport {
    let role = match database.link("Server") == Some(server) {
        true => Role::Active(Mount::Dismounted),
        false => Role::Passive(Stage::Opening),
    };
    CopyReport {
        server,
        facts: facts(role, false),
        progress: Progress::default(),
        times: [None; 3],
        oldest: 0,
        free_bytes: None,
        bytes: 0,
        members: BTreeSet::new(),
        voters: BTreeSet::new(),
        seeding: None,
        play_down: None,
    }
}

impl Copy {
    fn report(&self) -> CopyReport {
        let standing = self.group.standing();
        let [oldest, received, replayed] = self.group.reach();
        let following = standing.active.is_some();
        let role = match standing.is_active {
            true => Role::Active(*self.mount.lock()),
            false if following => Role::Passive(Stage::Following),
            false => Role::Passive(Stage::Comparing),
        };
        let failing = self.group.database().status().dismounted.map(Failing::ForGood);
        let (members, voters) = match standing.is_active {
            true => (standing.members(), standing.settled),
            false => Default::default(),
        };
        CopyReport {
            server: self.group.me(),
            facts: Facts {
                connected: following,
                suspended: self.is_suspended(),
                seeding_source: self.group.is_seeding(),
                failing,
                ..facts(role, true)
            },
            progress: Progress { generated: received, received, replayed },
            times: [None; 3],
            oldest,
            free_bytes: None,
            bytes: self.group.database().status().log_bytes,
            members,
            voters,
            seeding: None,
            play_down: None,
        }
    }
}
