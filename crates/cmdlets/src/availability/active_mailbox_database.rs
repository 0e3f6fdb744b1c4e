//! Which copy of a database is active: switchovers to a server, away from one, or back to where it is preferred.

use std::sync::Arc;

use base::{Fault, FaultKind};
use dag::machine::activation::{Candidate, Cause, MountDial, Selection, Skip, select};
use directory::{Object, Scope, View, schema::SERVER};
use powershell::{Value, value::PsObject};

use super::{candidates, request};
use crate::{
    Cmdlet, Failure, Outcome,
    call::Call,
    copies::{Moved, Switchover},
    database::mailbox_database,
};

/// `Move-ActiveMailboxDatabase`
pub static MOVE: Cmdlet = Cmdlet::run(
    "Move-ActiveMailboxDatabase",
    run,
    &[
        "Server",
        "ActivatePreferredOnServer",
        "ActivateOnServer",
        "SkipAllChecks",
        "MountDialOverride",
        "MoveAllDatabasesOrNone",
        "MoveComment",
        "SkipActiveCopyChecks",
        "SkipClientExperienceChecks",
        "SkipCpuChecks",
        "SkipHealthChecks",
        "SkipLagChecks",
        "SkipMaximumActiveDatabasesChecks",
        "SkipMoveSuppressionChecks",
        "TerminateOnWarning",
    ],
)
.asking();

const TYPES: &[&str] = &["Microsoft.Exchange.Management.SystemConfigurationTasks.DatabaseMoveResult"];

/// A database, and the server it is to be active on, if one was named.
type Wanted = (Arc<Object>, Option<Arc<Object>>);

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let wanted = wanted(call, &view)?;
    for (database, _) in &wanted {
        call.admit(&view, database, &database.name)?;
    }
    let all_or_none = call.switch("MoveAllDatabasesOrNone");
    let mut plans = Vec::new();
    for (database, target) in &wanted {
        match plan(call, &view, database, target.as_deref()) {
            Ok(switchover) => plans.push((database, switchover)),
            Err(failure) if wanted.len() == 1 || all_or_none => return Err(failure),
            Err(failure) => call.error(failure),
        }
    }
    for (database, switchover) in plans {
        match switch(call, &view, database, &switchover) {
            Err(failure) if wanted.len() > 1 => call.error(failure),
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Asks, makes another copy the active one, and says how it went.
pub(super) fn switch(
    call: &mut Call<'_>,
    view: &View,
    database: &Object,
    switchover: &Switchover,
) -> Outcome {
    let names: Vec<String> = switchover.order.iter().map(|guid| name(view, *guid)).collect();
    let action = format!(
        "Moving the active copy of database \"{}\" from server \"{}\" to server \"{}\"",
        database.name,
        name(view, switchover.request.source),
        names.join("\" or \"")
    );
    if !call.should_process(&action)? {
        return Ok(());
    }
    let moved = call.cx.copies.switch(switchover)?;
    report(call, view, database, switchover, &moved)
}

fn name(view: &View, server: base::Guid) -> String {
    view.get(server).map_or_else(|| server.to_string(), |server| server.name.to_string())
}

fn server(call: &Call<'_>, view: &View, parameter: &str) -> Outcome<Option<Arc<Object>>> {
    let given = call.identity(parameter);
    Ok(given.map(|identity| view.resolve(&identity, Scope::Class(&SERVER))).transpose()?)
}

/// What a call moves: one database, all that are active on a server, or all that a server is the first choice for.
fn wanted(call: &Call<'_>, view: &View) -> Outcome<Vec<Wanted>> {
    let target = server(call, view, "ActivateOnServer")?;
    if let Some(source) = server(call, view, "Server")? {
        let active = view.databases().filter(|database| database.link("Server") == Some(source.guid));
        let replicated = active.filter(|database| view.copies_of(database.guid).len() > 1);
        return Ok(replicated.map(|database| (database.clone(), target.clone())).collect());
    }
    if let Some(preferred) = server(call, view, "ActivatePreferredOnServer")? {
        let first = |database: &&Arc<Object>| {
            let copies = view.copies_of(database.guid);
            let first = copies.first().and_then(|copy| copy.link("Server"));
            copies.len() > 1 && first == Some(preferred.guid) && database.link("Server") != first
        };
        let found = view.databases().filter(first);
        return Ok(found.map(|database| (database.clone(), Some(preferred.clone()))).collect());
    }
    Ok(vec![(mailbox_database::NOUN.named(call, view)?, target)])
}

fn skip(call: &Call<'_>) -> Skip {
    if call.switch("SkipAllChecks") {
        return Skip::ALL;
    }
    Skip {
        health: call.switch("SkipHealthChecks"),
        lag: call.switch("SkipLagChecks"),
        active_copy: call.switch("SkipActiveCopyChecks"),
        maximum_active: call.switch("SkipMaximumActiveDatabasesChecks"),
        client_experience: call.switch("SkipClientExperienceChecks"),
    }
}

/// `-MountDialOverride`: `None` leaves it to the target's server, and nothing said is lossless.
fn dial(call: &Call<'_>) -> Outcome<Option<MountDial>> {
    match call.text("MountDialOverride") {
        None => Ok(Some(MountDial::Lossless)),
        Some(word) if word.eq_ignore_ascii_case("None") => Ok(None),
        Some(word) => match MountDial::parse(&word) {
            Some(dial) => Ok(Some(dial)),
            None => Err(Failure::invalid(format!(
                "\"{word}\" isn't a valid MountDialOverride: use None, Lossless, GoodAvailability, BestAvailability or \
                 BestEffort."
            ))),
        },
    }
}

/// Which copies to try, or the reason why there is none.
pub(super) fn plan(
    call: &Call<'_>,
    view: &View,
    database: &Object,
    target: Option<&Object>,
) -> Outcome<Switchover> {
    if view.copies_of(database.guid).len() < 2 {
        let text = format!("The database has no other copy: \"{}\" can't be moved.", database.name);
        return Err(Failure { target: Some((*database.name).into()), ..Failure::invalid(text) });
    }
    let reports = call.cx.copies.reports(view, database);
    let cause = target.map_or(Cause::Switchover, |server| Cause::Named(server.guid));
    let mut request = request(view, database, &reports, cause);
    request.dial = dial(call)?;
    request.skip = skip(call);
    let candidates = candidates(view, database, &reports);
    if let Some(target) = target.filter(|target| !candidates.iter().any(|one| one.server == target.guid)) {
        let text = format!("The server \"{}\" holds no copy of database \"{}\".", target.name, database.name);
        return Err(Failure::invalid(text));
    }
    let selection = select(&request, &candidates);
    if selection.order.is_empty() {
        return Err(none_fits(database, target, &selection, &candidates));
    }
    let comment = call.text("MoveComment").unwrap_or_default().to_string();
    Ok(Switchover { database: database.guid, request, order: selection.order, comment })
}

/// The error that says of each copy why it does not become active: of the one that was named, or of all.
fn none_fits(
    database: &Object,
    target: Option<&Object>,
    selection: &Selection,
    candidates: &[Candidate],
) -> Failure {
    let meant = |server| target.is_none_or(|target| target.guid == server);
    let reasons: Vec<String> = selection
        .rejected
        .iter()
        .filter(|rejected| {
            meant(rejected.server) && candidates.iter().any(|one| one.server == rejected.server)
        })
        .map(|rejected| format!("{}\\{}: {}", database.name, rejected.name, rejected.reason))
        .collect();
    let text = format!("No copy of database \"{}\" can become active. {}", database.name, reasons.join(" "));
    let fault = Fault::new(FaultKind::Invalid, "AmDbMoveOperationFailedException", text);
    Failure { fault, target: Some((*database.name).into()) }
}

fn report(
    call: &mut Call<'_>,
    view: &View,
    database: &Object,
    switchover: &Switchover,
    moved: &Moved,
) -> Outcome {
    for warning in &moved.warnings {
        call.warn(warning);
    }
    let mounted = |yes: bool| Value::string(if yes { "Mounted" } else { "Dismounted" });
    let status = if moved.warnings.is_empty() { "Succeeded" } else { "Warning" };
    let row = PsObject::new(TYPES)
        .with("Identity", &*database.name)
        .with("ActiveServerAtStart", name(view, switchover.request.source))
        .with("ActiveServerAtEnd", name(view, moved.active))
        .with("Status", status)
        .with("NumberOfLogsLost", Value::Long(i64::try_from(moved.lost_logs).unwrap_or(i64::MAX)))
        .with("MountStatusAtMoveEnd", mounted(moved.mounted))
        .with("MoveComment", switchover.comment.as_str());
    let _ = call.write(row.into());
    if call.switch("TerminateOnWarning") && !moved.warnings.is_empty() {
        return Err(Failure::invalid(format!(
            "Moving the active copy of database \"{}\" ended with warnings.",
            database.name
        )));
    }
    Ok(())
}
