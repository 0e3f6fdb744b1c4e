//! Mailbox databases: where mailboxes are stored, mounted or not, and the limits they inherit.

use std::sync::Arc;

use base::Guid;
use directory::{
    Object, Scope, View,
    schema::{MAILBOX_DATABASE, SERVER},
    verbs,
};
use powershell::{Value, value::PsObject};
use store::{Database, MountState};

use crate::{Cmdlet, Context, Failure, Make, Noun, Outcome, call::Call};

/// The noun, also for those who look a database up.
pub(crate) static NOUN: Noun = Noun {
    order: &[&[
        "JournalRecipient",
        "MailboxRetention",
        "OfflineAddressBook",
        "PublicFolderDatabase",
        "ProhibitSendReceiveQuota",
        "ProhibitSendQuota",
        "RecoverableItemsQuota",
        "RecoverableItemsWarningQuota",
        "CalendarLoggingQuota",
        "IndexEnabled",
        "IsExcludedFromProvisioning",
        "IsExcludedFromInitialProvisioning",
        "IsSuspendedFromProvisioning",
        "ReplicationType",
        "AllowFileRestore",
        "BackgroundDatabaseMaintenance",
        "EdbFilePath",
        "RpcClientAccessServer",
        "MountedOnServer",
        "DeletedItemRetention",
        "RetainDeletedItemsUntilBackup",
        "MaintenanceSchedule",
        "MountAtStartup",
        "Mounted",
        "MountError",
        "QuotaNotificationSchedule",
        "Recovery",
        "Server",
        "ServerName",
        "WorkerProcessId",
        "AutoDagExcludeFromMonitoring",
        "AutoDatabaseMountDial",
        "DatabaseGroup",
        "IssueWarningQuota",
        "EventHistoryRetentionPeriod",
        "LogFolderPath",
        "CircularLoggingEnabled",
        "DataMoveReplicationConstraint",
        "LogPosition",
        "CheckpointPosition",
    ]],
    extend: Some(state),
    conditions: &[
        ("Server", |view, object, value| is_on_server(view, Some(object.guid), value)),
        // The state is known at no cost: it is always shown.
        ("Status", |_, _, _| true),
        ("IncludeCorrupted", |_, _, _| true),
        ("IncludePreExchange2010", |_, _, _| true),
        ("IncludePreExchange2013", |_, _, _| true),
    ],
    create: Some(create),
    takes: &["Name", "Server"],
    ..Noun::new(
        "MailboxDatabase",
        &MAILBOX_DATABASE,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase"],
    )
};

/// `Get-MailboxDatabase`
pub static GET: Cmdlet = Cmdlet::get("Get-MailboxDatabase", &NOUN);
/// `Set-MailboxDatabase`
pub static SET: Cmdlet = Cmdlet::set("Set-MailboxDatabase", &NOUN);
/// `New-MailboxDatabase`
pub static NEW: Cmdlet = Cmdlet::new("New-MailboxDatabase", &NOUN);
/// `Remove-MailboxDatabase`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-MailboxDatabase", remove, &[]).asking();
/// `Mount-Database`
pub static MOUNT: Cmdlet = Cmdlet::run("Mount-Database", mount, &[]);
/// `Dismount-Database`
pub static DISMOUNT: Cmdlet = Cmdlet::run("Dismount-Database", dismount, &[]).asking();

/// Whether a database is on the server that an identity means.
pub(crate) fn is_on_server(view: &View, database: Option<Guid>, server: &str) -> bool {
    let named = view.resolve(server, Scope::Class(&SERVER)).map(|server| server.guid);
    let on = database.and_then(|guid| view.get(guid)).and_then(|database| database.link("Server"));
    on.is_some_and(|guid| named.is_ok_and(|server| server == guid))
}

fn mount_state(cx: &Context, database: Guid) -> Option<MountState> {
    cx.stores.states().into_iter().find(|(guid, _)| *guid == database).map(|(_, state)| state)
}

fn state(cx: &Context, view: &View, object: &Object, out: &mut PsObject) {
    let server = object.link("Server").and_then(|guid| view.get(guid)).map(|server| &**server);
    let mounted = mount_state(cx, object.guid);
    let is_mounted = mounted == Some(MountState::Mounted);
    out.set("Mounted", Value::Bool(is_mounted));
    out.set("ReplicationType", Value::string("None"));
    out.set("ServerName", server.map(|server| &*server.name).into());
    out.set("MountedOnServer", server.filter(|_| is_mounted).and_then(|server| server.text("Fqdn")).into());
    if let Some(MountState::Failed(reason)) = mounted {
        out.set("MountError", Value::string(reason));
    }
    if let Ok(database) = cx.stores.get(object.guid) {
        let status = database.status();
        out.set("LogPosition", status.durable.into());
        out.set("CheckpointPosition", status.checkpoint.into());
    }
}

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let server = view.resolve(&call.identity("Server").unwrap_or_default(), Scope::Class(&SERVER))?;
    let name = call.needed("Name")?;
    Ok(Box::new(move |draft| verbs::new_mailbox_database(draft, &name, server.guid)))
}

/// The open database, or an error with its name.
pub(crate) fn open(cx: &Context, database: &Object) -> Outcome<Database> {
    cx.stores.get(database.guid).map_err(|error| {
        let text = format!("The mailbox database \"{}\" isn't mounted.", database.name);
        match Failure::from(error) {
            failure if failure.fault.code == "MapiExceptionMdbOffline" => {
                let fault = base::Fault { public_text: text, ..failure.fault };
                Failure { fault, target: Some((*database.name).into()) }
            }
            failure => failure,
        }
    })
}

fn mount(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let object = NOUN.named(call, &view)?;
    let elsewhere = object.link("Server").and_then(|server| view.get(server));
    if let Some(server) = elsewhere.filter(|server| *server.name != *call.cx.server_name) {
        return Err(Failure::invalid(format!(
            "The database \"{}\" belongs to the server \"{}\": mount it there.",
            object.name, server.name
        )));
    }
    if call.should_process(&format!("Mounting database \"{}\"", object.name))? {
        call.cx.stores.mount((call.cx.database_config)(&object))?;
    }
    Ok(())
}

fn dismount(call: &mut Call<'_>) -> Outcome {
    let object = NOUN.named(call, &call.cx.directory.snapshot())?;
    if call.should_process(&format!(
        "Dismounting database \"{}\". This may result in reduced availability for mailboxes in the database",
        object.name
    ))? {
        call.cx.stores.dismount(object.guid)?;
    }
    Ok(())
}

/// The directory forgets the database first: from then on nothing opens it again. Its files stay.
fn remove(call: &mut Call<'_>) -> Outcome {
    let object: Arc<Object> = NOUN.named(call, &call.cx.directory.snapshot())?;
    if !call.should_process(&format!("Removing mailbox database \"{}\"", object.name))? {
        return Ok(());
    }
    let guid = object.guid;
    call.commit(move |draft| draft.delete(guid))?;
    call.cx.stores.dismount(guid)?;
    let folder = (call.cx.database_config)(&object).engine.dir;
    call.warn(&format!(
        "The specified database has been removed. You must remove the database files located in {} from your \
         computer manually if they exist. Specified database: {}",
        folder.display(),
        object.name
    ));
    Ok(())
}
