//! Repair requests: mailboxes looked through for damage, and mended unless only looking was asked for.

use std::sync::Arc;

use base::Guid;
use directory::{Object, View};
use jobs::repairs::{NewRepair, Task, TaskState};
use powershell::{Value, value::PsObject};
use store::{Damage, Database, MailboxId};

use super::{mailbox_database, mailbox_statistics::opened, store_mailbox};
use crate::{Cmdlet, Failure, Outcome, call::Call};

/// `New-MailboxRepairRequest`
pub static NEW: Cmdlet = Cmdlet::run(
    "New-MailboxRepairRequest",
    new,
    &["CorruptionType", "Database", "DetectOnly", "Mailbox", "StoreMailbox"],
);
/// `Get-MailboxRepairRequest`
pub static GET: Cmdlet =
    Cmdlet::run("Get-MailboxRepairRequest", get, &["Database", "Detailed", "Mailbox", "StoreMailbox"]);
/// `Remove-MailboxRepairRequest`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-MailboxRepairRequest", remove, &[]).asking();

const TYPE: &str = "Microsoft.Exchange.Management.StoreTasks.StoreIntegrityCheckJob";
const ALL: &[Damage] = &[Damage::Counts, Damage::View, Damage::Orphan];

/// What the words of `CorruptionType` mean here. Damage that a store of this kind cannot have is looked for with
/// nothing found.
const CORRUPTION: &[(&str, &[Damage])] = &[
    ("AggregateCounts", &[Damage::Counts]),
    ("FolderView", &[Damage::View]),
    ("MessageId", &[Damage::Orphan]),
    ("OrphanedBodies", &[Damage::Orphan]),
    ("ScheduledCheck", ALL),
    ("SearchFolder", &[Damage::View]),
    ("ProvisionedFolder", &[Damage::View]),
    ("MissingSpecialFolders", &[Damage::View]),
    ("MessagePtagCn", &[Damage::View]),
    ("ReplState", &[]),
    ("RestrictionFolder", &[]),
    ("CorruptJunkRule", &[]),
    ("DropAllLazyIndexes", &[Damage::View]),
    ("FolderACL", &[]),
    ("LockedMoveTarget", &[]),
    ("RuleMessageClass", &[]),
    ("UniqueMidIndex", &[Damage::Orphan]),
    ("MidsetDeleted", &[Damage::View]),
];

/// A database, and mailboxes in it: number, own GUID.
type Chosen = (Arc<Object>, Database, Vec<(MailboxId, Guid)>);

fn chosen(call: &mut Call<'_>, view: &View) -> Outcome<Option<Chosen>> {
    if let Some(identity) = call.identity("Mailbox") {
        let Some((owner, mailbox)) = opened(call, view, &identity)? else { return Ok(None) };
        let missing = || view.not_found(&identity);
        let database = owner.database().and_then(|guid| view.get(guid)).cloned().ok_or_else(missing)?;
        let guid = mailbox.statistics()?.guid;
        return Ok(Some((database, mailbox.database().clone(), vec![(mailbox.id(), guid)])));
    }
    if call.get("StoreMailbox").is_some() {
        let found = store_mailbox::find(call, "StoreMailbox")?;
        return Ok(Some((found.database, found.store, vec![(found.id, found.mailbox.guid)])));
    }
    let identity = call.identity("Database").ok_or_else(|| Failure::missing("Database"))?;
    let database = mailbox_database::NOUN.resolve(view, &identity)?;
    call.admit(view, &database, &database.name)?;
    let store = mailbox_database::open(call.cx, &database)?;
    let mailboxes = store.statistics()?.into_iter().map(|(id, mailbox)| (id, mailbox.guid)).collect();
    Ok(Some((database, store, mailboxes)))
}

fn new(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let (mut corruption, mut damage) = (Vec::new(), Vec::new());
    let given = call.list("CorruptionType");
    for word in given.iter().flat_map(|words| words.split(',')).map(str::trim) {
        let known = CORRUPTION.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let Some((name, means)) = known else {
            let words: Vec<&str> = CORRUPTION.iter().map(|(name, _)| *name).collect();
            return Err(Failure::invalid(format!(
                "\"{word}\" isn't a corruption type. Use one of: {}.",
                words.join(", ")
            )));
        };
        corruption.push((*name).to_owned());
        damage.extend(means.iter().copied().filter(|sort| !damage.contains(sort)).collect::<Vec<_>>());
    }
    let Some((database, store, mailboxes)) = chosen(call, &view)? else { return Ok(()) };
    let detect_only = call.switch("DetectOnly");
    let verb = if detect_only { "Checking" } else { "Repairing" };
    let count = mailboxes.len();
    if !call.should_process(&format!("{verb} {count} mailbox(es) of database \"{}\"", database.name))? {
        return Ok(());
    }
    let new_guid = || Guid::new(&*call.cx.rng);
    let new = NewRepair {
        request: new_guid(),
        mailboxes: mailboxes.into_iter().map(|(id, guid)| (new_guid(), id, guid)).collect(),
        corruption,
        damage,
        detect_only,
    };
    let tasks = call.cx.repairs.start(&call.cx.runtime, store, call.cx.clock.clone(), new);
    call.write_all(tasks.into_iter().map(|task| show(&view, task, false)));
    Ok(())
}

/// The tasks that an identity means: `database\request`, `database\request\task`, or the GUID of either.
fn identified(call: &Call<'_>, identity: &str) -> Outcome<Vec<Task>> {
    let guids: Vec<Guid> = identity.split(['\\', '/']).filter_map(|part| part.parse().ok()).collect();
    let mut tasks = call.cx.repairs.list();
    tasks.retain(|task| match guids[..] {
        [database, request, job] => (task.database, task.request, task.id) == (database, request, job),
        [database, request] => (task.database, task.request) == (database, request),
        [one] => [task.request, task.id].contains(&one),
        _ => false,
    });
    if tasks.is_empty() {
        let text = format!("The repair request '{identity}' couldn't be found.");
        return Err(Failure { fault: base::Fault::not_found(text), target: Some(identity.into()) });
    }
    Ok(tasks)
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let found = match call.identity("Identity") {
        Some(identity) => identified(call, &identity)?,
        None => {
            let Some((database, _, mailboxes)) = chosen(call, &view)? else { return Ok(()) };
            let mut tasks = call.cx.repairs.list();
            tasks.retain(|task| {
                task.database == database.guid && mailboxes.iter().any(|(_, guid)| *guid == task.mailbox)
            });
            tasks
        }
    };
    let detailed = call.switch("Detailed");
    call.write_all(found.into_iter().map(|task| show(&view, task, detailed)));
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let identity = call.identity("Identity").ok_or_else(|| Failure::missing("Identity"))?;
    for task in identified(call, &identity)? {
        if call.should_process(&format!("Removing repair request \"{}\"", task.id))? {
            call.cx.repairs.remove(task.id);
        }
    }
    Ok(())
}

fn show(view: &View, task: Task, detailed: bool) -> Value {
    let (state, error) = match &task.state {
        TaskState::Queued => ("Queued", None),
        TaskState::Running => ("Running", None),
        TaskState::Succeeded => ("Succeeded", None),
        TaskState::Failed(error) => ("Failed", Some(error.as_str())),
    };
    let text = |texts: Vec<String>| Value::multi(texts.into_iter().map(Value::string).collect());
    let findings = task.findings.iter().map(|finding| format!("{:?}: {}", finding.damage, finding.text));
    let database = view.get(task.database).map(|database| &*database.name);
    let count = |n: usize| Value::Int(i32::try_from(n).unwrap_or(i32::MAX));
    let mut out = PsObject::new(&[TYPE]);
    for (name, value) in [
        ("Identity", Value::string(format!("{}\\{}\\{}", task.database, task.request, task.id))),
        ("Database", database.into()),
        ("Mailbox", Value::Guid(task.mailbox)),
        ("Task", text(task.corruption)),
        ("DetectOnly", Value::Bool(task.detect_only)),
        ("JobState", Value::string(state)),
        ("Progress", Value::Int(task.progress.into())),
        ("CorruptionsDetected", count(task.detected)),
        ("CorruptionsFixed", count(task.fixed)),
        ("CreationTime", Value::DateTime(task.created)),
        ("FinishTime", task.finished.map_or(Value::Null, Value::DateTime)),
        ("ErrorCode", error.into()),
        ("RequestGuid", Value::Guid(task.request)),
        ("JobId", Value::Guid(task.id)),
    ] {
        out.set(name, value);
    }
    if detailed {
        out.set("Corruptions", text(findings.collect()));
    }
    out.into()
}
