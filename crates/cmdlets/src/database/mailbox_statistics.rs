//! What a mailbox holds and who used it last: exact figures, read in one step.

use std::sync::Arc;

use base::{ByteQuantifiedSize, Fault, Unlimited};
use directory::{Object, Scope, View};
use powershell::{
    Value,
    value::{Limit, PsObject},
};
use store::{DisconnectReason, MailboxState, MailboxStatistics};

use super::mailbox_database;
use crate::{Cmdlet, Outcome, call::Call, convert};

/// `Get-MailboxStatistics`
pub static GET: Cmdlet = Cmdlet::run("Get-MailboxStatistics", run);

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let found = match (call.identity("Identity"), call.identity("Database"), call.identity("Server")) {
        (Some(identity), ..) => vec![one(call, &view, &identity)?],
        (None, Some(database), _) => of_database(call, &*mailbox_database::NOUN.resolve(&view, &database)?)?,
        (None, None, _) => {
            let databases: Vec<Arc<Object>> = view.databases().cloned().collect();
            let all: Result<Vec<_>, Fault> =
                databases.iter().map(|object| of_database(call, object)).collect();
            all?.into_iter().flatten().collect()
        }
    };
    let rows: Vec<Value> = found.into_iter().map(|(database, row)| show(&view, &database, row)).collect();
    call.write_all(rows);
    Ok(())
}

type Row = (Arc<Object>, MailboxStatistics);

/// The statistics of one mailbox, found by its user or by its own GUID (disconnected ones have no user).
fn one(call: &Call<'_>, view: &View, identity: &str) -> Result<Row, Fault> {
    if let Ok(guid) = identity.parse::<base::Guid>()
        && view.get(guid).is_none()
    {
        for database in view.databases() {
            if let Ok(mailbox) = call.cx.stores.get(database.guid).and_then(|store| store.mailbox(guid)) {
                return Ok((database.clone(), mailbox.statistics().map_err(Fault::from)?));
            }
        }
    }
    let recipient = view.resolve_recipient(identity).map_err(Fault::from)?;
    let missing = || Fault::from(view.not_found(identity));
    let (guid, database) = recipient.mailbox_guid().zip(recipient.database()).ok_or_else(missing)?;
    let object = view.get(database).cloned().ok_or_else(missing)?;
    let mailbox = call.cx.stores.get(database).and_then(|store| store.mailbox(guid));
    let statistics = mailbox.and_then(|mailbox| mailbox.statistics()).map_err(Fault::from)?;
    Ok((object, statistics))
}

fn of_database(call: &Call<'_>, object: &Object) -> Result<Vec<Row>, Fault> {
    let view = call.cx.directory.snapshot();
    let rows = call.cx.stores.get(object.guid).and_then(|store| store.statistics()).map_err(Fault::from)?;
    let object = view.resolve(&object.guid.to_string(), Scope::Any).map_err(Fault::from)?;
    Ok(rows.into_iter().map(|(_, row)| (object.clone(), row)).collect())
}

fn show(view: &View, database: &Object, row: MailboxStatistics) -> Value {
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
        MailboxState::Connected | MailboxState::Removing => (Value::Null, Value::Null),
    };
    let size = |bytes| Value::Unlimited(Unlimited::Limited(Limit::Size(ByteQuantifiedSize(bytes))));
    let count = |n: u64| Value::Long(i64::try_from(n).unwrap_or(i64::MAX));
    let time = |time: Option<base::Timestamp>| time.map_or(Value::Null, Value::DateTime);
    let limits = owner.as_ref().map(|owner| transport::deliver::limits_of(view, owner)).unwrap_or_default();
    let mut out = PsObject::new(&["Microsoft.Exchange.Management.MapiTasks.Presentation.MailboxStatistics"]);
    for (name, value) in [
        ("DisplayName", Value::string(row.display_name)),
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
    out.into()
}
