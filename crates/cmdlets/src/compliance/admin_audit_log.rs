//! The administrator audit log: searched, written to, and checked for what was altered or is missing.

use base::{Fault, Timestamp};
use directory::Scope;
use powershell::{Value, cmdlet::CommandInfo, value::PsObject};
use trust::audit::{self, Entry, Modified, Query, SEARCH_MAX};

use crate::{Cmdlet, Failure, Outcome, call::Call, cmdlet::declare, place::Part};

/// Entries returned where `-ResultSize` does not say.
const RESULT_SIZE: usize = 1000;
/// The longest comment, characters.
const COMMENT_MAX: usize = 500;

/// `Search-AdminAuditLog`
pub static SEARCH: Cmdlet = Cmdlet::run(
    "Search-AdminAuditLog",
    search,
    &[
        "Cmdlets",
        "EndDate",
        "ExternalAccess",
        "IsSuccess",
        "ObjectIds",
        "Parameters",
        "ResultSize",
        "StartDate",
        "StartIndex",
        "UserIds",
    ],
);
/// `Write-AdminAuditLog`
pub static WRITE: Cmdlet = Cmdlet::run("Write-AdminAuditLog", write, &["Comment"]);
/// `Test-AdminAuditLogIntegrity`
pub static TEST: Cmdlet = Cmdlet::run("Test-AdminAuditLogIntegrity", test, &[]).declared(info);

fn info() -> CommandInfo {
    declare(
        "Test-AdminAuditLogIntegrity",
        "Checks every entry of this server's administrator audit log, and says which were altered or are missing.",
        &[],
    )
}

pub(super) fn failed(error: std::io::Error) -> Failure {
    Fault::internal(error).into()
}

fn search(call: &mut Call<'_>) -> Outcome {
    // Nobody from outside the organisation administers it.
    if call.switch("ExternalAccess") {
        return Ok(());
    }
    let Query { skip, limit, .. } = wanted(call)?;
    // Each server has a log of what was done there: what is wanted is found when all of them are put in order.
    let query = Query { skip: 0, limit: skip.saturating_add(limit).min(SEARCH_MAX), ..wanted(call)? };
    let mut found: Vec<Value> = call.cx.audit.search(&query).map_err(failed)?.iter().map(show).collect();
    if call.part() != Part::Share {
        let servers: Vec<_> = call.cx.directory.snapshot().servers().map(|server| server.guid).collect();
        found.extend(call.ask_others(servers));
        found.sort_by_key(|entry| std::cmp::Reverse(run_date(entry)));
        found = found.into_iter().skip(skip).take(limit).collect();
    }
    let count = found.len();
    for entry in found {
        if call.write(entry) == powershell::Flow::Stop {
            return Ok(());
        }
    }
    if count == limit && call.part() != Part::Share && call.get("ResultSize").is_none() {
        call.warn("There may be more entries than are shown. Use ResultSize and StartIndex to see them.");
    }
    Ok(())
}

/// When an entry that is shown was made.
fn run_date(entry: &Value) -> Option<Timestamp> {
    match entry.property("RunDate") {
        Some(Value::DateTime(time)) => Some(time),
        _ => None,
    }
}

/// What a call asks for.
pub(super) fn wanted(call: &Call<'_>) -> Outcome<Query> {
    let view = call.cx.directory.snapshot();
    let texts = |name: &str| call.list(name).iter().map(|text| text.to_string()).collect::<Vec<_>>();
    // A name stands for itself (people and objects go, the log stays) and for whoever has it now.
    let identities = |name: &str, scope: Scope<'_>| {
        let known = |text: &str| view.resolve(text, scope).ok();
        let given = texts(name);
        let found = given.iter().filter_map(|text| known(text));
        found.flat_map(|o| [o.identity(), o.guid.to_string()]).chain(given.clone()).collect::<Vec<_>>()
    };
    let number = |name: &str, otherwise: usize| match call.text(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| Failure::invalid(format!("\"{text}\" isn't a valid {name}."))),
    };
    if call.get("Parameters").is_some() && call.get("Cmdlets").is_none() {
        return Err(Failure::invalid("Parameters can be searched for only with Cmdlets."));
    }
    let config = view.admin_audit_log_config().map(|config| &**config);
    let kept = audit::age_limit(config, call.cx.clock.now());
    let start = call.time("StartDate").map_or(kept, |start| start.max(kept));
    let limit: usize = number("ResultSize", RESULT_SIZE)?;
    Ok(Query {
        start: Some(start),
        end: call.time("EndDate"),
        cmdlets: texts("Cmdlets"),
        parameters: texts("Parameters"),
        objects: identities("ObjectIds", Scope::Any),
        callers: identities("UserIds", Scope::Recipients),
        succeeded: call.get("IsSuccess").map(Value::truth),
        skip: number("StartIndex", 0)?,
        limit: limit.min(SEARCH_MAX),
    })
}

/// An entry with the product's properties; `Origin` and `EntryNumber` are ours.
fn show(entry: &Entry) -> Value {
    let parameter = |(name, value): &(String, String)| {
        PsObject::new(&["Microsoft.Exchange.Data.ApplicationLogic.AdminAuditLogCmdletParameter"])
            .with("Name", Value::string(&**name))
            .with("Value", Value::string(&**value))
            .into()
    };
    let modified = |Modified { name, old, new }: &Modified| {
        PsObject::new(&["Microsoft.Exchange.Data.ApplicationLogic.AdminAuditLogModifiedProperty"])
            .with("Name", Value::string(&**name))
            .with("OldValue", Value::string(&**old))
            .with("NewValue", Value::string(&**new))
            .into()
    };
    let error = if entry.error.is_empty() { "None" } else { &entry.error };
    PsObject::new(&["Microsoft.Exchange.Management.SystemConfigurationTasks.AdminAuditLogEvent"])
        .with("ObjectModified", Value::string(&*entry.object))
        .with("CmdletName", Value::string(&*entry.cmdlet))
        .with("CmdletParameters", Value::multi(entry.parameters.iter().map(parameter).collect()))
        .with("ModifiedProperties", Value::multi(entry.modified.iter().map(modified).collect()))
        .with("Caller", Value::string(&*entry.caller))
        .with("ExternalAccess", Value::Bool(false))
        .with("Succeeded", Value::Bool(entry.succeeded))
        .with("Error", Value::string(error))
        .with("RunDate", Value::DateTime(entry.time))
        .with("OriginatingServer", Value::string(&*entry.server))
        .with("Origin", Value::string(&*entry.origin))
        .with("EntryNumber", Value::Long(i64::try_from(entry.number).unwrap_or(i64::MAX)))
        .with("Identity", Value::string(format!("{}\\{}", entry.server, entry.number)))
        .with("IsValid", Value::Bool(true))
        .with("ObjectState", Value::string("New"))
        .into()
}

/// The comment is one of the call's parameters: the record of the call keeps it.
fn write(call: &mut Call<'_>) -> Outcome {
    let comment = call.needed("Comment")?;
    if comment.chars().count() > COMMENT_MAX {
        return Err(Failure::invalid(format!(
            "The comment is too long. The maximum is {COMMENT_MAX} characters."
        )));
    }
    Ok(())
}

fn test(call: &mut Call<'_>) -> Outcome {
    const ACTIVITY: &str = "Checking the administrator audit log";
    let cx = call.cx;
    let report = cx
        .audit
        .verify(&mut |done, of| {
            call.progress(ACTIVITY, &format!("Segment {} of {of}", done + 1), done * 100 / of)
        })
        .map_err(failed)?;
    call.progress_ended(ACTIVITY);
    let findings = report.findings.iter().map(|finding| Value::string(finding.to_string())).collect();
    let number = |n: u64| Value::Long(i64::try_from(n).unwrap_or(i64::MAX));
    let out = PsObject::new(&["Rialto.Management.AdminAuditLogIntegrity"])
        .with("Server", Value::string(&*call.cx.server_name))
        .with("Intact", Value::Bool(report.is_intact()))
        .with("EntriesRead", number(report.entries))
        .with("FirstEntry", number(report.first))
        .with("LastEntry", number(report.last))
        .with("LastHash", Value::string(report.hash.to_string()))
        .with("Findings", Value::multi(findings));
    let _ = call.write(out.into());
    Ok(())
}
