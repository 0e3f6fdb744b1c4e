//! What a mailbox holds and who used it last: exact figures, read in one step.

use std::sync::Arc;

use base::{ByteQuantifiedSize, Guid, Timestamp, Unlimited};
use directory::{Object, Recipient, Scope, View, schema::SERVER};
use jobs::moves::moves_of;
use powershell::{
    Value,
    value::{Limit, PsObject},
};
use store::{DisconnectReason, Mailbox, MailboxState, MailboxStatistics, StoreError};

use super::mailbox_database;
use crate::{Cmdlet, Context, Outcome, call::Call, convert, place, rows::filtered};

/// `Get-MailboxStatistics`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MailboxStatistics",
    run,
    &[
        "Database",
        "Server",
        "ResultSize",
        "Filter",
        "StoreMailboxIdentity",
        "IncludeMoveHistory",
        "IncludeQuarantineDetails",
        "NoADLookup",
    ],
)
.at(&[("Database", place::of_database), ("Server", place::of_server), ("Identity", place::of_mailbox)]);

/// The properties filters may name.
const PROPERTIES: &[&str] = &[
    "DisplayName",
    "ItemCount",
    "AssociatedItemCount",
    "DeletedItemCount",
    "TotalItemSize",
    "TotalDeletedItemSize",
    "StorageLimitStatus",
    "LastLogonTime",
    "LastLogoffTime",
    "LastLoggedOnUserAccount",
    "DisconnectReason",
    "DisconnectDate",
    "IsQuarantined",
    "MailboxGuid",
];

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let found: Vec<Row> =
        match (call.identity("Identity"), call.identity("Database"), call.identity("Server")) {
            (Some(identity), ..) => one(call, &view, &identity)?.into_iter().collect(),
            (None, Some(database), _) => {
                let database = mailbox_database::NOUN.resolve(&view, &database)?;
                match call.identity("StoreMailboxIdentity") {
                    Some(mailbox) => one(call, &view, &mailbox)?.into_iter().collect(),
                    None => of_database(call, &database)?,
                }
            }
            (None, None, server) => {
                let server = server.map(|server| view.resolve(&server, Scope::Class(&SERVER))).transpose()?;
                let here = |database: &&Arc<Object>| {
                    server.as_ref().is_none_or(|server| database.link("Server") == Some(server.guid))
                };
                let mut rows = Vec::new();
                for database in view.databases().filter(here) {
                    match of_database(call, database) {
                        Ok(found) => rows.extend(found),
                        // One that is not mounted does not hide the others.
                        Err(failure) => call.error(failure),
                    }
                }
                rows
            }
        };
    let seen = |(_, row): &Row| match view.by_mailbox_guid(row.guid) {
        Some(owner) => call.reader().sees(&view, &owner),
        // What belongs to nobody is for those who manage databases.
        None => call.access.may_use("Get-MailboxDatabase"),
    };
    let found: Vec<Row> = found.into_iter().filter(seen).collect();
    let with_moves = call.switch("IncludeMoveHistory");
    let mut rows: Vec<PsObject> = Vec::with_capacity(found.len());
    for (database, row) in found {
        let moves = if with_moves { history(call.cx, &database, row.guid)? } else { Value::Null };
        rows.push(show(&view, &database, row).with("MoveHistory", moves));
    }
    let rows = filtered(call, rows, PROPERTIES)?;
    call.write_all(rows.into_iter().map(Value::from));
    Ok(())
}

type Row = (Arc<Object>, MailboxStatistics);

/// The statistics of one mailbox, found by its user or by its own GUID (disconnected ones have no user). A
/// mailbox nobody has opened yet is not in the store.
fn one(call: &mut Call<'_>, view: &View, identity: &str) -> Outcome<Option<Row>> {
    if let Ok(guid) = identity.parse::<Guid>()
        && view.get(guid).is_none()
    {
        for database in view.databases() {
            if let Ok(mailbox) = call.cx.stores.get(database.guid).and_then(|store| store.mailbox(guid)) {
                return Ok(Some((database.clone(), mailbox.statistics()?)));
            }
        }
    }
    let Some((owner, mailbox)) = opened(call, view, identity)? else { return Ok(None) };
    let database = owner.database().and_then(|guid| view.get(guid)).cloned();
    let database = database.ok_or_else(|| view.not_found(identity))?;
    Ok(Some((database, mailbox.statistics()?)))
}

/// The mailbox of a recipient; nothing, and the product's warning, where nobody has opened it yet.
pub(super) fn opened(
    call: &mut Call<'_>,
    view: &View,
    identity: &str,
) -> Outcome<Option<(Recipient, Mailbox)>> {
    let owner = view.resolve_recipient(identity)?;
    call.admit(view, &owner, identity)?;
    let missing = || view.not_found(identity);
    let (guid, database) = owner.mailbox_guid().zip(owner.database()).ok_or_else(missing)?;
    let database = view.get(database).ok_or_else(missing)?;
    match mailbox_database::open(call.cx, database)?.mailbox(guid) {
        Ok(mailbox) => Ok(Some((owner, mailbox))),
        Err(StoreError::NoMailbox) => {
            call.warn(&format!(
                "The user hasn't logged on to mailbox '{}' ('{guid}'), so there is no data to return. After the \
                 user logs on, this warning will no longer appear.",
                owner.identity()
            ));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Of every mailbox in a database; of one that is not mounted, its error.
fn of_database(call: &Call<'_>, database: &Arc<Object>) -> Outcome<Vec<Row>> {
    let rows = mailbox_database::open(call.cx, database)?.statistics()?;
    Ok(rows.into_iter().map(|(_, row)| (database.clone(), row)).collect())
}

/// The moves of a mailbox, the last one first.
fn history(cx: &Context, database: &Object, mailbox: Guid) -> Outcome<Value> {
    let mailbox = mailbox_database::open(cx, database)?.mailbox(mailbox)?;
    let entries = moves_of(&mailbox)?.into_iter().map(|moved| {
        let [queued, started, locked, completed] = moved.times;
        let time = |time: Option<Timestamp>| time.map_or(Value::Null, Value::DateTime);
        let long = |n: u64| Value::Long(i64::try_from(n).unwrap_or(i64::MAX));
        let [items, bad] = moved.items;
        let size = Value::Unlimited(Unlimited::Limited(Limit::Size(ByteQuantifiedSize(moved.bytes))));
        let flags = if moved.archive { "IntraOrg, Pull, MoveOnlyArchiveMailbox" } else { "IntraOrg, Pull" };
        PsObject::new(&["Microsoft.Exchange.MailboxReplicationService.MoveHistoryEntry"])
            .with("Status", Value::string(if bad > 0 { "CompletedWithWarning" } else { "Completed" }))
            .with("Flags", Value::string(flags))
            .with("SourceDatabase", Value::string(moved.source))
            .with("TargetDatabase", Value::string(moved.target))
            .with("MRSServerName", Value::string(moved.server))
            .with("QueuedTimestamp", time(queued))
            .with("StartTimestamp", time(started))
            .with("FinalSyncTimestamp", time(locked))
            .with("CompletionTimestamp", time(completed))
            .with("TotalMailboxItemCount", long(items))
            .with("TotalMailboxSize", size)
            .with("BadItemsEncountered", long(bad))
            .into()
    });
    Ok(Value::multi(entries.collect()))
}

fn show(view: &View, database: &Object, row: MailboxStatistics) -> PsObject {
    let owner = view.by_mailbox_guid(row.guid);
    let (reason, date) = match row.state {
        MailboxState::Disconnected { reason, since } => {
            let name = match reason {
                DisconnectReason::Disabled => "Disabled",
                DisconnectReason::SoftDeleted => "SoftDeleted",
            };
            let number = i32::from(reason == DisconnectReason::SoftDeleted) + 1;
            (
                Value::enumeration("Microsoft.Exchange.Data.Mapi.MailboxState", name, number),
                Value::DateTime(since),
            )
        }
        MailboxState::Connected | MailboxState::Removing | MailboxState::Arriving => {
            (Value::Null, Value::Null)
        }
    };
    let size = |bytes| Value::Unlimited(Unlimited::Limited(Limit::Size(ByteQuantifiedSize(bytes))));
    let count = |n: u64| Value::Long(i64::try_from(n).unwrap_or(i64::MAX));
    let time = |time: Option<Timestamp>| time.map_or(Value::Null, Value::DateTime);
    let limits = owner.as_ref().map(|owner| transport::deliver::limits_of(view, owner)).unwrap_or_default();
    let mut out = PsObject::new(&["Microsoft.Exchange.Management.MapiTasks.Presentation.MailboxStatistics"]);
    for (name, value) in [
        ("DisplayName", owner.as_ref().map_or(row.display_name.as_str(), Recipient::display_name).into()),
        ("ItemCount", count(row.items)),
        ("AssociatedItemCount", count(row.associated)),
        ("DeletedItemCount", count(row.recoverable)),
        ("TotalItemSize", size(row.size)),
        ("TotalDeletedItemSize", size(row.recoverable_size)),
        (
            "StorageLimitStatus",
            Value::enumeration(
                "Microsoft.Exchange.Data.Mapi.StorageLimitStatus",
                &format!("{:?}", limits.status(row.size)),
                1,
            ),
        ),
        ("LastLogonTime", time(row.last_logon)),
        ("LastLogoffTime", time(row.last_logoff)),
        (
            "LastLoggedOnUserAccount",
            if row.last_user.is_empty() { Value::Null } else { Value::string(row.last_user) },
        ),
        ("DisconnectReason", reason),
        ("DisconnectDate", date),
        ("IsQuarantined", Value::Bool(false)),
        ("IsArchiveMailbox", Value::Bool(false)),
        ("MailboxGuid", Value::Guid(row.guid)),
        ("Database", convert::identity(database)),
        ("DatabaseName", Value::string(&*database.name)),
        (
            "LegacyDN",
            owner.as_ref().and_then(|o| o.text("LegacyExchangeDN").map(Value::string)).unwrap_or_default(),
        ),
        ("OwnerADGuid", owner.as_ref().map_or(Value::Null, |o| Value::Guid(o.guid))),
        ("WhenMailboxCreated", Value::DateTime(row.created)),
        ("Identity", Value::Guid(row.guid)),
    ] {
        out.set(name, value);
    }
    out
}
