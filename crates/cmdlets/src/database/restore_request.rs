//! Restore requests: what is in a disconnected mailbox goes into one that somebody has. The mover (`jobs::moves`)
//! does what they ask.

use std::sync::Arc;

use base::{Fault, FaultKind, Guid};
use directory::{
    Edit, Object, Value as Stored, View,
    filter::wildcard_matches,
    schema::MAILBOX_RESTORE_REQUEST,
    verbs::{self, NewRestore, is_over},
};
use powershell::{Value, value::PsObject};

use super::{mailbox_database, move_request::resumed, store_mailbox};
use crate::{Cmdlet, Context, Failure, Noun, Outcome, Shows, call::Call, convert};

/// The noun, for showing requests.
static NOUN: Noun = Noun {
    order: &[&[
        "Name",
        "TargetMailbox",
        "Status",
        "StatusDetail",
        "SourceDatabase",
        "TargetDatabase",
        "SourceExchangeGuid",
        "BatchName",
        "RequestGuid",
        "RequestQueue",
        "RequestType",
        "Flags",
        "Suspend",
    ]],
    shows: Shows::LikeSet("Set-MailboxRestoreRequest"),
    extend: Some(extend),
    ..Noun::new(
        "MailboxRestoreRequest",
        &MAILBOX_RESTORE_REQUEST,
        &["Microsoft.Exchange.Management.Migration.MailboxReplication.MailboxRestoreRequest"],
    )
};

/// Settings of `New-` and `Set-` that are attributes of their name.
const SETTINGS: &[&str] = &[
    "AcceptLargeDataLoss",
    "AllowLegacyDNMismatch",
    "AssociatedMessagesCopyOption",
    "BadItemLimit",
    "BatchName",
    "CompletedRequestAgeLimit",
    "ConflictResolutionOption",
    "ExcludeDumpster",
    "ExcludeFolders",
    "IncludeFolders",
    "InternalFlags",
    "LargeItemLimit",
    "Priority",
    "RequestExpiryInterval",
    "SkipMerging",
    "SourceRootFolder",
    "TargetRootFolder",
    "WorkloadType",
];

/// `New-MailboxRestoreRequest`
pub static NEW: Cmdlet = Cmdlet::run(
    "New-MailboxRestoreRequest",
    new,
    &[
        "AcceptLargeDataLoss",
        "AllowLegacyDNMismatch",
        "AssociatedMessagesCopyOption",
        "BadItemLimit",
        "BatchName",
        "CompletedRequestAgeLimit",
        "ConflictResolutionOption",
        "ExcludeDumpster",
        "ExcludeFolders",
        "IncludeFolders",
        "InternalFlags",
        "LargeItemLimit",
        "MRSServer",
        "Name",
        "Priority",
        "RequestExpiryInterval",
        "SkipMerging",
        "SourceDatabase",
        "SourceRootFolder",
        "SourceStoreMailbox",
        "Suspend",
        "SuspendComment",
        "TargetIsArchive",
        "TargetMailbox",
        "TargetRootFolder",
        "WorkloadType",
    ],
);
/// `Get-MailboxRestoreRequest`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MailboxRestoreRequest",
    get,
    &[
        "BatchName",
        "HighPriority",
        "RequestQueue",
        "ResultSize",
        "SourceDatabase",
        "Status",
        "Suspend",
        "TargetDatabase",
        "TargetMailbox",
    ],
);
/// `Set-MailboxRestoreRequest`
pub static SET: Cmdlet = Cmdlet::run(
    "Set-MailboxRestoreRequest",
    set,
    &[
        "AcceptLargeDataLoss",
        "BadItemLimit",
        "BatchName",
        "CompletedRequestAgeLimit",
        "InternalFlags",
        "LargeItemLimit",
        "Priority",
        "RequestExpiryInterval",
        "SkipMerging",
    ],
);
/// `Suspend-MailboxRestoreRequest`
pub static SUSPEND: Cmdlet =
    Cmdlet::run("Suspend-MailboxRestoreRequest", suspend, &["SuspendComment"]).asking();
/// `Resume-MailboxRestoreRequest`
pub static RESUME: Cmdlet = Cmdlet::run("Resume-MailboxRestoreRequest", resume, &[]);
/// `Remove-MailboxRestoreRequest`
pub static REMOVE: Cmdlet =
    Cmdlet::run("Remove-MailboxRestoreRequest", remove, &["RequestGuid", "RequestQueue"]).asking();

/// What a request is called: `contoso.com/Users/Ana\MailboxRestore`.
pub(super) fn called(view: &View, request: &Object) -> String {
    let user = target(view, request).map_or_else(String::new, |user| user.identity());
    format!("{user}\\{}", request.text("RequestName").unwrap_or_default())
}

/// Whose mailbox a request fills.
pub(super) fn target(view: &View, request: &Object) -> Option<Arc<Object>> {
    request.link("TargetMailbox").and_then(|guid| view.get(guid)).cloned()
}

/// The database of the mailbox that is filled.
fn target_database(view: &View, request: &Object) -> Option<Guid> {
    let name = if request.flag("TargetIsArchive") { "ArchiveDatabase" } else { "Database" };
    target(view, request).and_then(|user| user.link(name))
}

/// The one request that an identity means: its GUID, `user\name`, or the user where there is one request.
pub(super) fn resolve(view: &View, identity: &str) -> Outcome<Arc<Object>> {
    let guid = identity.parse::<Guid>().ok();
    let known =
        guid.and_then(|guid| view.get(guid)).filter(|object| *object.class == MAILBOX_RESTORE_REQUEST);
    if let Some(request) = known {
        return Ok(request.clone());
    }
    let whole = view.of_class(&MAILBOX_RESTORE_REQUEST);
    if let Some(request) = whole.into_iter().find(|own| called(view, own).eq_ignore_ascii_case(identity)) {
        return Ok(request.clone());
    }
    let (user, name) = match identity.rsplit_once('\\') {
        Some((user, name)) => (user, Some(name)),
        None => (identity, None),
    };
    let user = view.resolve_recipient(user)?;
    let is_named = |request: &&Arc<Object>| {
        name.is_none_or(|name| request.text("RequestName").is_some_and(|own| own.eq_ignore_ascii_case(name)))
    };
    let mut found = verbs::restore_requests_of(view, user.guid).filter(is_named);
    let failure = |text: String| Failure { fault: Fault::not_found(text), target: Some(identity.into()) };
    match (found.next(), found.next()) {
        (Some(request), None) => Ok(request.clone()),
        (None, _) => Err(failure(format!(
            "Couldn't find a restore request that corresponds to the specified identity '{identity}'."
        ))),
        (Some(_), Some(_)) => {
            Err(failure(format!("'{identity}' has several restore requests. Use {identity}\\name.")))
        }
    }
}

/// The request a call means, whose mailbox the caller may see, or change if the call does.
fn named(call: &Call<'_>, view: &View) -> Outcome<Arc<Object>> {
    let identity = call.identity("Identity").or_else(|| call.identity("RequestGuid"));
    let identity = identity.ok_or_else(|| Failure::missing("Identity"))?;
    let request = resolve(view, &identity)?;
    if let Some(user) = target(view, &request) {
        call.admit(view, &user, &identity)?;
    }
    Ok(request)
}

fn extend(_: &Context, view: &View, request: &Object, out: &mut PsObject) {
    let called = called(view, request);
    out.set("Name", request.text("RequestName").into());
    out.set("Identity", Value::string(called));
    out.set("TargetMailbox", target(view, request).map_or(Value::Null, |user| convert::identity(&user)));
    let database = target_database(view, request).and_then(|guid| view.get(guid));
    let database = database.map_or(Value::Null, |database| convert::identity(database));
    out.set("TargetDatabase", database.clone());
    out.set("RequestQueue", database);
    out.set("RequestGuid", Value::Guid(request.guid));
    out.set("RequestType", Value::string("MailboxRestore"));
    out.set(
        "Flags",
        Value::string(if request.flag("Suspend") { "IntraOrg, Pull, Suspend" } else { "IntraOrg, Pull" }),
    );
}

/// The edits that parameters mean.
fn edits(call: &Call<'_>, view: &View) -> Outcome<Vec<(&'static str, Edit)>> {
    let mut edits = Vec::new();
    for name in SETTINGS {
        let given = call.get(name).zip(MAILBOX_RESTORE_REQUEST.attribute(name));
        let Some((given, attribute)) = given else { continue };
        edits.push((attribute.name, convert::to_edit(view, attribute, given)?));
    }
    let is_many = |(name, edit): &(&str, Edit)| {
        *name == "BadItemLimit"
            && matches!(edit, Edit::Replace(values) if matches!(&values[..],
                [Stored::Count(limit)] if limit.limit().is_none_or(|limit| *limit > 50)))
    };
    if edits.iter().any(is_many) && !call.switch("AcceptLargeDataLoss") {
        return Err(Failure::invalid(
            "A limit of more than 50 items means that much may be lost. Add the AcceptLargeDataLoss switch to accept that.",
        ));
    }
    Ok(edits)
}

fn new(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let identity = call.identity("TargetMailbox").ok_or_else(|| Failure::missing("TargetMailbox"))?;
    let user = view.resolve_recipient(&identity)?;
    call.admit(&view, &user, &identity)?;
    let archive = call.switch("TargetIsArchive");
    let (attribute, what) = if archive { ("ArchiveGuid", "archive") } else { ("ExchangeGuid", "mailbox") };
    if user.guid_of(attribute).is_none() {
        let text = format!("\"{}\" has no {what} that could be filled.", user.identity());
        return Err(Failure { target: Some(identity), ..Failure::invalid(text) });
    }
    let found = store_mailbox::find_in(call, "SourceDatabase", "SourceStoreMailbox")?;
    if found.disconnected().is_none() && found.mailbox.guid == user.guid_of(attribute).unwrap_or(Guid::EMPTY)
    {
        return Err(Failure::invalid("A mailbox can't be restored into itself."));
    }
    let new = NewRestore {
        name: call.text("Name").map(|name| name.to_string()),
        target: user.guid,
        target_is_archive: archive,
        source_database: found.database.guid,
        source: found.mailbox.guid,
        source_name: found.mailbox.display_name.clone(),
    };
    let mut edits = edits(call, &view)?;
    if call.switch("Suspend") {
        edits.push(("Suspend", Edit::set(true)));
    }
    if let Some(comment) = call.text("SuspendComment") {
        edits.push(("SuspendComment", Edit::set(&*comment)));
    }
    let action = format!(
        "Restoring mailbox \"{}\" of database \"{}\" into mailbox \"{}\"",
        found.mailbox.display_name,
        found.database.name,
        user.identity()
    );
    if !call.should_process(&action)? {
        return Ok(());
    }
    let made = call.commit(move |draft| {
        let request = verbs::new_restore_request(draft, new)?;
        draft.modify_system(request.guid, edits)?;
        draft.existing(request.guid)
    })?;
    let shown = NOUN.show(call.cx, &call.cx.directory.snapshot(), &made);
    let _ = call.write(shown);
    Ok(())
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = match call.identity("Identity") {
        Some(_) => vec![named(call, &view)?],
        None => {
            let reader = call.reader();
            let sees =
                |request: &&Arc<Object>| target(&view, request).is_some_and(|user| reader.sees(&view, &user));
            view.of_class(&MAILBOX_RESTORE_REQUEST).filter(sees).cloned().collect()
        }
    };
    for (parameter, attribute) in [("BatchName", "BatchName"), ("Name", "RequestName"), ("Status", "Status")]
    {
        if let Some(wanted) = call.text(parameter) {
            found.retain(|request| wildcard_matches(&wanted, request.text(attribute).unwrap_or_default()));
        }
    }
    for parameter in ["SourceDatabase", "TargetDatabase", "RequestQueue"] {
        let Some(identity) = call.identity(parameter) else { continue };
        let database = mailbox_database::NOUN.resolve(&view, &identity)?;
        found.retain(|request| match parameter {
            "SourceDatabase" => request.link(parameter) == Some(database.guid),
            _ => target_database(&view, request) == Some(database.guid),
        });
    }
    if let Some(identity) = call.identity("TargetMailbox") {
        let user = view.resolve_recipient(&identity)?;
        found.retain(|request| request.link("TargetMailbox") == Some(user.guid));
    }
    if call.get("Suspend").is_some() {
        found.retain(|request| request.flag("Suspend") == call.switch("Suspend"));
    }
    if call.get("HighPriority").is_some() {
        let high = |request: &Object| {
            let own = request.text("Priority");
            own.is_some_and(|own| ["High", "Higher", "Highest", "Emergency"].contains(&own))
        };
        found.retain(|request| high(request) == call.switch("HighPriority"));
    }
    found.sort_by_cached_key(|request| called(&view, request).to_lowercase());
    let show = NOUN.shower(call.cx, &view);
    call.write_all(found.iter().map(|request| show(request)));
    Ok(())
}

/// Fails where a request is past being changed.
fn changeable(view: &View, request: &Object) -> Outcome {
    if !is_over(request) {
        return Ok(());
    }
    let text = format!("The restore request '{}' can't be changed: it is completed.", called(view, request));
    Err(Fault::new(FaultKind::Conflict, "InvalidOperationException", text).into())
}

fn set(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    let edits = edits(call, &view)?;
    if edits.iter().any(|(name, _)| !["CompletedRequestAgeLimit", "BatchName"].contains(name)) {
        changeable(&view, &request)?;
    }
    if call.should_process(&format!("Setting restore request \"{}\"", called(&view, &request)))? {
        let guid = request.guid;
        call.commit(move |draft| draft.modify_system(guid, edits))?;
    }
    Ok(())
}

fn suspend(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    changeable(&view, &request)?;
    if call.should_process(&format!("Suspending restore request \"{}\"", called(&view, &request)))? {
        let comment = call.text("SuspendComment").map_or_else(Edit::clear, |comment| Edit::set(&*comment));
        let (guid, edits) = (request.guid, vec![("Suspend", Edit::set(true)), ("SuspendComment", comment)]);
        call.commit(move |draft| draft.modify_system(guid, edits))?;
    }
    Ok(())
}

fn resume(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    changeable(&view, &request)?;
    if call.should_process(&format!("Resuming restore request \"{}\"", called(&view, &request)))? {
        let guid = request.guid;
        let mut edits = resumed(false);
        edits.retain(|(name, _)| MAILBOX_RESTORE_REQUEST.attribute(name).is_some());
        call.commit(move |draft| draft.modify_system(guid, edits))?;
    }
    Ok(())
}

/// What was copied stays.
fn remove(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    if call.should_process(&format!("Removing restore request \"{}\"", called(&view, &request)))? {
        let guid = request.guid;
        call.commit(move |draft| draft.delete(guid))?;
    }
    Ok(())
}
