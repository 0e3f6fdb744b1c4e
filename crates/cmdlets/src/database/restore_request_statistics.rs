//! How far restores are, and the report of what happened.

use std::sync::Arc;

use base::{EnhancedTimeSpan, Timestamp};
use directory::{Object, Value as Stored, View, schema::MAILBOX_RESTORE_REQUEST};
use powershell::{Value, value::PsObject};

use super::{mailbox_database, restore_request};
use crate::{Cmdlet, Context, Outcome, call::Call, convert};

/// `Get-MailboxRestoreRequestStatistics`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MailboxRestoreRequestStatistics",
    get,
    &["IncludeReport", "MRSInstance", "ReportOnly", "RequestGuid", "RequestQueue"],
);

const TYPE: &str = "Microsoft.Exchange.MailboxReplicationService.MailboxRestoreRequestStatistics";

/// What is shown as the request has it, in order; the rest is computed.
const AS_STORED: &[&str] = &[
    "Status",
    "StatusDetail",
    "SourceDatabase",
    "SourceExchangeGuid",
    "SourceRootFolder",
    "TargetMailbox",
    "TargetIsArchive",
    "TargetRootFolder",
    "IncludeFolders",
    "ExcludeFolders",
    "ExcludeDumpster",
    "ConflictResolutionOption",
    "AssociatedMessagesCopyOption",
    "BatchName",
    "Priority",
    "Suspend",
    "SuspendComment",
    "BadItemLimit",
    "BadItemsEncountered",
    "LargeItemLimit",
    "QueuedTimestamp",
    "StartTimestamp",
    "LastUpdateTimestamp",
    "CompletionTimestamp",
    "SuspendedTimestamp",
    "TotalMailboxSize",
    "TotalMailboxItemCount",
    "BytesTransferred",
    "ItemsTransferred",
    "PercentComplete",
    "MRSServerName",
    "CompletedRequestAgeLimit",
    "FailureType",
    "FailureTimestamp",
    "Message",
];

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let identity = call.identity("Identity").or_else(|| call.identity("RequestGuid"));
    let mut found: Vec<Arc<Object>> = match identity {
        Some(identity) => vec![restore_request::resolve(&view, &identity)?],
        None => view.of_class(&MAILBOX_RESTORE_REQUEST).cloned().collect(),
    };
    if let Some(queue) = call.identity("RequestQueue") {
        let queue = mailbox_database::NOUN.resolve(&view, &queue)?;
        found.retain(|request| {
            let target = restore_request::target(&view, request);
            target.and_then(|user| user.link("Database")) == Some(queue.guid)
        });
    }
    let reader = call.reader();
    found.retain(|request| {
        restore_request::target(&view, request).is_some_and(|user| reader.sees(&view, &user))
    });
    let with_report = call.switch("IncludeReport") || call.switch("ReportOnly");
    for request in found {
        let row = show(call.cx, &view, &request, with_report);
        let _ = call.write(row.into());
    }
    Ok(())
}

fn show(cx: &Context, view: &View, request: &Object, with_report: bool) -> PsObject {
    let mut out = PsObject::new(&[TYPE]);
    out.set("Name", request.text("RequestName").into());
    for name in AS_STORED {
        let attribute = MAILBOX_RESTORE_REQUEST.attribute(name);
        out.set(name, attribute.map_or(Value::Null, |of| convert::property(view, request, of)));
    }
    let user = restore_request::target(view, request);
    out.set("TargetAlias", user.as_ref().and_then(|user| user.text("Alias")).into());
    let moment = |name: &str| match request.stored_value(name) {
        Some(Stored::Time(time)) => Some(*time),
        _ => None,
    };
    let end = moment("CompletionTimestamp").unwrap_or_else(|| cx.clock.now());
    let span = |from: Option<Timestamp>| match from {
        Some(from) => {
            Value::TimeSpan(EnhancedTimeSpan { micros: end.micros.saturating_sub(from.micros).max(0) })
        }
        None => Value::Null,
    };
    out.set("OverallDuration", span(moment("QueuedTimestamp")));
    out.set("TotalInProgressDuration", span(moment("StartTimestamp")));
    out.set("RequestGuid", Value::Guid(request.guid));
    out.set("IsValid", Value::Bool(true));
    out.set("Identity", Value::string(restore_request::called(view, request)));
    if with_report {
        let lines: Vec<String> = request.values("Report").iter().map(ToString::to_string).collect();
        out.set("Report", Value::string(lines.join("\n")));
    }
    out
}
