//! Where active copies belong: the product's script RedistributeActiveDatabases.ps1, also by that name.

use std::sync::Arc;

use base::Guid;
use dag::machine::{
    activation::{COPY_QUEUE_MAX, Candidate, Cause, MountDial, REPLAY_QUEUE_MAX, select},
    placement::{self, Balance, DEVIATION_PERCENT, Move},
};
use directory::{Object, Scope, View, schema::DATABASE_AVAILABILITY_GROUP};
use powershell::{Value, cmdlet::CommandInfo, value::PsObject};

use super::{
    active_mailbox_database::{plan, switch},
    availability_group, candidates, request,
};
use crate::{Cmdlet, Failure, Outcome, call::Call, cmdlet::declare, copies::Copies};

/// `Optimize-ActiveMailboxDatabase`
pub static OPTIMIZE: Cmdlet = Cmdlet::run(
    "Optimize-ActiveMailboxDatabase",
    run,
    &[
        "DagName",
        "BalanceDbsByActivationPreference",
        "BalanceDbsBySiteAndActivationPreference",
        "AllowedDeviationFromMeanPercentage",
        "ShowFinalDatabaseDistribution",
        "ShowDatabaseDistributionByServer",
    ],
)
.declared(info)
.asking();

fn info() -> CommandInfo {
    let mut info = declare(
        "Optimize-ActiveMailboxDatabase",
        "Moves active copies of databases to where they are preferred. Also called RedistributeActiveDatabases.ps1.",
        &[
            ("DagName", "DatabaseAvailabilityGroupIdParameter"),
            ("BalanceDbsByActivationPreference", "SwitchParameter"),
            ("BalanceDbsBySiteAndActivationPreference", "SwitchParameter"),
            ("AllowedDeviationFromMeanPercentage", "Int32"),
            ("ShowFinalDatabaseDistribution", "SwitchParameter"),
            ("ShowDatabaseDistributionByServer", "SwitchParameter"),
        ],
    );
    info.should_process = true;
    info
}

const TYPES: &[&str] = &["Rialto.Management.DatabaseDistribution"];

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = group(call, &view)?;
    call.admit(&view, &group, &group.name)?;
    let by_site = call.switch("BalanceDbsBySiteAndActivationPreference");
    if by_site || call.switch("BalanceDbsByActivationPreference") {
        let balance = match by_site {
            true => Balance::BySiteAndActivationPreference { deviation_percent: deviation(call)? },
            false => Balance::ByActivationPreference,
        };
        balance_group(call, &view, &group, balance)?;
    } else if !call.switch("ShowDatabaseDistributionByServer") {
        return Err(Failure::missing_mandatory(&["BalanceDbsByActivationPreference"]));
    }
    if call.switch("ShowDatabaseDistributionByServer") || call.switch("ShowFinalDatabaseDistribution") {
        let view = call.cx.directory.snapshot();
        let rows: Vec<Value> = members(&view, &group).map(|server| distribution(&view, server)).collect();
        call.write_all(rows);
    }
    Ok(())
}

/// The group that is named, or that of this server.
fn group(call: &Call<'_>, view: &View) -> Outcome<Arc<Object>> {
    if let Some(identity) = call.identity("DagName") {
        return availability_group::NOUN.resolve(view, &identity);
    }
    let own = view.servers().find(|server| server.name.eq_ignore_ascii_case(&call.cx.server_name));
    let group = own.and_then(|server| server.link("DatabaseAvailabilityGroup"));
    let found = group
        .and_then(|guid| view.get(guid))
        .filter(|found| Scope::Class(&DATABASE_AVAILABILITY_GROUP).admits(found));
    found
        .cloned()
        .ok_or_else(|| Failure::invalid("This server is in no database availability group: use -DagName."))
}

fn deviation(call: &Call<'_>) -> Outcome<u32> {
    let Some(given) = call.text("AllowedDeviationFromMeanPercentage") else { return Ok(DEVIATION_PERCENT) };
    let percent = given.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| Failure::invalid("AllowedDeviationFromMeanPercentage takes 0 to 100."))
}

fn members<'a>(view: &'a View, group: &Object) -> impl Iterator<Item = &'a Arc<Object>> {
    view.members_of_availability_group(group.guid).into_iter()
}

fn balance_group(call: &mut Call<'_>, view: &View, group: &Object, balance: Balance) -> Outcome {
    let steps = moves(view, group, &*call.cx.copies, balance);
    if steps.is_empty() {
        call.verbose("Every database is active where it should be, or can't be moved there.");
    }
    for step in steps {
        let (Some(database), Some(target)) = (view.get(step.database), view.get(step.to)) else { continue };
        // What has changed since may forbid it: the others go on.
        let done = plan(call, view, database, Some(target))
            .and_then(|switchover| switch(call, view, database, &switchover));
        if let Err(failure) = done {
            call.error(failure);
        }
    }
    Ok(())
}

/// The switchovers that balance a group, in order; also what a server does by itself every
/// `PreferenceMoveFrequency`.
pub fn moves(view: &View, group: &Object, copies: &dyn Copies, balance: Balance) -> Vec<Move> {
    let servers: Vec<Guid> = members(view, group).map(|server| server.guid).collect();
    let here =
        |database: &&Arc<Object>| database.link("Server").is_some_and(|server| servers.contains(&server));
    let (replicated, single): (Vec<_>, Vec<_>) =
        view.databases().filter(here).partition(|database| view.copies_of(database.guid).len() > 1);
    let databases: Vec<placement::Database> =
        replicated.iter().filter_map(|database| described(view, database, copies)).collect();
    let servers: Vec<placement::Server> = members(view, group)
        .map(|server| {
            let alone = single.iter().filter(|one| one.link("Server") == Some(server.guid)).count();
            let limits = ["MaximumActiveDatabases", "MaximumPreferredActiveDatabases"];
            let limits = limits.iter().filter_map(|name| usize::try_from(server.int(name)?).ok());
            placement::Server {
                server: server.guid,
                site: server.text("Site").unwrap_or_default().to_owned(),
                maximum_active: limits.min().map(|most| most.saturating_sub(alone)),
            }
        })
        .collect();
    placement::moves(balance, &databases, &servers)
}

/// A database as placement sees it: a copy will do where it may become active and has nothing left to do.
fn described(view: &View, database: &Object, copies: &dyn Copies) -> Option<placement::Database> {
    let reports = copies.reports(view, database);
    let mut request = request(view, database, &reports, Cause::Switchover);
    request.dial = Some(MountDial::Lossless);
    // Placement counts what is active on each server itself.
    let candidates: Vec<Candidate> = candidates(view, database, &reports)
        .into_iter()
        .map(|one| Candidate { maximum_active: None, maximum_preferred: None, ..one })
        .collect();
    let order = select(&request, &candidates).order;
    let copies = candidates.iter().map(|one| placement::Copy {
        server: one.server,
        preference: one.preference,
        activatable: order.contains(&one.server)
            && one.copy_queue < COPY_QUEUE_MAX
            && one.replay_queue < REPLAY_QUEUE_MAX
            && !one.last_resort,
    });
    Some(placement::Database {
        database: database.guid,
        active: database.link("Server")?,
        copies: copies.collect(),
    })
}

/// How databases are spread, as the product's script reports it.
fn distribution(view: &View, server: &Object) -> Value {
    let copies: Vec<&Arc<Object>> =
        view.databases().filter_map(|database| view.copy_on(database.guid, server.guid)).collect();
    let is_active = |copy: &&&Arc<Object>| {
        let database = copy.link("Database").and_then(|guid| view.get(guid));
        database.is_some_and(|database| database.link("Server") == Some(server.guid))
    };
    let active = copies.iter().filter(is_active).count();
    let last = copies.iter().filter_map(|copy| copy.int("ActivationPreference")).max().unwrap_or(0);
    let preferred = (1..=last).map(|place| {
        copies.iter().filter(|copy| copy.int("ActivationPreference") == Some(place)).count().to_string()
    });
    PsObject::new(TYPES)
        .with("ServerName", &*server.name)
        .with("TotalDbs", count(copies.len()))
        .with("ActiveDbs", count(active))
        .with("PassiveDbs", count(copies.len() - active))
        .with("PreferenceCountList", Value::multi(preferred.map(Value::string).collect()))
        .into()
}

fn count(n: usize) -> Value {
    Value::Int(i32::try_from(n).unwrap_or(i32::MAX))
}
