//! What best copy selection is given: the directory's settings beside what is seen of the copies.

use base::Guid;
use dag::machine::{
    activation::{AutoActivation, Candidate, Cause, MountDial, Request, ServerHealth, Skip},
    status::status,
};
use directory::{
    Object, View,
    component::{ComponentState, component_state},
};

use crate::copies::CopyReport;

/// The copies of a database as candidates.
pub fn candidates(view: &View, database: &Object, reports: &[CopyReport]) -> Vec<Candidate> {
    reports.iter().filter_map(|report| candidate(view, database, report)).collect()
}

fn candidate(view: &View, database: &Object, report: &CopyReport) -> Option<Candidate> {
    let server = view.get(report.server)?;
    let copy = view.copy_on(database.guid, report.server)?;
    let policy = |object: &Object| {
        let word = object.text("DatabaseCopyAutoActivationPolicy").unwrap_or_default();
        AutoActivation::parse(word).unwrap_or_default()
    };
    let number = |name: &str| server.int(name).and_then(|n| u32::try_from(n).ok());
    let active = view.databases().filter(|other| other.link("Server") == Some(report.server)).count();
    Some(Candidate {
        server: report.server,
        name: server.name.to_string(),
        site: server.text("Site").unwrap_or_default().to_owned(),
        preference: u32::try_from(copy.int("ActivationPreference").unwrap_or(1)).unwrap_or(u32::MAX),
        status: status(&report.facts),
        copy_queue: report.progress.copy_queue(),
        replay_queue: report.progress.replay_queue(),
        policy: policy(server).max(policy(copy)),
        activation_suspended: copy.flag("ActivationSuspended")
            || component_state(server, "HighAvailability") != ComponentState::Active,
        last_resort: server.flag("DatabaseCopyActivationDisabledAndMoveNow"),
        active_databases: u32::try_from(active).unwrap_or(u32::MAX),
        maximum_active: number("MaximumActiveDatabases"),
        maximum_preferred: number("MaximumPreferredActiveDatabases"),
        dial: MountDial::parse(server.text("AutoDatabaseMountDial").unwrap_or_default()).unwrap_or_default(),
        health: ServerHealth::AllHealthy,
    })
}

/// What is to be decided when the active copy of a database is to be elsewhere.
pub fn request(view: &View, database: &Object, reports: &[CopyReport], cause: Cause) -> Request {
    let source = database.link("Server").unwrap_or(Guid::EMPTY);
    let site = view.get(source).and_then(|server| server.text("Site")).unwrap_or_default();
    Request {
        cause,
        source,
        source_site: site.to_owned(),
        source_seeds: reports.iter().any(|report| report.server == source && report.facts.seeding_source),
        dial: None,
        skip: Skip::default(),
    }
}
