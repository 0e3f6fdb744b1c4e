//! Whether a server's part in replication is well: its services and links, and the copies it holds.

use std::sync::Arc;

use dag::machine::{
    activation::{COPY_QUEUE_MAX, REPLAY_QUEUE_MAX},
    status::{CopyStatus, status},
};
use directory::{Object, Scope, View, schema::SERVER};
use powershell::{Value, value::PsObject};

use super::availability_group;
use crate::{
    Cmdlet, Outcome,
    call::Call,
    copies::{CopyReport, Probe},
};

/// `Test-ReplicationHealth`
pub static TEST: Cmdlet =
    Cmdlet::run("Test-ReplicationHealth", run, &["DatabaseAvailabilityGroup", "OutputObjects"]);

const TYPES: &[&str] = &["Microsoft.Exchange.Monitoring.ReplicationCheckOutcome"];

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let servers: Vec<Arc<Object>> =
        match (call.identity("DatabaseAvailabilityGroup"), call.identity("Identity")) {
            (Some(group), _) => {
                let group = availability_group::NOUN.resolve(&view, &group)?;
                view.members_of_availability_group(group.guid).into_iter().cloned().collect()
            }
            (None, identity) => {
                let identity = identity.as_deref().unwrap_or(&call.cx.server_name);
                vec![view.resolve(identity, Scope::Class(&SERVER))?]
            }
        };
    for server in servers {
        let mut probes = match call.cx.copies.probe(&server) {
            Ok(probes) => probes,
            Err(fault) => vec![Probe { check: "ReplayService".into(), error: Some(fault.public_text) }],
        };
        let held = held(call, &view, &server);
        probes.extend(CHECKS.iter().map(|(check, wrong)| {
            let found: Vec<String> = held.iter().filter_map(wrong).collect();
            Probe { check: (*check).to_owned(), error: (!found.is_empty()).then(|| found.join(" ")) }
        }));
        for probe in probes {
            let result = if probe.error.is_none() { "Passed" } else { "*FAILED*" };
            let row = PsObject::new(TYPES)
                .with("Server", &*server.name)
                .with("Check", probe.check)
                .with("Result", result)
                .with("Error", probe.error.map_or(Value::Null, Value::string));
            let _ = call.write(row.into());
        }
    }
    Ok(())
}

/// A copy that a server holds of a replicated database.
struct Held {
    /// `DB01\EX01`.
    name: String,
    report: CopyReport,
    /// Healthy or mounted copies of the database, wherever they are.
    available: usize,
    lagged: bool,
}

fn held(call: &Call<'_>, view: &View, server: &Object) -> Vec<Held> {
    let mut held = Vec::new();
    for database in view.databases().filter(|database| view.copies_of(database.guid).len() > 1) {
        let Some(copy) = view.copy_on(database.guid, server.guid) else { continue };
        let reports = call.cx.copies.reports(view, database);
        let available = reports.iter().filter(|report| status(&report.facts).is_available()).count();
        let lagged = copy.span("ReplayLagTime").is_some_and(|span| span.micros > 0);
        let own = reports.into_iter().find(|report| report.server == server.guid);
        held.extend(own.map(|report| Held { name: copy.identity(), report, available, lagged }));
    }
    held
}

/// What is wrong with a copy, if anything is.
type Wrong = fn(&Held) -> Option<String>;

fn is(held: &Held, wrong: &[CopyStatus]) -> Option<String> {
    let status = status(&held.report.facts);
    wrong.contains(&status).then(|| format!("{} is {status}.", held.name))
}

/// The product's checks of databases, in its order.
const CHECKS: &[(&str, Wrong)] = &[
    ("DatabaseRedundancy", |held| {
        (held.available < 2).then(|| format!("{}: available copies: {}.", held.name, held.available))
    }),
    ("DatabaseAvailability", |held| {
        (held.available == 0).then(|| format!("{} has no available copy.", held.name))
    }),
    ("DBCopySuspended", |held| is(held, &[CopyStatus::Suspended])),
    ("DBCopyFailed", |held| is(held, &[CopyStatus::Failed, CopyStatus::FailedAndSuspended])),
    ("DBInitializing", |held| is(held, &[CopyStatus::Initializing])),
    ("DBDisconnected", |held| {
        is(held, &[CopyStatus::DisconnectedAndHealthy, CopyStatus::DisconnectedAndResynchronizing])
    }),
    ("DBLogCopyKeepingUp", |held| {
        let queue = held.report.progress.copy_queue();
        (queue >= COPY_QUEUE_MAX).then(|| format!("{} has {queue} logs to copy.", held.name))
    }),
    ("DBLogReplayKeepingUp", |held| {
        let queue = held.report.progress.replay_queue();
        (queue >= REPLAY_QUEUE_MAX && !held.lagged)
            .then(|| format!("{} has {queue} logs to replay.", held.name))
    }),
];
