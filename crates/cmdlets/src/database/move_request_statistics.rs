//! How far moves are, and the report of what happened.

use std::sync::Arc;

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, Timestamp, Unlimited};
use directory::{Object, Value as Stored, View, schema::MOVE_REQUEST, verbs::MOVE_PARTS};
use jobs::moves::{percent, transfer_id};
use powershell::{
    Value,
    value::{Limit, PsObject},
};
use store::transfer::Progress;

use super::{mailbox_database, move_request};
use crate::{Cmdlet, Context, Failure, Outcome, call::Call, convert, place};

/// `Get-MoveRequestStatistics`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MoveRequestStatistics",
    get,
    &["IncludeReport", "MailboxGuid", "MoveRequestQueue", "MRSInstance", "ReportOnly"],
)
.at(&[("MoveRequestQueue", place::of_database), ("Identity", target)])
.or_here();

const TYPE: &str = "Microsoft.Exchange.MailboxReplicationService.MoveRequestStatistics";

/// What is shown as the request has it, in order; the rest is computed.
const AS_STORED: &[&str] = &[
    "Status",
    "StatusDetail",
    "Protect",
    "Suspend",
    "SuspendWhenReadyToComplete",
    "PreventCompletion",
    "IgnoreRuleLimitErrors",
    "SourceDatabase",
    "TargetDatabase",
    "SourceArchiveDatabase",
    "TargetArchiveDatabase",
    "BatchName",
    "Priority",
    "WorkloadType",
    "StartAfter",
    "CompleteAfter",
    "IncrementalSyncInterval",
    "BadItemLimit",
    "BadItemsEncountered",
    "LargeItemLimit",
    "QueuedTimestamp",
    "StartTimestamp",
    "LastUpdateTimestamp",
    "InitialSeedingCompletedTimestamp",
    "FinalSyncTimestamp",
    "CompletionTimestamp",
    "SuspendedTimestamp",
    "TotalMailboxSize",
    "TotalMailboxItemCount",
    "TotalArchiveSize",
    "MRSServerName",
    "CompletedRequestAgeLimit",
    "FailureType",
    "FailureTimestamp",
    "Message",
    "ExchangeGuid",
];

/// The server that pulls a mailbox: how far it is, its store knows.
pub(super) fn target(view: &View, identity: &str) -> Option<Guid> {
    let request = move_request::resolve(view, identity).ok()?;
    let database = MOVE_PARTS.iter().find_map(|part| request.link(part.target))?;
    place::active_on(view.get(database)?)
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found: Vec<Arc<Object>> = match call.identity("Identity") {
        Some(identity) => vec![move_request::resolve(&view, &identity)?],
        None => view.of_class(&MOVE_REQUEST).cloned().collect(),
    };
    if let Some(queue) = call.identity("MoveRequestQueue") {
        let queue = mailbox_database::NOUN.resolve(&view, &queue)?;
        found.retain(|request| MOVE_PARTS.iter().any(|part| request.link(part.target) == Some(queue.guid)));
    }
    if let Some(mailbox) = call.text("MailboxGuid") {
        let guid = mailbox.parse().map_err(|_| Failure::invalid("MailboxGuid takes a GUID."))?;
        found.retain(|request| request.guid_of("ExchangeGuid") == Some(guid));
    }
    let reader = call.reader();
    found.retain(|request| move_request::user(&view, request).is_some_and(|user| reader.sees(&view, &user)));
    let with_report = call.switch("IncludeReport") || call.switch("ReportOnly");
    for request in found {
        let row = show(call.cx, &view, &request, with_report);
        if let ("InProgress" | "CompletionInProgress", Some(Value::Int(done))) =
            (request.text("Status").unwrap_or_default(), row.get("PercentComplete"))
        {
            let activity = format!("Moving mailbox \"{}\"", move_request::called(&view, &request));
            let percent = usize::try_from(*done).unwrap_or(0);
            call.progress(&activity, request.text("StatusDetail").unwrap_or_default(), percent);
            call.progress_ended(&activity);
        }
        let _ = call.write(row.into());
    }
    Ok(())
}

/// How far a request is: as the target says while it runs, as the request says afterwards.
fn progress(cx: &Context, request: &Object) -> Progress {
    let stored = Progress {
        items: request.int("ItemsTransferred").and_then(|n| n.try_into().ok()).unwrap_or(0),
        bytes: request.size("BytesTransferred").limit().map_or(0, |size| size.bytes()),
    };
    let mut live: Option<Progress> = None;
    for (index, part) in MOVE_PARTS.iter().enumerate() {
        let Some(store) = request.link(part.target).and_then(|guid| cx.stores.get(guid).ok()) else {
            continue;
        };
        let id = transfer_id(request.guid, index);
        let states = store.transfers().unwrap_or_default();
        if let Some(state) = states.into_iter().find(|state| state.id == id && state.source.is_some()) {
            let sum = live.get_or_insert_with(Progress::default);
            (sum.items, sum.bytes) = (sum.items + state.progress.items, sum.bytes + state.progress.bytes);
        }
    }
    live.filter(|live| live.items >= stored.items).unwrap_or(stored)
}

fn moment(request: &Object, name: &str) -> Option<Timestamp> {
    match request.stored_value(name) {
        Some(Stored::Time(time)) => Some(*time),
        _ => None,
    }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Value {
    let Some((from, to)) = from.zip(to) else { return Value::Null };
    Value::TimeSpan(EnhancedTimeSpan { micros: to.micros.saturating_sub(from.micros).max(0) })
}

/// A request's statistics.
pub(super) fn show(cx: &Context, view: &View, request: &Object, with_report: bool) -> PsObject {
    let mut out = PsObject::new(&[TYPE]);
    let user = move_request::user(view, request);
    let name = user.as_ref().map(|user| user.text("DisplayName").unwrap_or(&user.name));
    out.set("DisplayName", name.into());
    out.set("Alias", user.as_ref().and_then(|user| user.text("Alias")).into());
    for name in AS_STORED {
        let value = MOVE_REQUEST.attribute(name).map(|attribute| convert::property(view, request, attribute));
        out.set(name, value.unwrap_or(Value::Null));
    }
    out.set("Flags", Value::string(move_request::flags(request)));
    out.set("RequestStyle", Value::string("IntraOrg"));
    out.set("Direction", Value::string("Pull"));
    out.set("IsOffline", Value::Bool(false));
    let progress = progress(cx, request);
    let total = request.size("TotalMailboxSize").limit().map_or(0, |size| size.bytes());
    let stored = request.int("PercentComplete").unwrap_or(0);
    let done = if request.text("Status") == Some("InProgress") && moment(request, "StartTimestamp").is_some()
    {
        stored.max(percent(progress.bytes, total))
    } else {
        stored
    };
    out.set("PercentComplete", Value::Int(i32::try_from(done).unwrap_or(0)));
    out.set("ItemsTransferred", Value::Long(i64::try_from(progress.items).unwrap_or(i64::MAX)));
    let size = |bytes| Value::Unlimited(Unlimited::Limited(Limit::Size(ByteQuantifiedSize(bytes))));
    out.set("BytesTransferred", size(progress.bytes));
    let (start, end) = (moment(request, "StartTimestamp"), moment(request, "CompletionTimestamp"));
    let until = end.or_else(|| Some(cx.clock.now()));
    let minutes = start.zip(until).map(|(from, to)| to.since(from).as_secs_f64() / 60.0);
    let rate = minutes
        .filter(|minutes| *minutes > 0.0)
        .map_or(0, |minutes| (progress.bytes as f64 / minutes) as u64);
    out.set("BytesTransferredPerMinute", size(rate));
    out.set("OverallDuration", between(moment(request, "QueuedTimestamp"), until));
    out.set("TotalInProgressDuration", between(start, until.filter(|_| start.is_some())));
    out.set("TotalFinalizationDuration", between(moment(request, "FinalSyncTimestamp"), end));
    out.set("IsValid", Value::Bool(true));
    out.set("RequestGuid", Value::Guid(request.guid));
    let identity = user.as_ref().map_or(Value::Null, |user| convert::identity(user));
    out.set("MailboxIdentity", identity.clone());
    out.set("Identity", identity);
    if with_report {
        let lines: Vec<String> = request.values("Report").iter().map(ToString::to_string).collect();
        out.set("Report", Value::string(lines.join("\n")));
    }
    out
}
