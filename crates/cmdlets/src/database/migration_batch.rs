//! Migration batches: New, Get, Set, Start, Stop, Complete and Remove. A batch is a name for move requests that
//! belong together; what becomes of each mailbox is its request's to say.

use std::sync::Arc;

use base::Guid;
use directory::{
    DirectoryError, Draft, Edit, NewObject, Object, Value as Stored, View,
    schema::{MIGRATION_BATCH, MOVE_REQUEST},
    verbs::{self, NewMove, is_over, move_request_of},
};
use jobs::batches::{counts, request_batch, status, users};
use powershell::{Value, value::PsObject};

use super::move_request;
use crate::{Cmdlet, Context, Failure, Noun, Outcome, call::Call};

/// The noun, for finding and showing batches.
pub(super) static NOUN: Noun = Noun {
    order: &[&[
        "Status",
        "MigrationType",
        "BatchDirection",
        "TotalCount",
        "PendingCount",
        "ActiveCount",
        "StoppedCount",
        "SyncedCount",
        "FinalizedCount",
        "FailedCount",
        "CreationDateTime",
        "StartDateTime",
        "StartAfter",
        "CompleteAfter",
        "TargetDatabases",
        "TargetArchiveDatabases",
        "NotificationEmails",
    ]],
    extend: Some(extend),
    ..Noun::new(
        "MigrationBatch",
        &MIGRATION_BATCH,
        &["Microsoft.Exchange.Data.Storage.Management.MigrationBatch"],
    )
};

/// Settings that are attributes of their name.
const SETTINGS: &[&str] = &[
    "AllowIncrementalSyncs",
    "ArchiveOnly",
    "AutoRetryCount",
    "BadItemLimit",
    "CompleteAfter",
    "LargeItemLimit",
    "NotificationEmails",
    "PrimaryOnly",
    "StartAfter",
    "TargetArchiveDatabases",
    "TargetDatabases",
];

/// `New-MigrationBatch`
pub static NEW: Cmdlet = Cmdlet::run(
    "New-MigrationBatch",
    new,
    &[
        "AllowIncrementalSyncs",
        "AllowUnknownColumnsInCsv",
        "ArchiveOnly",
        "AutoComplete",
        "AutoRetryCount",
        "AutoStart",
        "BadItemLimit",
        "CompleteAfter",
        "CSVData",
        "LargeItemLimit",
        "Local",
        "NotificationEmails",
        "PrimaryOnly",
        "StartAfter",
        "TargetArchiveDatabases",
        "TargetDatabases",
        "UserIds",
    ],
);
/// `Get-MigrationBatch`
pub static GET: Cmdlet = Cmdlet::run("Get-MigrationBatch", get, &["IncludeReport", "Status"]);
/// `Set-MigrationBatch`
pub static SET: Cmdlet = Cmdlet::run(
    "Set-MigrationBatch",
    set,
    &[
        "AllowIncrementalSyncs",
        "AutoRetryCount",
        "BadItemLimit",
        "CompleteAfter",
        "LargeItemLimit",
        "NotificationEmails",
        "StartAfter",
    ],
);
/// `Start-MigrationBatch`
pub static START: Cmdlet = Cmdlet::run("Start-MigrationBatch", start, &[]);
/// `Stop-MigrationBatch`
pub static STOP: Cmdlet = Cmdlet::run("Stop-MigrationBatch", stop, &[]).asking();
/// `Complete-MigrationBatch`
pub static COMPLETE: Cmdlet =
    Cmdlet::run("Complete-MigrationBatch", complete, &["NotificationEmails"]).asking();
/// `Remove-MigrationBatch`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-MigrationBatch", remove, &[]).asking();

fn extend(_: &Context, view: &View, batch: &Object, out: &mut PsObject) {
    let counts = counts(view, batch);
    for (name, count) in [
        ("TotalCount", counts.total),
        ("PendingCount", counts.pending),
        ("ActiveCount", counts.active),
        ("StoppedCount", counts.stopped),
        ("SyncedCount", counts.synced),
        ("FinalizedCount", counts.finalized),
        ("FailedCount", counts.failed),
    ] {
        out.set(name, Value::Int(count));
    }
    out.set("Status", Value::string(status(view, batch)));
    out.set("MigrationType", Value::string("ExchangeLocalMove"));
    out.set("BatchDirection", Value::string("Local"));
    out.set("CreationDateTime", Value::DateTime(batch.when_created));
}

/// The addresses of a CSV file's `EmailAddress` column.
fn addresses(csv: &str, unknown_columns: bool) -> Outcome<Vec<String>> {
    let mut lines = csv.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
    let fields = |line: &str| -> Vec<String> {
        line.split(',').map(|field| field.trim().trim_matches('"').to_owned()).collect()
    };
    let header = lines.next().map(fields).unwrap_or_default();
    let is = |own: &&String| own.eq_ignore_ascii_case("EmailAddress");
    let at = header
        .iter()
        .position(|own| is(&own))
        .ok_or_else(|| Failure::invalid("The CSV file has no column EmailAddress in its first line."))?;
    if let Some(other) = header.iter().find(|own| !is(own)).filter(|_| !unknown_columns) {
        return Err(Failure::invalid(format!(
            "The CSV file has a column \"{other}\" that isn't known. Use AllowUnknownColumnsInCsv to pass over it."
        )));
    }
    Ok(lines.filter_map(|line| fields(line).get(at).filter(|field| !field.is_empty()).cloned()).collect())
}

fn edits(call: &Call<'_>, view: &View) -> Outcome<Vec<(&'static str, Edit)>> {
    let mut edits = Vec::new();
    for name in SETTINGS {
        let (Some(given), Some(attribute)) = (call.get(name), MIGRATION_BATCH.attribute(name)) else {
            continue;
        };
        edits.push((attribute.name, crate::convert::to_edit(view, attribute, given)?));
    }
    Ok(edits)
}

fn new(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let name = call.needed("Name")?.to_string();
    let mut identities: Vec<String> = call.list("UserIds").iter().map(ToString::to_string).collect();
    if let Some(Value::Bytes(csv)) = call.get("CSVData") {
        identities.extend(addresses(&String::from_utf8_lossy(csv), call.switch("AllowUnknownColumnsInCsv"))?);
    }
    let mut links = Vec::with_capacity(identities.len());
    for identity in &identities {
        let user = view.resolve_recipient(identity)?;
        call.admit(&view, &user, identity)?;
        links.push(Stored::Link(user.guid));
    }
    if links.is_empty() {
        return Err(Failure::invalid("The batch has no users: CSVData or UserIds must name some."));
    }
    let edits = edits(call, &view)?;
    if !call.should_process(&format!("Creating migration batch \"{name}\""))? {
        return Ok(());
    }
    let (auto_complete, auto_start) = (call.switch("AutoComplete"), call.switch("AutoStart"));
    let made = call.commit(move |draft| {
        let batch = NewObject::new(&MIGRATION_BATCH, name)
            .with("Users", Stored::Multi(links.into()))
            .with("AutoComplete", auto_complete);
        let batch = draft.create(batch)?;
        draft.modify_system(batch.guid, edits)?;
        if auto_start {
            begin(draft, batch.guid)?;
        }
        draft.existing(batch.guid)
    })?;
    let shown = NOUN.show(call.cx, &call.cx.directory.snapshot(), &made);
    let _ = call.write(shown);
    Ok(())
}

/// Makes requests for the users that have none, and lets those go on that were stopped.
fn begin(draft: &mut Draft<'_>, batch: Guid) -> Result<(), DirectoryError> {
    let batch = draft.existing(batch)?;
    let phase = vec![
        ("Phase", Edit::set("Started")),
        ("StartDateTime", Edit::set(Stored::Time(draft.now()))),
        ("Reported", Edit::clear()),
    ];
    draft.modify_system(batch.guid, phase)?;
    let targets: Vec<Guid> = batch.links("TargetDatabases").collect();
    let archives: Vec<Guid> = batch.links("TargetArchiveDatabases").collect();
    let ready = !batch.flag("AutoComplete");
    let users: Vec<Arc<Object>> = users(draft, &batch).cloned().collect();
    for (n, user) in users.into_iter().enumerate() {
        if let Some(request) = move_request_of(draft, user.guid).cloned() {
            let ours = request.text("BatchName") == Some(request_batch(&batch).as_str());
            if ours && matches!(request.text("Status"), Some("Suspended" | "Failed")) {
                draft.modify_system(request.guid, move_request::resumed(ready))?;
            }
            continue;
        }
        let source = user.link("Database");
        let target = match targets.len() {
            0 => verbs::choose_database(draft)?.guid,
            len => targets[n % len],
        };
        let has_archive = user.guid_of("ArchiveGuid").is_some();
        let (primary, archive) = (batch.flag("PrimaryOnly"), batch.flag("ArchiveOnly"));
        let archive_target = archives.get(n % archives.len().max(1)).copied().unwrap_or(target);
        let new = NewMove {
            user: user.guid,
            target: (!archive).then_some(target),
            archive_target: (archive || has_archive && !primary).then_some(archive_target),
            settings: vec![
                ("BatchName", Stored::text(request_batch(&batch))),
                ("SuspendWhenReadyToComplete", ready.into()),
            ],
        };
        // Who is there already, or has another request, is told by the user's status.
        if source == Some(target) && !archive || verbs::check_new_move(draft, &new).is_err() {
            continue;
        }
        let request = verbs::new_move_request(draft, new)?;
        copy_settings(draft, &batch, request.guid)?;
    }
    Ok(())
}

/// What a batch says of all its requests.
fn copy_settings(draft: &mut Draft<'_>, batch: &Object, request: Guid) -> Result<(), DirectoryError> {
    let names = ["BadItemLimit", "LargeItemLimit", "StartAfter", "CompleteAfter"];
    let edits = names.map(|name| {
        (name, batch.stored_value(name).map_or_else(Edit::clear, |value| Edit::set(value.clone())))
    });
    draft.modify_system(request, edits.into()).map(|_| ())
}

/// The requests of a batch that are not over.
fn open_requests(view: &View, batch: &Object) -> Vec<Arc<Object>> {
    let name = request_batch(batch);
    let ours = |request: &&Arc<Object>| request.text("BatchName") == Some(name.as_str()) && !is_over(request);
    view.of_class(&MOVE_REQUEST).filter(ours).cloned().collect()
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = NOUN.select(call, &view)?;
    if let Some(wanted) = call.text("Status") {
        found.retain(|batch| status(&view, batch).eq_ignore_ascii_case(&wanted));
    }
    let show = NOUN.shower(call.cx, &view);
    call.write_all(found.iter().map(|batch| show(batch)));
    Ok(())
}

fn set(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let batch = NOUN.named(call, &view)?;
    let edits = edits(call, &view)?;
    if call.should_process(&format!("Setting migration batch \"{}\"", batch.name))? {
        call.commit(move |draft| {
            draft.modify_system(batch.guid, edits)?;
            let batch = draft.existing(batch.guid)?;
            for request in open_requests(draft, &batch).iter().filter(|request| !request.flag("Switched")) {
                copy_settings(draft, &batch, request.guid)?;
                draft.modify_system(request.guid, vec![("NextTry", Edit::clear())])?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn start(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let batch = NOUN.named(call, &view)?;
    if call.should_process(&format!("Starting migration batch \"{}\"", batch.name))? {
        call.commit(move |draft| begin(draft, batch.guid))?;
    }
    Ok(())
}

fn stop(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let batch = NOUN.named(call, &view)?;
    if call.should_process(&format!("Stopping migration batch \"{}\"", batch.name))? {
        call.commit(move |draft| {
            draft.modify_system(batch.guid, vec![("Phase", Edit::set("Stopped"))])?;
            for request in open_requests(draft, &batch).iter().filter(|request| !request.flag("Switched")) {
                draft.modify_system(request.guid, vec![("Suspend", Edit::set(true))])?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn complete(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let batch = NOUN.named(call, &view)?;
    if !matches!(status(&view, &batch), "Synced" | "SyncedWithErrors" | "Syncing" | "CompletedWithErrors") {
        return Err(Failure::invalid(format!(
            "The migration batch \"{}\" can't be completed: it is {}.",
            batch.name,
            status(&view, &batch)
        )));
    }
    let mut edits = edits(call, &view)?;
    edits.extend([("Phase", Edit::set("Completing")), ("Reported", Edit::clear())]);
    if call.should_process(&format!("Completing migration batch \"{}\"", batch.name))? {
        call.commit(move |draft| {
            draft.modify_system(batch.guid, edits)?;
            for request in open_requests(draft, &batch) {
                let edits = match request.text("Status") {
                    Some("AutoSuspended") => move_request::resumed(false),
                    _ => vec![("SuspendWhenReadyToComplete", Edit::set(false))],
                };
                draft.modify_system(request.guid, edits)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let batch = NOUN.named(call, &view)?;
    let now = status(&view, &batch);
    if matches!(now, "Syncing" | "Stopping" | "Completing") && !call.switch("Force") {
        return Err(Failure::invalid(format!(
            "The migration batch \"{}\" is {now}. Stop it before you remove it.",
            batch.name
        )));
    }
    if call.should_process(&format!("Removing migration batch \"{}\"", batch.name))? {
        call.commit(move |draft| {
            let name = request_batch(&batch);
            let ours = |request: &&Arc<Object>| request.text("BatchName") == Some(name.as_str());
            let requests: Vec<Arc<Object>> = draft.of_class(&MOVE_REQUEST).filter(ours).cloned().collect();
            for request in requests.iter().filter(|request| is_over(request) || !request.flag("Switched")) {
                draft.delete(request.guid)?;
            }
            draft.delete(batch.guid)
        })?;
    }
    Ok(())
}

/// The batch that a parameter names.
pub(super) fn named(view: &View, identity: &str) -> Outcome<Arc<Object>> {
    NOUN.resolve(view, identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_their_column() {
        let csv = "\u{feff}EmailAddress\r\nana@rialto.test\r\n\r\n\"nuno@rialto.test\"\r\n";
        assert_eq!(addresses(csv, false).unwrap(), ["ana@rialto.test", "nuno@rialto.test"]);
        assert!(addresses("Mail\r\na@b.c", false).is_err());
        assert!(addresses("EmailAddress,Other\r\na@b.c,x", false).is_err());
        assert_eq!(addresses("Other,emailaddress\r\nx,a@b.c", true).unwrap(), ["a@b.c"]);
    }
}
