//! Move requests: New, Get, Set, Suspend, Resume and Remove. The mover (`jobs::moves`) does what they ask.

use std::sync::Arc;

use base::{Fault, FaultKind, Guid};
use directory::{
    Edit, Object, Value as Stored, View,
    filter::wildcard_matches,
    schema::MOVE_REQUEST,
    verbs::{self, NewMove, check_new_move, is_over, move_request_of},
};
use powershell::{Value, value::PsObject};

use super::mailbox_database;
use crate::{Cmdlet, Context, Failure, Noun, Outcome, Shows, call::Call, convert};

/// The noun, for showing requests.
pub(super) static NOUN: Noun = Noun {
    order: &[&[
        "DisplayName",
        "Alias",
        "Status",
        "StatusDetail",
        "SourceDatabase",
        "TargetDatabase",
        "SourceArchiveDatabase",
        "TargetArchiveDatabase",
        "ExchangeGuid",
        "BatchName",
        "Flags",
        "RequestStyle",
        "Direction",
        "IsOffline",
        "RemoteHostName",
        "Protect",
        "Suspend",
        "SuspendWhenReadyToComplete",
        "RecipientIdentity",
    ]],
    shows: Shows::LikeSet("Set-MoveRequest"),
    extend: Some(extend),
    ..Noun::new("MoveRequest", &MOVE_REQUEST, &["Microsoft.Exchange.Data.Directory.Management.MoveRequest"])
};

/// Settings of `New-` and `Set-` that are attributes of their name.
const SETTINGS: &[&str] = &[
    "AcceptLargeDataLoss",
    "AllowLargeItems",
    "BadItemLimit",
    "BatchName",
    "CompleteAfter",
    "CompletedRequestAgeLimit",
    "IgnoreRuleLimitErrors",
    "IncrementalSyncInterval",
    "LargeItemLimit",
    "MoveOptions",
    "PreventCompletion",
    "Priority",
    "Protect",
    "RequestExpiryInterval",
    "StartAfter",
    "SuspendWhenReadyToComplete",
];

/// `New-MoveRequest`
pub static NEW: Cmdlet = Cmdlet::run(
    "New-MoveRequest",
    new,
    &[
        "AcceptLargeDataLoss",
        "AllowLargeItems",
        "ArchiveOnly",
        "ArchiveTargetDatabase",
        "BadItemLimit",
        "BatchName",
        "CompleteAfter",
        "CompletedRequestAgeLimit",
        "ForcePull",
        "ForcePush",
        "IgnoreRuleLimitErrors",
        "IncrementalSyncInterval",
        "LargeItemLimit",
        "MoveOptions",
        "PreventCompletion",
        "PrimaryOnly",
        "Priority",
        "Protect",
        "RequestExpiryInterval",
        "StartAfter",
        "Suspend",
        "SuspendComment",
        "SuspendWhenReadyToComplete",
        "TargetDatabase",
        "WorkloadType",
    ],
);
/// `Get-MoveRequest`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MoveRequest",
    get,
    &[
        "BatchName",
        "HighPriority",
        "IncludeSoftDeletedObjects",
        "MoveStatus",
        "Protect",
        "ResultSize",
        "SourceDatabase",
        "Suspend",
        "SuspendWhenReadyToComplete",
        "TargetDatabase",
    ],
);
/// `Set-MoveRequest`
pub static SET: Cmdlet = Cmdlet::run(
    "Set-MoveRequest",
    set,
    &[
        "AcceptLargeDataLoss",
        "BadItemLimit",
        "BatchName",
        "CompleteAfter",
        "CompletedRequestAgeLimit",
        "IgnoreRuleLimitErrors",
        "IncrementalSyncInterval",
        "LargeItemLimit",
        "MoveOptions",
        "PreventCompletion",
        "Priority",
        "Protect",
        "RequestExpiryInterval",
        "StartAfter",
        "SuspendWhenReadyToComplete",
    ],
);
/// `Suspend-MoveRequest`
pub static SUSPEND: Cmdlet = Cmdlet::run("Suspend-MoveRequest", suspend, &["SuspendComment"]).asking();
/// `Resume-MoveRequest`
pub static RESUME: Cmdlet = Cmdlet::run("Resume-MoveRequest", resume, &["SuspendWhenReadyToComplete"]);
/// `Remove-MoveRequest`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-MoveRequest", remove, &[]).asking();

/// The request that an identity means: the request's own, or that of its user.
pub(super) fn resolve(view: &View, identity: &str) -> Outcome<Arc<Object>> {
    if let Ok(guid) = identity.parse::<Guid>()
        && let Some(request) = view.get(guid).filter(|object| *object.class == MOVE_REQUEST)
    {
        return Ok(request.clone());
    }
    let user = view.resolve_recipient(identity)?;
    move_request_of(view, user.guid).cloned().ok_or_else(|| {
        let text =
            format!("Couldn't find a move request that corresponds to the specified identity '{identity}'.");
        Failure { fault: Fault::not_found(text), target: Some(identity.into()) }
    })
}

/// The request a call means, which the caller may see, or change if the call does.
fn named(call: &Call<'_>, view: &View) -> Outcome<Arc<Object>> {
    let identity = call.identity("Identity").ok_or_else(|| Failure::missing("Identity"))?;
    let request = resolve(view, &identity)?;
    if let Some(user) = user(view, &request) {
        call.admit(view, &user, &identity)?;
    }
    Ok(request)
}

/// Whose mailbox a request moves.
pub(super) fn user(view: &View, request: &Object) -> Option<Arc<Object>> {
    request.link("User").and_then(|guid| view.get(guid)).cloned()
}

/// What a request is called: as its user is.
pub(super) fn called(view: &View, request: &Object) -> String {
    user(view, request).map_or_else(|| request.name.to_string(), |user| user.identity())
}

/// What sort of move it is, as the product says it.
pub(super) fn flags(request: &Object) -> String {
    let mut flags = vec!["IntraOrg", "Pull"];
    let further = [
        ("Suspend", "Suspend"),
        ("SuspendWhenReadyToComplete", "SuspendWhenReadyToComplete"),
        ("Protect", "Protected"),
        ("ArchiveOnly", "MoveOnlyArchiveMailbox"),
        ("PrimaryOnly", "MoveOnlyPrimaryMailbox"),
    ];
    flags.extend(further.iter().filter(|(name, _)| request.flag(name)).map(|(_, flag)| *flag));
    flags.join(", ")
}

fn extend(_: &Context, view: &View, request: &Object, out: &mut PsObject) {
    if let Some(user) = user(view, request) {
        out.set("DisplayName", user.text("DisplayName").unwrap_or(&user.name).into());
        out.set("Alias", user.text("Alias").into());
        out.set("Identity", convert::identity(&user));
        out.set("RecipientIdentity", convert::identity(&user));
        out.set("Name", (*user.name).into());
    }
    out.set("Flags", Value::string(flags(request)));
    out.set("RequestStyle", Value::string("IntraOrg"));
    out.set("Direction", Value::string("Pull"));
    out.set("IsOffline", Value::Bool(false));
}

/// The edits that parameters mean.
fn edits(call: &Call<'_>, view: &View) -> Outcome<Vec<(&'static str, Edit)>> {
    let mut edits = Vec::new();
    for name in SETTINGS {
        let (Some(given), Some(attribute)) = (call.get(name), MOVE_REQUEST.attribute(name)) else { continue };
        edits.push((attribute.name, convert::to_edit(view, attribute, given)?));
    }
    let many = |name: &str| {
        let of = |edit: &Edit| {
            matches!(edit, Edit::Replace(values) if matches!(&values[..],
            [Stored::Count(limit)] if limit.limit().is_none_or(|limit| *limit > 50)))
        };
        edits.iter().any(|(own, edit)| *own == name && of(edit))
    };
    if ["BadItemLimit", "LargeItemLimit"].into_iter().any(many) && !call.switch("AcceptLargeDataLoss") {
        return Err(Failure::invalid(
            "A limit of more than 50 items means that much may be lost. Add the AcceptLargeDataLoss switch to accept that.",
        ));
    }
    Ok(edits)
}

/// The database a parameter names.
fn database(call: &Call<'_>, view: &View, parameter: &str) -> Outcome<Option<Arc<Object>>> {
    call.identity(parameter).map(|identity| mailbox_database::NOUN.resolve(view, &identity)).transpose()
}

/// The database that takes a mailbox when nobody says which: of those open to new ones, the one with the fewest.
fn emptiest(view: &View, source: Option<Guid>) -> Outcome<Guid> {
    const CLOSED: &[&str] = &["IsExcludedFromProvisioning", "IsSuspendedFromProvisioning", "Recovery"];
    let open = view
        .databases()
        .filter(|database| Some(database.guid) != source && !CLOSED.iter().any(|flag| database.flag(flag)));
    let emptiest = open.min_by_key(|database| view.linking_to(database.guid).count());
    emptiest.map(|database| database.guid).ok_or_else(|| {
        Failure::invalid("There is no other mailbox database that the mailbox could be moved to.")
    })
}

fn new(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let identity = call.identity("Identity").ok_or_else(|| Failure::missing("Identity"))?;
    let user = view.resolve_recipient(&identity)?;
    call.admit(&view, &user, &identity)?;
    let (primary, archive) = (call.switch("PrimaryOnly"), call.switch("ArchiveOnly"));
    if primary && archive {
        return Err(Failure::invalid("PrimaryOnly and ArchiveOnly can't be used together."));
    }
    let target = database(call, &view, "TargetDatabase")?;
    let archive_target = database(call, &view, "ArchiveTargetDatabase")?;
    let target = match target {
        Some(target) => target.guid,
        None if archive && archive_target.is_some() => Guid::EMPTY,
        None => emptiest(&view, user.link("Database"))?,
    };
    let has_archive = user.guid_of("ArchiveGuid").is_some();
    let to_archive = archive_target.map_or(target, |database| database.guid);
    let new = NewMove {
        user: user.guid,
        target: (!archive).then_some(target),
        archive_target: (archive || has_archive && !primary).then_some(to_archive),
        settings: vec![("PrimaryOnly", primary.into()), ("ArchiveOnly", archive.into())],
    };
    check_new_move(&view, &new)?;
    let mut edits = edits(call, &view)?;
    if call.switch("Suspend") {
        edits.push(("Suspend", Edit::set(true)));
    }
    if let Some(comment) = call.text("SuspendComment") {
        edits.push(("SuspendComment", Edit::set(&*comment)));
    }
    let name = view.get(target).map(|database| database.name.to_string()).unwrap_or_default();
    if !call.should_process(&format!("Moving mailbox \"{}\" to database \"{name}\"", user.identity()))? {
        return Ok(());
    }
    let made = call.commit(move |draft| {
        let request = verbs::new_move_request(draft, new)?;
        draft.modify_system(request.guid, edits)?;
        draft.existing(request.guid)
    })?;
    let shown = super::move_request_statistics::show(call.cx, &call.cx.directory.snapshot(), &made, false);
    let _ = call.write(shown.into());
    Ok(())
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = match call.identity("Identity") {
        Some(_) => vec![named(call, &view)?],
        None => {
            let reader = call.reader();
            let sees =
                |request: &&Arc<Object>| user(&view, request).is_some_and(|user| reader.sees(&view, &user));
            view.of_class(&MOVE_REQUEST).filter(sees).cloned().collect()
        }
    };
    if let Some(batch) = call.text("BatchName") {
        found.retain(|request| wildcard_matches(&batch, request.text("BatchName").unwrap_or_default()));
    }
    if let Some(status) = call.text("MoveStatus") {
        found.retain(|request| request.text("Status").is_some_and(|own| own.eq_ignore_ascii_case(&status)));
    }
    for parameter in ["SourceDatabase", "TargetDatabase"] {
        if let Some(database) = database(call, &view, parameter)? {
            found.retain(|request| request.link(parameter) == Some(database.guid));
        }
    }
    for flag in ["Protect", "Suspend", "SuspendWhenReadyToComplete"] {
        if call.get(flag).is_some() {
            found.retain(|request| request.flag(flag) == call.switch(flag));
        }
    }
    if call.get("HighPriority").is_some() {
        let high = |request: &Object| {
            request
                .text("Priority")
                .is_some_and(|own| ["High", "Higher", "Highest", "Emergency"].contains(&own))
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
    if !is_over(request) && !request.flag("Switched") {
        return Ok(());
    }
    let text = format!(
        "The move request for '{}' can't be changed: it is {}.",
        called(view, request),
        if is_over(request) { "completed" } else { "being completed" }
    );
    Err(Failure { target: None, ..Fault::new(FaultKind::Conflict, "InvalidOperationException", text).into() })
}

fn set(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    let edits = edits(call, &view)?;
    if edits.iter().any(|(name, _)| *name != "CompletedRequestAgeLimit" && *name != "BatchName") {
        changeable(&view, &request)?;
    }
    if call.should_process(&format!("Setting move request \"{}\"", called(&view, &request)))? {
        let guid = request.guid;
        call.commit(move |draft| {
            // What waits for a time looks at it again.
            let mut edits = edits;
            edits.push(("NextTry", Edit::clear()));
            draft.modify_system(guid, edits)
        })?;
    }
    Ok(())
}

fn suspend(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    changeable(&view, &request)?;
    if call.should_process(&format!("Suspending move request \"{}\"", called(&view, &request)))? {
        let comment = call.text("SuspendComment").map_or_else(Edit::clear, |comment| Edit::set(&*comment));
        let guid = request.guid;
        call.commit(move |draft| {
            draft.modify_system(guid, vec![("Suspend", Edit::set(true)), ("SuspendComment", comment)])
        })?;
    }
    Ok(())
}

fn resume(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    changeable(&view, &request)?;
    if call.should_process(&format!("Resuming move request \"{}\"", called(&view, &request)))? {
        let (guid, ready) = (request.guid, call.switch("SuspendWhenReadyToComplete"));
        call.commit(move |draft| draft.modify_system(guid, resumed(ready)))?;
    }
    Ok(())
}

/// A request that is to go on.
pub(super) fn resumed(stop_when_ready: bool) -> Vec<(&'static str, Edit)> {
    let mut edits = vec![
        ("Suspend", Edit::set(false)),
        ("SuspendWhenReadyToComplete", Edit::set(stop_when_ready)),
        ("Status", Edit::set("Queued")),
        ("StatusDetail", Edit::set("Queued")),
    ];
    edits.extend(
        ["FailureTimestamp", "FailureType", "Message", "NextTry", "Retries", "SuspendComment"]
            .map(|name| (name, Edit::clear())),
    );
    edits
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let request = named(call, &view)?;
    if !is_over(&request) {
        changeable(&view, &request)?;
    }
    if call.should_process(&format!("Removing move request \"{}\"", called(&view, &request)))? {
        let guid = request.guid;
        call.commit(move |draft| {
            let now = draft.existing(guid)?;
            if now.flag("Switched") && !is_over(&now) {
                return Err(directory::DirectoryError::Invalid(
                    "The move is being completed and can't be removed.".into(),
                ));
            }
            draft.delete(guid)
        })?;
    }
    Ok(())
}
