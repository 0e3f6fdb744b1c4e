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

use crate::{Cmdlet, Context, Failure, Make, Noun, Outcome, call::Call, place};

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
        "MasterServerOrAvailabilityGroup",
        "MasterType",
        "Servers",
        "ActivationPreference",
        "ReplayLagTimes",
        "TruncationLagTimes",
        "DatabaseCopies",
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
        // The state of databases that are here is known at no cost: it is always shown.
        ("Status", |_, _, _| true),
        ("IncludeCorrupted", |_, _, _| true),
        ("IncludePreExchange2010", |_, _, _| true),
        ("IncludePreExchange2013", |_, _, _| true),
    ],
    create: Some(create),
    takes: &["Name", "Server"],
    kept_by: Some(place::active_on),
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
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-MailboxDatabase", remove, &[])
    .asking()
    .at(&[("Identity", place::of_database)])
    .or_here();
/// `Mount-Database`
pub static MOUNT: Cmdlet = Cmdlet::run("Mount-Database", mount, &[]).at(&[("Identity", place::of_database)]);
/// `Dismount-Database`
pub static DISMOUNT: Cmdlet =
    Cmdlet::run("Dismount-Database", dismount, &[]).asking().at(&[("Identity", place::of_database)]);

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
    copies(view, object, server, out);
    out.set("ServerName", server.map(|server| &*server.name).into());
    if place::active_on(object) != Some(cx.server) {
        // The other server knows the rest: `-Status` asks it.
        return;
    }
    let mounted = mount_state(cx, object.guid);
    let is_mounted = mounted == Some(MountState::Mounted);
    out.set("Mounted", Value::Bool(is_mounted));
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

/// Its copies, the most preferred first.
fn copies(view: &View, object: &Object, server: Option<&Object>, out: &mut PsObject) {
    let copies = view.copies_of(object.guid);
    let list =
        |value: &dyn Fn(&Object) -> Value| Value::multi(copies.iter().map(|copy| value(copy)).collect());
    let listed = |copy: &Object, attribute: &str| {
        let value = copy.get(attribute).map(|value| value.to_string()).unwrap_or_default();
        Value::string(format!("[{}, {value}]", copy.name))
    };
    let group = server.and_then(|server| server.link("DatabaseAvailabilityGroup"));
    let master = group.and_then(|guid| view.get(guid));
    let replicated = copies.len() > 1;
    out.set("ReplicationType", Value::string(if replicated { "Remote" } else { "None" }));
    out.set(
        "MasterType",
        Value::string(if master.is_some() { "DatabaseAvailabilityGroup" } else { "Server" }),
    );
    out.set(
        "MasterServerOrAvailabilityGroup",
        master.map(|group| &*group.name).or(server.map(|server| &*server.name)).into(),
    );
    out.set("Servers", list(&|copy| Value::string(&*copy.name)));
    out.set("ActivationPreference", list(&|copy| listed(copy, "ActivationPreference")));
    out.set("ReplayLagTimes", list(&|copy| listed(copy, "ReplayLagTime")));
    out.set("TruncationLagTimes", list(&|copy| listed(copy, "TruncationLagTime")));
    out.set("DatabaseCopies", list(&|copy| Value::string(copy.identity())));
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

/// `MaximumActiveDatabases` of the database's server: no more are mounted.
fn room(cx: &Context, view: &View, database: &Object) -> Outcome {
    let server = database.link("Server").and_then(|guid| view.get(guid));
    let most = server.and_then(|server| server.int("MaximumActiveDatabases"));
    let others = cx.stores.states().into_iter().filter(|(guid, state)| {
        *guid != database.guid && matches!(state, MountState::Mounted | MountState::Mounting)
    });
    let mounted = others.count();
    match most.and_then(|most| usize::try_from(most).ok()).filter(|most| mounted >= *most) {
        Some(most) => Err(Failure::invalid(format!(
            "Database \"{}\" can't be mounted: its server has its maximum of {most} mounted databases \
             (MaximumActiveDatabases).",
            database.name
        ))),
        None => Ok(()),
    }
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
    room(call.cx, &view, &object)?;
    if call.should_process(&format!("Mounting database \"{}\"", object.name))?
        && !call.cx.copies.set_mounted(object.guid, true)?
    {
        call.cx.stores.mount((call.cx.database_config)(&object))?;
    }
    Ok(())
}

fn dismount(call: &mut Call<'_>) -> Outcome {
    let object = NOUN.named(call, &call.cx.directory.snapshot())?;
    if call.should_process(&format!(
        "Dismounting database \"{}\". This may result in reduced availability for mailboxes in the database",
        object.name
    ))? && !call.cx.copies.set_mounted(object.guid, false)?
    {
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
